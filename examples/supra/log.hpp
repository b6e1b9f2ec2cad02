// A run's log for machines, one JSON object a line, flushed as it is written; and its progress for people, on a terminal only.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "supra/io/error.hpp"

namespace supra::program {

using json = nlohmann::ordered_json;

inline json number(double x) { return std::isfinite(x) ? json(x) : json(nullptr); }

class run_log {
 public:
  run_log() = default;  // says nothing
  explicit run_log(const std::filesystem::path& path, bool append = false) : path_(path.string()) {
    if (append) drop_unfinished_line();
    out_.open(path, append ? std::ios::app : std::ios::trunc);
    if (!out_) io::fail(path_, ": cannot be written; choose another output folder");
  }
  void write(const json& line) {
    if (path_.empty()) return;
    out_ << line.dump(-1, ' ', false, json::error_handler_t::replace) << "\n" << std::flush;
    if (!out_) io::fail(path_, ": could not be written any further; is the disk full?");
  }

 private:
  // A run that was broken off may have left half a line.
  void drop_unfinished_line() const {
    std::ifstream in(path_, std::ios::binary);
    std::uintmax_t whole = 0;
    for (std::string line; std::getline(in, line) && !in.eof();) whole += line.size() + 1;
    in.close();
    std::error_code failed;
    if (whole != std::filesystem::file_size(path_, failed) && !failed) std::filesystem::resize_file(path_, whole, failed);
  }
  std::string path_;
  std::ofstream out_;
};

inline std::string clock_text(double seconds) {
  const long s = std::lround(std::max(0.0, seconds));
  return s < 3600 ? fmt::format("{}:{:02}", s / 60, s % 60) : fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

// One line that is written over: tokens, loss, speed, time left. Nothing where standard error is no terminal.
class progress {
 public:
  progress(std::string what, double total, std::string unit = "tokens")
      : what_(std::move(what)), unit_(std::move(unit)), total_(total) {}
  ~progress() { clear(); }
  void show(double tokens, double loss, double done_at_start = 0) {
    if (!terminal_ || (seconds() - shown_ < 0.2 && tokens < total_)) return;
    shown_ = seconds();
    const double speed = (tokens - done_at_start) / std::max(1e-9, shown_);
    const int filled = total_ > 0 ? static_cast<int>(24 * std::min(1.0, tokens / total_)) : 0;
    std::string bar(static_cast<std::size_t>(filled), '=');
    bar.resize(24, ' ');
    fmt::print(stderr, "\r\033[K{} [{}] {:.3g}k of {:.3g}k {}", what_, bar, tokens / 1e3, total_ / 1e3, unit_);
    if (std::isfinite(loss)) fmt::print(stderr, ", loss {:.4f}", loss);
    fmt::print(stderr, ", {:.3g}k {}/s, {} left", speed / 1e3, unit_, clock_text((total_ - tokens) / std::max(1e-9, speed)));
    std::fflush(stderr);
  }
  void clear() {
    if (terminal_ && shown_ > 0) fmt::print(stderr, "\r\033[K");
    shown_ = 0;
  }
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::string what_, unit_;
  double total_, shown_ = 0;
  bool terminal_ = isatty(STDERR_FILENO) != 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace supra::program
