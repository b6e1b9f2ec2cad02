// An experiment as its file says it: the same training of several attentions or recipes, each with several seeds.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "../commands.hpp"
#include "../log.hpp"
#include "supra/io/json.hpp"

namespace supra::program::experiments {

// The transformer that is made where none is given: supra pretrain's shape and training, on made-up stories. The demo's.
struct made_up_teacher {
  std::int64_t dim = 64, layers = 3, heads = 4, kv_heads = 4, hidden = 160, seq = 256, tokens = 2000000, batch = 16;
  double lr = 4e-3;
  double held_out = training_options{}.held_out;  // that of the runs: their held-out stories are the teacher's too
};

struct teacher {
  std::string name;  // of its row in tables, empty where there is one teacher
  std::string path;  // empty: made up
  std::string tokenizer;
  made_up_teacher made;
};

inline const std::string from_scratch = "scratch";  // the variant that others recover from

struct variant {
  std::string name;
  json settings;  // of uptrain, by its flags' names with _ for -: the common ones, and its own instead of them
};

struct experiment {
  std::string name, title, question, tokenizer;
  std::vector<std::string> text;  // empty: the made-up stories
  std::vector<teacher> teachers;
  json common = json::object();  // settings of all variants
  std::vector<variant> variants;
  std::string baseline;  // a variant's name
  std::string shape_of_scratch;  // the variant whose shape is trained from nothing, or scratch itself; set by take_flags
  json from_nothing;             // the settings of that training; set by take_flags
  std::vector<std::int64_t>
      lengths;  // each variant's seq, of those too that --variants leaves out; 0: the teacher's; set by take_flags
  std::int64_t seeds = 3;        // 0, 1, ...
  std::set<std::string> measure;
  std::int64_t window = 0, windows = 8;  // of the loss by position: tokens (0: 16 times the longest seq), and how many at most

  bool measures(const std::string& what) const { return measure.contains(what); }
  bool made_up() const { return teachers.front().path.empty(); }
};

// The experiments that the program carries (examples/experiments/NAME.json), by name.
struct embedded_file {
  std::string_view name, text;
};
extern const std::vector<embedded_file> embedded;

// The text of an experiment that the program carries, or of a file; `where` becomes its name in errors.
std::string experiment_text(const std::string& name_or_file, std::string& where);

// Strict: a key that is not known is refused by name. `where` names the file in errors.
experiment read_experiment(std::string_view text, const std::string& where);

// The flags' teachers, texts, tokens, seeds, settings and variants instead of the file's.
void take_flags(experiment&, const experiment_options&);

// What uptrain is asked for; throws a sentence for a setting that is not known or out of range.
uptrain_options uptrain_of(const json& settings, const std::string& where);

}  // namespace supra::program::experiments
