// The runs of an experiment, one after another, in a folder that can be gone on with.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "checks.hpp"
#include "made_up.hpp"
#include "summary.hpp"

namespace supra::program::experiments {

class runner {
 public:
  // Reads and checks everything; throws a sentence, and has written nothing, for a folder of another experiment.
  runner(commands& on, experiment e, const experiment_options& o);
  void go();

 private:
  void prepare();  // teachers and texts
  void plan();
  void check();         // teachers, texts and variants; the window that all are measured in
  void check_folder();
  void forget_teachers();  // what was measured of others
  json settings() const;             // what a folder must have been made with
  void train(run&);
  json of_teacher(std::size_t i, const std::string& what) const;
  void measure_teachers();
  void measure(run&);
  uptrain_options asked(const run&) const;
  evaluate_options evaluation(const std::string& model, const std::string& json_file) const;
  void write();
  void tell_progress(std::size_t at, double seconds) const;

  commands& on;
  experiment e;
  experiment_options o;
  std::vector<run> runs;
  std::vector<opened_teacher> opened_teachers;  // as e.teachers
  std::string text_fingerprint;
  std::set<std::string> begun_variants;  // with a run that began before this call
  bool other_settings = false;           // the folder was made with others, and no run had begun
  std::vector<std::string> teacher_paths, texts;
  std::map<std::string, json> teachers_found;  // by measure: a list
  std::vector<std::string> teachers_failures;  // sentences
  std::string held_out;              // the file of the held-out text
  double entropy = report::missing;
  std::size_t made = 0;              // runs of this call
};

}  // namespace supra::program::experiments
