// uptrain: a recipe's steps in order, each with its checkpoint and its losses, then the RNN's folder, the report and the
// result.
#pragma once

#include <optional>
#include <span>

#include "recipe.hpp"
#include "report/log.hpp"
#include "supra/train/transfer.hpp"
#include "training.hpp"

namespace supra::program {

// The phases that leave checkpoints, the last first.
inline const std::vector<const char*> uptrain_phases = {"uptrain", "transfer"};

template <class B>
class uptraining {
 public:
  using model_type = model::transformer<B, scalar<B>>;
  using registry = model::attention_registry<B, scalar<B>>;
  using objective = std::unique_ptr<train::objective<B, scalar<B>>>;

  // pretrained: tokens that the teacher was trained on, 0 where it is not known. All that is given must outlive this.
  uptraining(B& b, const registry& r, const uptrain_options& given, const io::loaded<real>& teacher, const io::tokenizer& t,
             const divided_documents& docs, std::int64_t pretrained = 0)
      : b(b),
        compositions(r),
        o(checked(given, teacher.config)),
        recipe(recipe_of(o)),
        teacher(teacher),
        tokenizer(t),
        pretrained(pretrained),
        student_c(student_of(o, teacher.config)),
        data(split(t, docs, teacher.config.bos, o.train.seq, o.train.seed,
                   o.train.text.empty() ? "the corpus" : o.train.text.front())) {
    teaching = make(teacher.config, teacher.values), teaching->keep_no_activations();
    student = make(student_c, recipe.from_teacher ? model::linearize(teacher.config, teacher.values, student_c, o.train.seed)
                                                  : from_nothing());
    steps = train_steps(o.train, o.train.tokens), transferred = train::transfer_steps(recipe, steps);
    prompt = o.prompt.empty() ? beginning(data.held_out_documents.front()) : o.prompt;
  }

  // What was left to be chosen, chosen; c: the teacher's.
  static uptrain_options checked(uptrain_options o, const model::config& c) {
    auto& t = o.train;
    if (t.tokens == 0) t.tokens = 1000000;
    if (t.seq == 0) t.seq = std::min<std::int64_t>(c.max_length, 2048);
    if (t.batch == 0) t.batch = usual_batch(t);
    set_batch(t, c.max_length);
    if (t.lr == 0 && train::recipe_named(o.recipe).from_teacher)  // wider models take smaller steps
      t.lr = 1e-3 * std::sqrt(64 / static_cast<double>(c.dim));
    if (o.evaluate_at.empty()) o.evaluate_at = {t.tokens / 4, t.tokens / 2, 3 * (t.tokens / 4)};
    return o;
  }

  static model::config student_of(const uptrain_options& o, const model::config& teacher) {
    return model::student_config(teacher, attention_named(o.attention), o.kv_heads);
  }

  // Throws unless the student can be made, before long work on its text.
  static void check_student(const registry& r, const uptrain_options& o, const model::config& teacher) {
    const auto c = student_of(o, teacher);
    model::check(c), model::check_widths(c, typename model_type::student_layer(c, r).w);
  }

  // The folder and the log are opened, by `open_log`, once everything is known to fit together.
  template <class Open>
  void run(Open&& open_log) {
    log = open_log();
    training.emplace(b, compositions, o.train, tokenizer, data, log);
    training->settings = {{"attention", o.attention}, {"recipe", told(recipe)}, {"teacher", model::fingerprint(teacher.config, teacher.values)}};
    if (more_key_heads()) training->settings["kv_heads"] = student_c.kv_heads;
    if (model::is_hybrid(student_c)) {
      training->dropout = window_dropout_of(o);
      training->settings["window_dropout"] = {training->dropout.first, training->dropout.last,
                                              train_steps(o.train, o.train.tokens)};
    }
    start();
    for (auto& step : recipe.steps) std::visit([&](auto& s) { take(s); }, step);
    finish();
  }

 private:
  // About 2,000 steps: at equal tokens many small ones lose less than few large ones (docs/quality.md); of 1,024 to 8,192 tokens.
  static std::int64_t usual_batch(const training_options& t) {
    return std::max<std::int64_t>(1, std::clamp<std::int64_t>(t.tokens / 2000, 1024, 8192) / t.seq);
  }
  // About twelve words; fewer where these take many tokens, as a text without spaces does.
  std::string beginning(const std::vector<std::int32_t>& document) const {
    const std::string text = tokenizer.decode(std::span(document).first(std::min<std::size_t>(document.size(), 96)));
    std::size_t at = 0;
    for (int words = 0; words < 12 && at != text.npos; ++words) at = text.find(' ', at + 1);
    return text.substr(0, at);
  }
  std::unique_ptr<model_type> make(const model::config& c, const std::vector<real>& values) {
    auto m = std::make_unique<model_type>(b, c, compositions);
    return m->load(values), std::move(m);
  }
  bool more_key_heads() const { return student_c.kv_heads != teacher.config.kv_heads; }
  std::vector<real> from_nothing() const { return model::random_values<real>(student_c, o.train.seed + 2); }
  bool resumes_after(const char* phase) const {  // the run that goes on was through with it
    for (const char* later : uptrain_phases) {
      if (std::string(later) == phase) return false;
      if (o.train.resume && std::filesystem::exists(checkpoint_path(o.train, later))) return true;
    }
    return false;
  }

  void start() {
    if (o.train.resume) {
      teacher_loss = train::evaluate(*teaching, *data.held_out, o.train.batch, o.train.evaluate_windows);
      return losses_before();
    }
    log.write(start_line());
    teacher_loss = training->evaluate(*teaching, "uptrain", "teacher", "teacher", 0);
    training->sample(*teaching, "teacher", prompt);
    const double loss = seen("swap", recipe.from_teacher ? "swap" : "start");
    if (recipe.from_teacher) swap_loss = loss;
  }
  // Of the steps that the run was through with before it was broken off.
  void losses_before() {
    const std::string path = o.train.out + "/log.jsonl";
    std::error_code failed;
    const bool written = std::filesystem::file_size(path, failed) > 0 && !failed;
    const auto before = written ? report::read_log(path) : report::run();
    if (recipe.from_teacher) swap_loss = before.loss("swap_loss", "student", "swap");
    if (recipe.find<train::fit_step>()) fit_loss = before.loss("fit_loss", "student", "fit");
    if (transferred > 0) transfer_loss = before.loss("transfer_loss", "student", "transfer");
  }
  json start_line() const {
    const auto parameters = student->layout.count();
    json line{{"event", "start"},
              {"title", "uptraining"},
              {"teacher", teacher.source},
              {"attention", o.attention},
              {"recipe", recipe.name},
              {"parameters", parameters},
              {"added_parameters", parameters - teaching->layout.count()},
              {"tokens", o.train.tokens},
              {"seq", o.train.seq},
              {"batch", o.train.batch}};
    json settings = std::visit([](auto& s) { return told(s); }, recipe.steps.back());
    const json rates = settings.at("rates");
    settings.erase("rates"), settings.update(rates);
    if (const auto* t = recipe.find<train::transfer_step>()) settings["transfer_share"] = t->share;
    if (more_key_heads()) settings["kv_heads"] = student_c.kv_heads;
    if (model::is_hybrid(student_c)) settings["window_dropout"] = training->dropout.first;
    settings["seed"] = o.train.seed, line["settings"] = settings;
    return line;
  }
  // The student's held-out loss and what it writes.
  double seen(const char* sample, const char* tag) {
    const double loss = training->evaluate(*student, "uptrain", "student", tag, 0);
    return training->sample(*student, sample, prompt), loss;
  }

  void take(const train::fit_step& s) {
    if (o.train.resume) return;
    model::output_fit<B, scalar<B>> solver(*teaching, *student);
    for (std::int64_t i = 0; i < fit_batches(s); ++i)
      solver.add(data.train->take(i * o.train.batch, o.train.batch).ids, o.train.batch, o.train.seq);
    solver.solve();
    fit_loss = seen("fit", "fit");
  }
  void take(const train::transfer_step& s) {
    if (transferred == 0 || resumes_after("transfer")) return;
    transfer_loss =
        training->fit(*student, {"transfer", "student", transferred, 0, s.rates, o.evaluate_at, s.warm_up, "transfer"},
                      std::make_unique<train::transfer_objective<B, scalar<B>>>(*teaching, *student));
    training->sample(*student, "transfer", prompt);
  }
  void take(const train::text_step& s) { whole(s.rates, text(*student, s)); }
  void take(const train::distill_step& s) {
    whole(s.rates, std::make_unique<train::distill_objective<B, scalar<B>>>(*teaching, *student, s.weights));
  }
  static objective text(model_type& m, const train::text_step& s) {
    return std::make_unique<train::text_objective<B, scalar<B>>>(m, s.z);
  }
  void whole(const train::adamw_settings& rates, objective what) {
    loss = training->fit(*student, {"uptrain", "student", steps - transferred, transferred, rates, o.evaluate_at},
                         std::move(what));
    linear_loss = training->linear_loss, window_loss = training->window_loss;
    std::error_code failed;  // what only a break before this step could have used
    std::filesystem::remove(checkpoint_path(o.train, "transfer"), failed);
  }

  void finish() {
    training->sample(*student, "student", prompt);
    save_folder(o.train.out, student_c, student->values(), tokenizer);
    training->growth(*teaching, "teacher", 1024), training->growth(*student, "student", 4096);
    if (o.scratch) scratch_loss = compare();
    json all = result(), line{{"event", "result"}};
    line.update(all), log.write(line);
    write_report(o.train.out + "/log.jsonl", o.train.out + "/report.html");
    all["model"] = o.train.out, all["report"] = o.train.out + "/report.html";
    print_result(all, "");
  }
  // The same shape from nothing on as many tokens.
  double compare() {
    uptrain_options alone;
    alone.train = o.train, alone.train.lr = 0, alone.lr_scratch = o.lr_scratch, alone.recipe = "scratch";
    const auto scratch = recipe_of(alone);
    const auto& s = *scratch.find<train::text_step>();
    auto nothing = make(student_c, from_nothing());
    return training->fit(*nothing, {"scratch", "scratch", steps, 0, s.rates, o.evaluate_at}, text(*nothing, s));
  }
  json result() const {
    const std::int64_t step = step_tokens(o.train);
    const auto* fit = recipe.find<train::fit_step>();
    const std::int64_t fitted = fit ? fit_batches(*fit) * o.train.batch * o.train.seq : 0;
    json r{{"teacher_loss", number(teacher_loss)},
           {"student_loss", number(loss)},
           {"student_tokens", steps * step},
           {"teacher_forward_tokens", train::teacher_tokens(recipe, fitted, transferred * step, steps * step)}};
    if (model::is_hybrid(student_c))
      r["linear_branch_loss"] = number(linear_loss), r["window_branch_loss"] = number(window_loss);
    if (swap_loss) r["swap_loss"] = number(*swap_loss);
    if (fit_loss) r["fit_loss"] = number(*fit_loss), r["fit_tokens"] = fitted;
    if (transfer_loss) r["transfer_loss"] = number(*transfer_loss), r["transfer_tokens"] = transferred * step;
    if (scratch_loss)
      r["scratch_loss"] = number(*scratch_loss),
      r["recovered"] = number((*scratch_loss - loss) / (*scratch_loss - teacher_loss));
    if (pretrained > 0) r["teacher_tokens"] = pretrained;
    r["seconds"] = clock.seconds();
    return r;
  }
  std::int64_t fit_batches(const train::fit_step& s) const {
    return std::max<std::int64_t>(1, s.tokens / (o.train.batch * o.train.seq));
  }

  const progress clock{"", 0};
  B& b;
  const registry& compositions;
  const uptrain_options o;
  const train::recipe recipe;
  const io::loaded<real>& teacher;
  const io::tokenizer& tokenizer;
  const std::int64_t pretrained;
  const model::config student_c;
  const training_data data;
  std::unique_ptr<model_type> teaching, student;
  std::int64_t steps = 0, transferred = 0;  // of the optimizer, the transfer's counted
  std::string prompt;
  run_log log;
  std::optional<training_run<B>> training;
  double teacher_loss = 0, loss = 0, linear_loss = 0, window_loss = 0;  // the last two: a hybrid's branches, each alone
  std::optional<double> swap_loss, fit_loss, transfer_loss, scratch_loss;
};

}  // namespace supra::program
