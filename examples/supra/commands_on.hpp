// The commands on one backend.
#pragma once

#include "attention_named.hpp"
#include "continuations.hpp"
#include "corpus.hpp"
#include "evaluation_on.hpp"
#include "training.hpp"

namespace supra::program {

template <class B>
class commands_on : public commands {
 public:
  using model_type = model::transformer<B, scalar<B>>;

  template <class... Settings>
  explicit commands_on(Settings... of_backend) : backend(of_backend...) {}

  void pretrain(const pretrain_options& given) override {
    const auto& o = given.train;
    check_run(o, "pretrain");
    io::need(!o.text.empty(), "pretrain needs --text, files to train on");
    auto tokenizer = io::load_tokenizer(o.tokenizer.empty() ? "bytes" : o.tokenizer);
    const auto docs = documents(read_text(o.text));
    check_not_empty(docs, o.text);
    train_teacher(o, given.shape, *tokenizer, docs, [&] { return open(o); });
    write_report(o.out + "/log.jsonl", o.out + "/report.html");
  }

  void uptrain(const uptrain_options& given) override {
    auto o = given;
    attention_named(o.attention);
    check_run(o.train, "uptrain");
    io::need(!o.train.text.empty(), "uptrain needs --text, files to train on");
    const auto teacher = io::load_model<real>(o.teacher);
    io::need(!teacher.config.linear, o.teacher, ": is linear already; a teacher is a softmax transformer");
    auto tokenizer = tokenizer_for(o.train.tokenizer, o.teacher, teacher.config);
    const auto docs = documents(read_text(o.train.text));
    check_not_empty(docs, o.train.text);
    if (o.train.tokens == 0) o.train.tokens = 1000000;
    if (o.evaluate_at.empty()) o.evaluate_at = {o.train.tokens / 4, o.train.tokens / 2, 3 * (o.train.tokens / 4)};
    uptrain_model(
        o, teacher, *tokenizer, docs, [&] { return open(o.train); }, 0);
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
    std::vector<std::string> docs;
    for (auto& s : stories) docs.push_back(s.text);
    fmt::print("made {} stories; training a small transformer on them\n", docs.size());
    const auto log_of = [&](const std::string& folder) {
      run_log log(std::filesystem::path(folder) / "log.jsonl");
      log_entropy(log, stories, *tokenizer, t.held_out);
      return log;
    };
    train_teacher(t, {64, 3, 4, 4, 160, t.seq}, *tokenizer, docs,
                  [&] { return make_output(o.out), make_output(t.out), log_of(t.out); });
    write_report(t.out + "/log.jsonl", t.out + "/report.html");
    uptrain_options u;
    u.teacher = t.out, u.train = t, u.train.out = o.out, u.train.tokens = t.tokens / 20, u.train.batch = 8, u.train.lr = 0;
    u.scratch = true, u.fit_tokens = std::min<std::int64_t>(65536, u.train.tokens);
    u.evaluate_at = {u.train.tokens / 4, u.train.tokens / 2, 3 * (u.train.tokens / 4)};
    fmt::print("turning it into an RNN, with a twentieth of its tokens\n");
    u.train.lr = 1e-3, u.train.lr_added = 3e-3;
    uptrain_model(
        u, io::load_model<real>(t.out), *tokenizer, docs, [&] { return log_of(o.out); }, trained_tokens(t, t.tokens));
  }

 private:
  // --out as the run needs it: new, or with a checkpoint to resume. Changes nothing.
  static void check_run(const training_options& o, const char* phase) {
    if (!o.resume) return check_output(o.out);
    std::error_code failed;
    io::need(std::filesystem::is_directory(o.out, failed), o.out, ": there is no run to --resume; leave --resume out");
    io::need(std::filesystem::exists(checkpoint_path(o, phase), failed), o.out, ": holds no checkpoint of a ", phase,
             " run, so there is nothing to --resume; start again without --resume in another --out");
  }
  static run_log open(const training_options& o) {
    if (!o.resume) make_output(o.out);
    return run_log(std::filesystem::path(o.out) / "log.jsonl", o.resume);
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
  std::unique_ptr<model_type> ready(const io::loaded<real>& l) { return make(l.config, l.values); }

  static void set_batch(training_options& o, std::int64_t longest) {
    if (o.seq == 0) o.seq = std::min<std::int64_t>(longest, 2048);
    io::need(o.seq <= longest, "--seq ", o.seq, " is longer than the model's ", longest, " tokens");
    if (o.batch == 0) o.batch = std::max<std::int64_t>(1, 8192 / o.seq);
    check_step(o);
  }
  static void log_entropy(run_log& log, const std::vector<story>& stories, const io::tokenizer& t, double share) {
    const auto held = std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(stories.size()) * share));
    double nats = 0, count = 0;
    for (auto s = stories.end() - static_cast<std::ptrdiff_t>(held); s != stories.end(); ++s)
      nats += s->nats, count += static_cast<double>(t.encode(s->text).size() + 1);
    log.write({{"event", "entropy"}, {"nats_per_token", nats / count}});
  }

  // The folder and the log are opened, by `open_log`, once everything is known to fit together.
  template <class Open>
  void train_teacher(training_options o, const shape_options& shape, const io::tokenizer& tokenizer,
                     const std::vector<std::string>& docs, Open&& open_log) {
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
    const auto data = split(tokenizer, docs, c.bos, o.seq, o.held_out, o.seed, o.text.empty() ? "the corpus" : o.text.front());
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
    const double loss = run.fit(*m, "pretrain", "teacher", o.tokens, {lr, lr, 0.9, 0.95, 1e-8, o.weight_decay, o.clip},
                                {o.tokens / 4, o.tokens / 2, 3 * (o.tokens / 4)});
    save_folder(o.out, c, m->values(), tokenizer);
    log.write({{"event", "result"}, {"teacher_loss", loss}, {"teacher_tokens", trained_tokens(o, o.tokens)}});
    print_result({{"held_out_loss", loss}, {"tokens", trained_tokens(o, o.tokens)}, {"model", o.out}}, "");
  }

  template <class Open>
  void uptrain_model(uptrain_options o, const io::loaded<real>& teacher, const io::tokenizer& tokenizer,
                     const std::vector<std::string>& docs, Open&& open_log, std::int64_t teacher_tokens) {
    const progress clock("", 0);
    set_batch(o.train, teacher.config.max_length);
    const auto& c = teacher.config;
    const auto student_c = model::student_config(c, attention_named(o.attention));
    const auto data = split(tokenizer, docs, c.bos, o.train.seq, o.train.held_out, o.train.seed,
                            o.train.text.empty() ? "the corpus" : o.train.text.front());
    auto teaching = ready(teacher);
    const bool from_nothing = o.recipe == "scratch", fit = o.fit && o.recipe == "fit";
    const auto random = [&] { return model::random_values<real>(student_c, o.train.seed + 2); };
    auto student = make(student_c, from_nothing ? random() : model::linearize(c, teacher.values, student_c, o.train.seed));
    run_log log = open_log();
    training_run<B> run(backend, compositions, o.train, tokenizer, data, log);
    run.settings = {
        {"attention", o.attention}, {"fit_tokens", fit ? o.fit_tokens : 0}, {"teacher", fingerprint_of(teacher.values)}};
    const std::string prompt = o.prompt.empty() ? beginning(data.held_out_documents.front()) : o.prompt;
    double teacher_loss = 0, swap = 0, fitted = 0, scratch = NAN;
    if (!o.train.resume) {
      log.write({{"event", "start"},
                 {"title", "uptraining"},
                 {"teacher", teacher.source},
                 {"attention", o.attention},
                 {"recipe", from_nothing ? "scratch"
                            : fit        ? "fit"
                                         : "paper"},
                 {"parameters", student->layout.count()},
                 {"added_parameters", student->layout.count() - teaching->layout.count()},
                 {"tokens", o.train.tokens},
                 {"seq", o.train.seq},
                 {"batch", o.train.batch},
                 {"settings",
                  {{"lr", rates(o, from_nothing).lr}, {"lr_added", rates(o, from_nothing).lr_added}, {"seed", o.train.seed}}}});
      teacher_loss = run.evaluate(*teaching, "uptrain", "teacher", "teacher", 0);
      run.sample(*teaching, "teacher", prompt);
      swap = run.evaluate(*student, "uptrain", "student", from_nothing ? "start" : "swap", 0);
      run.sample(*student, "swap", prompt);
    }
    const std::int64_t fit_batches = std::max<std::int64_t>(1, o.fit_tokens / (o.train.batch * o.train.seq));
    if (fit && !o.train.resume) {
      model::output_fit<B, scalar<B>> solver(*teaching, *student);
      for (std::int64_t i = 0; i < fit_batches; ++i)
        solver.add(data.train->take(i * o.train.batch, o.train.batch).ids, o.train.batch, o.train.seq);
      solver.solve();
      fitted = run.evaluate(*student, "uptrain", "student", "fit", 0);
      run.sample(*student, "fit", prompt);
    }
    if (o.train.resume) teacher_loss = train::evaluate(*teaching, *data.held_out, o.train.batch, o.train.evaluate_windows);
    const double loss = run.fit(*student, "uptrain", "student", o.train.tokens, rates(o, from_nothing), o.evaluate_at);
    run.sample(*student, "student", prompt);
    save_folder(o.train.out, student_c, student->values(), tokenizer);
    run.growth(*teaching, "teacher", 1024), run.growth(*student, "student", 4096);
    if (o.scratch) {
      auto nothing = make(student_c, random());
      scratch = run.fit(*nothing, "scratch", "scratch", o.train.tokens, rates(o, true), o.evaluate_at);
    }
    json result{{"teacher_loss", number(teacher_loss)},
                {"student_loss", number(loss)},
                {"student_tokens", trained_tokens(o.train, o.train.tokens)}};
    if (!o.train.resume && !from_nothing) result["swap_loss"] = number(swap);
    if (fit && !o.train.resume)
      result["fit_loss"] = number(fitted), result["fit_tokens"] = fit_batches * o.train.batch * o.train.seq;
    if (o.scratch)
      result["scratch_loss"] = number(scratch), result["recovered"] = number((scratch - loss) / (scratch - teacher_loss));
    if (teacher_tokens > 0) result["teacher_tokens"] = teacher_tokens;
    result["seconds"] = clock.seconds();
    json line{{"event", "result"}};
    line.update(result);
    log.write(line);
    write_report(o.train.out + "/log.jsonl", o.train.out + "/report.html");
    result["model"] = o.train.out, result["report"] = o.train.out + "/report.html";
    print_result(result, "");
  }
  static train::adamw_settings rates(const uptrain_options& o, bool scratch) {
    const auto& t = o.train;
    const bool alone = o.recipe == "scratch";  // then --lr is the student's from scratch
    const double lr = scratch ? (o.lr_scratch > 0 ? o.lr_scratch : alone && t.lr > 0 ? t.lr : 2e-3) : t.lr > 0 ? t.lr : 3e-4;
    return {lr, scratch ? lr : t.lr_added > 0 ? t.lr_added : lr * 10 / 3, 0.9, 0.95, 1e-8, t.weight_decay, t.clip};
  }
  static std::string beginning(const std::string& text) {  // about twelve words
    std::size_t at = 0;
    for (int words = 0; words < 12 && at != text.npos; ++words) at = text.find(' ', at + 1);
    return text.substr(0, at);
  }

  B backend;
  model::attention_registry<B, scalar<B>> compositions = program_attention<B>();
};

}  // namespace supra::program
