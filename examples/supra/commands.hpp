// What the program's commands are asked for. Each backend's translation unit implements them for its backend.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace supra::program {

struct shape_options {  // of a model made from nothing
  std::int64_t dim = 64, layers = 4, heads = 4, kv_heads = 4, hidden = 192, max_length = 256;
};

struct training_options {
  std::vector<std::string> text;
  std::string tokenizer, out;
  std::int64_t tokens = 0, seq = 0, batch = 0;  // 0: chosen by the command
  std::int64_t accumulate = 1;                  // batches whose gradients make one step
  double lr = 0, lr_added = 0, clip = 1, held_out = 0.05;
  std::optional<double> weight_decay, z_loss;  // none: chosen by the command
  std::uint64_t seed = 0;
  std::int64_t checkpoint_every = 200;  // steps
  std::int64_t evaluate_windows = 256;  // of the held-out text, at most
  bool resume = false;
};

struct pretrain_options {
  training_options train;
  shape_options shape;
};

struct uptrain_options {
  training_options train;
  std::string teacher, attention = "best", recipe = "distill";  // names of attention_named.hpp, train/recipe.hpp
  std::optional<double> transfer_share, kl, ce;              // none: the recipe's
  std::optional<double> window_dropout;                      // of an attention with a window; none: the usual
  double lr_scratch = 0;
  bool scratch = false;  // also train the student's shape from nothing at equal tokens
  std::int64_t fit_tokens = 65536;
  std::int64_t kv_heads = 0;              // the student's; 0: as the teacher's
  std::int64_t sampled = 0;               // tokens that the teacher writes where text is teacher:SEED; 0: chosen by the command
  std::vector<std::int64_t> evaluate_at;  // tokens after which the held-out loss is measured
  std::string prompt;
};

struct generate_options {
  std::string model, tokenizer, prompt, load_state, save_state, json, weights;  // weights: empty as the backend stores models
  std::int64_t tokens = 256, batch = 1;  // batch: continuations, with the seeds seed, seed + 1, ...
  double temperature = 0, top_p = 1;
  std::uint64_t seed = 0;
  bool stop_at_end = true;
};

struct evaluate_options {
  std::string model, tokenizer, json, weights;
  std::string branch = "both";  // of hybrids: both, linear or window
  std::vector<std::string> beside;  // models to compare with
  std::vector<std::string> text;
  bool by_position = false, recall = false;
  std::string recall_text;
  std::uint64_t seed = 0;  // of recall's sequences
  std::optional<std::int64_t> window, limit;
  std::vector<std::string> tasks;
  std::string data, predictions, report;
};

struct convert_options {
  std::string model, tokenizer, out, dtype, format = "hugging-face";  // dtype: empty as stored
};

struct info_options {
  std::string model, json;
};

struct demo_options {
  std::string out;
  std::uint64_t seed = 0;
  double scale = 1;  // of the numbers of tokens
};

struct experiment_options {
  std::string experiment, out;  // a name, or a file
  std::vector<std::string> teachers, text, variants, set;  // set: KEY=VALUE, settings of all variants
  std::string tokenizer, backend, command;                 // command: as it was typed, for the report
  std::optional<std::int64_t> tokens, seeds;
  bool list = false, show = false;
};

class commands {
 public:
  virtual ~commands() = default;
  int threads = 0;  // as --threads says, for what no backend does; 0: all that there are
  virtual void pretrain(const pretrain_options&) = 0;
  virtual void uptrain(const uptrain_options&) = 0;
  virtual void generate(const generate_options&) = 0;
  virtual void evaluate(const evaluate_options&) = 0;
  virtual void demo(const demo_options&) = 0;
};

// One for each backend that the program was built with; throws a sentence for a number of threads that it cannot have.
std::unique_ptr<commands> eigen_commands(int threads);
std::unique_ptr<commands> tbb_commands(int threads);
std::unique_ptr<commands> kokkos_commands(int threads);
std::unique_ptr<commands> cuda_commands(int threads);

// Throws a sentence at its end where a run failed.
void run_experiment(commands&, const experiment_options&);
void list_experiments();
void show_experiment(const std::string& name_or_file);

void convert(const convert_options&);
void info(const info_options&);

}  // namespace supra::program
