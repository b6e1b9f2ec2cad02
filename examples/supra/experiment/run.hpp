// One run's folder: how far it is, and what it found.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "../report/log.hpp"
#include "file.hpp"

namespace supra::program::experiments {

// A run has ended when its log has a result, and has begun when there is a checkpoint to go on from.
bool ended(const std::string& folder);
bool begun(const std::string& folder);
// Removes what a run that was cut off before its first checkpoint left: its log, and files that were being written.
void clear_unbegun(const std::string& folder);

struct run {
  std::string variant, teacher, folder;
  std::int64_t seed = 0;
  json settings;
  std::string failure;   // a sentence, where it failed
  report::run log;       // empty before the run
  json by_position, recall;
  double recovered = report::missing;

  bool done() const { return log.result.is_object(); }
  double number(const char* key) const { return done() ? report::number(log.result, key) : report::missing; }
  double loss() const { return number("student_loss"); }
  double swap() const { return log.loss("swap_loss", "student", "swap"); }
  double fit() const { return log.loss("fit_loss", "student", "fit"); }
  // Mean loss over the long windows, whatever length the run was trained at.
  double long_loss() const {
    return by_position.is_object() ? report::number(by_position, "loss_nats_per_token") : report::missing;
  }
  // The phase that was trained last, and its last step.
  std::optional<std::pair<std::string, std::int64_t>> last_step() const;
  double speed() const;          // tokens a second in training
  double next_token() const;     // seconds, at the longest text measured
};

// What a file holds; null where it is not there or is no JSON.
json json_in(const std::filesystem::path&);

// The folder's log and its measures' files, as far as they are there.
void read(run&);

}  // namespace supra::program::experiments
