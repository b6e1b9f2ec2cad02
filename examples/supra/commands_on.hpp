// The commands on one backend.
#pragma once

#include "attention_named.hpp"
#include "continuations.hpp"
#include "corpus.hpp"
#include "evaluation_on.hpp"
#include "teacher_text.hpp"
#include "uptraining.hpp"

namespace supra::program {

template <class B>
class commands_on : public commands {
 public:
  using model_type = model::transformer<B, scalar<B>>;

  template <class... Settings>
  explicit commands_on(Settings... of_backend) : backend(of_backend...) {}

  void pretrain(const pretrain_options& given) override {
    const auto& o = given.train;
    check_run(o, "pretrain", {"pretrain"});
    io::need(!o.text.empty(), "pretrain needs --text, files to train on");
    auto tokenizer = io::load_tokenizer(o.tokenizer.empty() ? "bytes" : o.tokenizer);
    const auto docs = divided(training_documents(*tokenizer, o.text, threads), o.held_out, o.text.front());
    train_teacher(o, given.shape, *tokenizer, docs, [&] { return open(o, docs); });
    write_report(o.out + "/log.jsonl", o.out + "/report.html");
  }

  void uptrain(const uptrain_options& given) override {
    attention_named(given.attention), recipe_of(given);
    check_run(given.train, "uptrain", uptrain_phases);
    io::need(!given.train.text.empty(), "uptrain needs --text, files to train on");
    const auto teacher = io::load_model<real>(given.teacher);
    io::need(!teacher.config.linear, given.teacher, ": is linear already; a teacher is a softmax transformer");
    auto tokenizer = tokenizer_for(given.train.tokenizer, given.teacher, teacher.config);
    const auto o = uptraining<B>::checked(given, teacher.config);
    uptraining<B>::check_student(compositions, o, teacher.config);
    teacher_text<B> text(backend, compositions, o, teacher, *tokenizer);
    const auto docs = text.documents(threads);
    uptraining<B>(backend, compositions, o, teacher, *tokenizer, docs).run([&] {
      run_log log = open(o.train, docs);
      text.save(log);
      return log;
    });
  }

  void generate(const generate_options& o) override {
    check_weights<B>(o.weights);
    check_writable(o.save_state, "--save-state"), check_writable(o.json, "--json");
    io::need(o.save_state.empty() || o.batch == 1, "--save-state keeps the state of one text, and --batch ", o.batch,
             " writes ", o.batch, "; leave one of them out");
    auto loaded = io::load_model<real>(o.model);
    auto tokenizer = tokenizer_for(o.tokenizer, o.model, loaded.config);
    const weights_on<B> weights(backend, compositions, std::move(loaded.values), loaded.config, o.weights);
    if (weights.kind != "f32") fmt::print(stderr, "weights: {}\n", weights.size());
    model::generator<B, scalar<B>> g(*weights.decoder);
    if (!o.load_state.empty()) load_state(g, o.load_state, loaded.config.vocab);
    std::vector<std::int32_t> ids;
    if (g.state.pending >= 0) ids.push_back(g.state.pending);
    const bool fresh = g.state.position == 0 && ids.empty();
    if (!o.prompt.empty() || fresh) {
      const auto more = fresh ? stream(*tokenizer, {o.prompt}, loaded.config.bos) : tokenizer->encode(o.prompt);
      ids.insert(ids.end(), more.begin(), more.end());
    }
    io::need(!ids.empty(), "there is nothing to go on from: give a --prompt");
    const auto& logits = g.feed(ids);
    continuations texts(o, *tokenizer, loaded.config, ids.back());
    if (o.batch == 1) {
      texts.run(logits, [&](auto& tokens) -> auto& { return g.step(tokens.front()); });
    } else {
      auto many = g.spread(o.batch);
      texts.run(many.logits(), [&](auto& tokens) -> auto& { return many.step(tokens); });
    }
    texts.report();
    g.state.pending = texts.last();
    if (!o.save_state.empty()) g.save(o.save_state);
  }

  void evaluate(const evaluate_options& o) override {
    check_weights<B>(o.weights);
    evaluation_on<B>(backend, compositions, o).run();
  }

  void demo(const demo_options& o) override {
    check_output(o.out);
    const auto tokenizer = io::load_tokenizer("bytes");
    const auto tokens = [&](double n) { return static_cast<std::int64_t>(n * o.scale); };
    training_options t;
    t.out = o.out + "/teacher", t.seed = o.seed, t.tokens = tokens(2.0e6), t.seq = 256, t.batch = 16, t.lr = 4e-3;
    const auto stories = corpus(o.seed + 1, static_cast<std::size_t>(std::max<std::int64_t>(400000, t.tokens)));
    token_documents tokenized;
    for (auto& s : stories) tokenized.push_back(tokenizer->encode(s.text));
    const auto docs = divided(std::move(tokenized), t.held_out, "the corpus");
    fmt::print("made {} stories; training a small transformer on them\n", stories.size());
    const auto log_of = [&](const std::string& folder) {
      run_log log(std::filesystem::path(folder) / "log.jsonl");
      log.write({{"event", "entropy"}, {"nats_per_token", entropy_per_token(std::span(stories).last(docs.held_out))}});
      return log;
    };
    train_teacher(t, {64, 3, 4, 4, 160, t.seq}, *tokenizer, docs,
                  [&] { return make_output(o.out), make_output(t.out), log_of(t.out); });
    write_report(t.out + "/log.jsonl", t.out + "/report.html");
    uptrain_options u;
    u.teacher = t.out, u.train = t, u.train.out = o.out, u.train.tokens = t.tokens / 20, u.train.batch = 2, u.train.lr = 0;
    u.scratch = true, u.fit_tokens = std::min<std::int64_t>(65536, u.train.tokens);
    fmt::print("turning it into an RNN, with a twentieth of its tokens\n");
    const auto teacher = io::load_model<real>(t.out);
    uptraining<B>(backend, compositions, u, teacher, *tokenizer, docs, train_steps(t, t.tokens) * step_tokens(t)).run([&] {
      return log_of(o.out);
    });
  }

 private:
  // --out as the run needs it: new, or with a checkpoint to resume. Changes nothing.
  static void check_run(const training_options& o, const char* command, const std::vector<const char*>& phases) {
    if (!o.resume) return check_output(o.out);
    std::error_code failed;
    io::need(std::filesystem::is_directory(o.out, failed), o.out, ": there is no run to --resume; leave --resume out");
    const auto there = [&](const char* phase) { return std::filesystem::exists(checkpoint_path(o, phase), failed); };
    io::need(std::ranges::any_of(phases, there), o.out, ": holds no checkpoint of a ", command,
             " run, so there is nothing to --resume; start again without --resume in another --out");
  }
  static run_log open(const training_options& o, const divided_documents& docs) {
    if (!o.resume) make_output(o.out);
    run_log log(std::filesystem::path(o.out) / "log.jsonl", o.resume);
    if (!o.resume) tell_cut(docs, log);  // one that goes on has told it, and may yet be refused
    return log;
  }
  static void load_state(model::generator<B, scalar<B>>& g, const std::string& path, std::int64_t vocab) {
    std::error_code failed;
    io::need(std::filesystem::is_regular_file(path, failed), "--load-state ", path,
             ": there is no such file; it comes from generate --save-state");
    try {
      g.restore(path);
    } catch (const std::logic_error&) {  // of std::stoll: what should be a count is none
      io::fail(path, ": is not a saved state of a text; it comes from generate --save-state");
    }
    io::need(g.state.position >= 0 && g.state.pending < vocab, path,
             ": its position or last token cannot be this model's; it comes from generate --save-state");
  }
  std::unique_ptr<model_type> make(const model::config& c, const std::vector<real>& values) {
    auto m = std::make_unique<model_type>(backend, c, compositions);
    m->load(values);
    return m;
  }

  // The folder and the log are opened, by `open_log`, once everything is known to fit together.
  template <class Open>
  void train_teacher(training_options o, const shape_options& shape, const io::tokenizer& tokenizer,
                     const divided_documents& docs, Open&& open_log) {
    model::config c;
    c.vocab = tokenizer.vocab_size(), c.dim = shape.dim, c.layers = shape.layers, c.heads = shape.heads,
    c.kv_heads = shape.kv_heads, c.hidden = shape.hidden;
    io::need(shape.dim % shape.heads == 0, "--dim ", shape.dim, " must be a multiple of --heads ", shape.heads);
    io::need(shape.heads % shape.kv_heads == 0, "--heads ", shape.heads, " must be a multiple of --kv-heads ", shape.kv_heads);
    io::need(shape.dim / shape.heads % 2 == 0, "--dim ", shape.dim, " over --heads ", shape.heads,
             " must be even, for rotary positions turn pairs of channels");
    c.head_dim = shape.dim / shape.heads, c.max_length = o.seq > 0 ? o.seq : shape.max_length, c.bos = tokenizer.bos(),
    c.eos = tokenizer.eos();
    set_batch(o, c.max_length);
    if (o.tokens == 0) o.tokens = 2000000;
    const auto data = split(tokenizer, docs, c.bos, o.seq, o.seed, o.text.empty() ? "the corpus" : o.text.front());
    auto m = make(c, model::random_values<real>(c, o.seed));
    run_log log = open_log();
    training_run<B> run(backend, compositions, o, tokenizer, data, log);
    run.settings = {{"dim", c.dim}, {"layers", c.layers}, {"heads", c.heads}, {"kv_heads", c.kv_heads}, {"hidden", c.hidden}};
    if (!o.resume)
      log.write({{"event", "start"},
                 {"title", "pretraining"},
                 {"attention", "softmax"},
                 {"parameters", m->layout.count()},
                 {"tokens", o.tokens},
                 {"seq", o.seq},
                 {"batch", o.batch}});
    const double lr = o.lr > 0 ? o.lr : 2e-3;
    const train::adamw_settings rates{.lr = lr, .lr_added = lr, .weight_decay = o.weight_decay.value_or(0.1), .clip = o.clip};
    const std::int64_t steps = train_steps(o, o.tokens), trained = steps * step_tokens(o);
    const double loss = run.fit(*m, {"pretrain", "teacher", steps, 0, rates, {o.tokens / 4, o.tokens / 2, 3 * (o.tokens / 4)}},
                                std::make_unique<train::text_objective<B, scalar<B>>>(*m, o.z_loss.value_or(1e-4)));
    save_folder(o.out, c, m->values(), tokenizer);
    log.write({{"event", "result"}, {"teacher_loss", loss}, {"teacher_tokens", trained}});
    print_result({{"held_out_loss", loss}, {"tokens", trained}, {"model", o.out}}, "");
  }

  B backend;
  model::attention_registry<B, scalar<B>> compositions = program_attention<B>();
};

}  // namespace supra::program
