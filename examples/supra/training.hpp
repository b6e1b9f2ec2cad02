// pretrain and uptrain: data, loop, evaluations, samples, what a longer text costs, report.
#pragma once

#include "report.hpp"
#include "session.hpp"
#include "training_text.hpp"

namespace supra::program {

struct training_data {
  std::unique_ptr<train::windows> train, held_out;
  token_documents held_out_documents;
  std::uint64_t fingerprint = 0;  // of all documents
};

inline std::filesystem::path checkpoint_path(const training_options& o, const char* phase) {
  return std::filesystem::path(o.out) / (std::string("checkpoint.") + phase + ".safetensors");
}

// A step's tokens and the products that follow from it must be counts that memory can hold.
inline void check_step(const training_options& o) {
  const auto tokens = static_cast<__int128>(o.batch) * o.seq;
  io::need(tokens <= (std::int64_t{1} << 31), "--batch ", o.batch, " times --seq ", o.seq,
           " is more than 2^31 tokens at once; give a smaller --batch and more --accumulate");
  io::need(tokens * o.accumulate <= (std::int64_t{1} << 40), "--accumulate ", o.accumulate, " times --batch ", o.batch,
           " times --seq ", o.seq, " is more than 2^40 tokens a step; give a smaller --accumulate");
}

inline void set_batch(training_options& o, std::int64_t longest) {
  if (o.seq == 0) o.seq = std::min<std::int64_t>(longest, 2048);
  io::need(o.seq <= longest, "--seq ", o.seq, " is longer than the model's ", longest, " tokens");
  if (o.batch == 0) o.batch = std::max<std::int64_t>(1, 8192 / o.seq);
  check_step(o);
}

// A run of so many tokens trains on whole steps, at least one.
inline std::int64_t step_tokens(const training_options& o) { return o.batch * o.accumulate * o.seq; }
inline std::int64_t train_steps(const training_options& o, std::int64_t tokens) {
  return std::max<std::int64_t>(1, tokens / step_tokens(o));
}

inline training_data split(const io::tokenizer& t, const divided_documents& docs, std::int64_t bos, std::int64_t seq,
                           std::uint64_t seed, const std::string& where) {
  const auto windows_of = [&](const char* part, std::span<const std::vector<std::int32_t>> of, std::uint64_t order) {
    auto ids = stream(t, of, bos);
    io::need(static_cast<std::int64_t>(ids.size()) > seq, where, ": its ", part, " part has ", ids.size(),
             " tokens, one sequence needs ", seq + 1, "; give more text, another --held-out, or a smaller --seq");
    return std::make_unique<train::windows>(std::move(ids), seq, order);
  };
  training_data d;
  d.fingerprint = fingerprint_of(docs.all);
  const std::span all(docs.all);
  const auto held = all.last(docs.held_out);
  d.train = windows_of("training", all.first(all.size() - held.size()), seed + 1);
  d.held_out = windows_of("held-out", held, 0);
  d.held_out_documents.assign(held.begin(), held.end());
  return d;
}

// Says where a single document was cut.
inline void tell_cut(const divided_documents& docs, run_log& log) {
  if (!docs.cut) return;
  const auto held = docs.all.back().size(), trained = docs.all[docs.all.size() - 2].size();
  log.write({{"event", "cut"}, {"trained_tokens", trained}, {"held_out_tokens", held}});
  fmt::print("the text is one document: its first {} tokens are trained on, its last {} held out\n", trained, held);
}

// A part of a run: what its log's lines, its checkpoint and its model are called; how many steps, after how many of other
// parts.
struct training_phase {
  const char *phase, *model;
  std::int64_t steps = 0, first = 0;
  train::adamw_settings rates;
  std::vector<std::int64_t> marks;  // tokens, those of other parts counted, after which the held-out loss is measured
  std::int64_t warm_up = 5;         // steps, at least
  const char* end = "end";          // the last evaluation's tag
};

inline json step_line(const char* phase, std::int64_t step, std::int64_t tokens, const train::step_result& r, double lr,
                      double tokens_per_second) {
  json line{{"event", "step"},
            {"phase", phase},
            {"step", step},
            {"tokens", tokens},
            {"loss", number(r.loss)},
            {"lr", lr},
            {"grad_norm", number(r.norm)},
            {"tokens_per_second", tokens_per_second}};
  for (auto& [name, x] : r.parts) line[name] = number(x);
  if (r.linear_alone) line["linear_branch_alone"] = true;
  return line;
}

template <class B>
class training_run {
 public:
  using model_type = model::transformer<B, scalar<B>>;
  using registry = model::attention_registry<B, scalar<B>>;

  training_run(B& b, const registry& r, const training_options& o, const io::tokenizer& t, const training_data& d, run_log& log)
      : b(b), compositions(r), o(o), tokenizer(t), data(d), log(log) {}

  // Of the whole; of a hybrid also each branch alone, whose losses stay in linear_loss and window_loss.
  double evaluate(model_type& m, const char* phase, const char* name, const std::string& tag, std::int64_t tokens) {
    const auto of = [&](model::branches run) {
      return train::evaluate(m, *data.held_out, o.batch, o.evaluate_windows, run);
    };
    const double loss = of(model::branches::both);
    json line{{"event", "eval"}, {"phase", phase}, {"model", name}, {"tag", tag}, {"tokens", tokens}, {"loss", number(loss)}};
    std::string alone;
    if (model::is_hybrid(m.c)) {
      linear_loss = of(model::branches::linear), window_loss = of(model::branches::window);
      line["linear_branch_loss"] = number(linear_loss), line["window_branch_loss"] = number(window_loss);
      alone = fmt::format(", linear branch alone {:.4f}, window alone {:.4f}", linear_loss, window_loss);
    }
    log.write(line);
    fmt::print("{:10} {:>8} tokens  held-out loss {:.4f}{}  ({})\n", name, tokens, loss, alone, tag);
    std::fflush(stdout);
    return loss;
  }

  // Trains from where the checkpoint, or the model, stands; evaluates after each number of tokens in the phase's marks.
  double fit(model_type& m, const training_phase& p, std::unique_ptr<train::objective<B, scalar<B>>> what) {
    const auto checkpoint = checkpoint_path(o, p.phase);
    train::trainer_settings s{p.rates, p.steps, o.batch, o.accumulate, identity(m, p), p.first, p.warm_up, dropout};
    s.dropout.steps = train_steps(o, o.tokens), s.dropout.seed = o.seed;
    train::trainer<B, scalar<B>> trainer(b, m, *data.train, s, std::move(what));
    if (o.resume && std::filesystem::exists(checkpoint))
      trainer.restore(checkpoint);
    else
      trainer.save(checkpoint);  // what steps before this phase made
    const std::int64_t tokens = step_tokens(o), start = (p.first + trainer.done) * tokens, end = (p.first + p.steps) * tokens;
    progress bar(p.phase, static_cast<double>(end));
    auto marks = p.marks;
    std::erase_if(marks, [&](auto x) { return x <= start || x >= end; });
    std::sort(marks.begin(), marks.end());
    while (trainer.done < s.steps) {
      const auto r = trainer.step();
      const std::int64_t seen = (p.first + trainer.done) * tokens;
      log.write(
          step_line(p.phase, trainer.done, seen, r, p.rates.lr * r.rate, static_cast<double>(seen - start) / bar.seconds()));
      bar.show(static_cast<double>(seen), r.loss, static_cast<double>(start));
      if (trainer.done % o.checkpoint_every == 0 || trainer.done == s.steps) trainer.save(checkpoint);
      while (!marks.empty() && seen >= marks.front()) {
        bar.clear();
        evaluate(m, p.phase, p.model, fmt::format("{:.3g}M", static_cast<double>(marks.front()) / 1e6), seen);
        marks.erase(marks.begin());
      }
    }
    bar.clear();
    return evaluate(m, p.phase, p.model, p.end, end);
  }
  std::string identity(const model_type& m, const training_phase& p) const {
    return json{{"phase", p.phase},
                {"steps", p.steps},
                {"first", p.first},
                {"seq", data.train->length()},
                {"batch", o.batch},
                {"accumulate", o.accumulate},
                {"lr", p.rates.lr},
                {"lr_added", p.rates.lr_added},
                {"weight_decay", p.rates.weight_decay},
                {"clip", p.rates.clip},
                {"output_share", p.rates.output_share},
                {"warm_up", p.warm_up},
                {"seed", o.seed},
                {"windows", data.train->size()},
                {"parameters", m.layout.count()},
                {"held_out", o.held_out},
                {"text", data.fingerprint},
                {"tokenizer", tokenizer.vocab_size()},
                {"run", settings}}
        .dump();
  }

  std::string write_text(model_type& m, const std::string& prompt, std::int64_t tokens) {
    model::generator<B, scalar<B>> g(m);
    auto ids = stream(tokenizer, {prompt}, m.c.bos);
    if (ids.empty()) ids.push_back(0);
    std::vector<std::int32_t> out;
    train::sampler sample(0, 1, 0);
    const std::vector<real>* logits = &g.feed(ids);
    while (static_cast<std::int64_t>(out.size()) < tokens) {
      const auto next = sample(*logits);
      if (model::ends_text(m.c, next)) break;
      out.push_back(next), logits = &g.step(next);
    }
    std::string text;
    std::int32_t before = ids.back();
    for (auto id : out) text += tokenizer.piece(before, id), before = id;
    return text;
  }
  void sample(model_type& m, const char* name, const std::string& prompt) {
    log.write({{"event", "sample"}, {"model", name}, {"prompt", prompt}, {"text", write_text(m, prompt, 160)}});
  }
  // Bytes of the state and seconds a token as a text grows.
  void growth(model_type& m, const char* name, std::int64_t longest) {
    model::generator<B, scalar<B>> g(m);
    json tokens = json::array(), bytes = json::array(), seconds = json::array();
    std::int64_t position = 0;
    for (std::int64_t mark = 16; mark <= longest; mark *= 2) {
      const std::int64_t timed = mark / 4;
      while (position < mark - timed)
        g.step(static_cast<std::int32_t>(std::min<std::int64_t>(3, m.c.vocab - 1) +
                                         position++ % std::max<std::int64_t>(1, m.c.vocab - 3)));
      const progress clock("", 0);
      while (position < mark)
        g.step(static_cast<std::int32_t>(std::min<std::int64_t>(3, m.c.vocab - 1) +
                                         position++ % std::max<std::int64_t>(1, m.c.vocab - 3)));
      tokens.push_back(mark), bytes.push_back(g.state.bytes()), seconds.push_back(clock.seconds() / static_cast<double>(timed));
    }
    log.write(
        {{"event", "growth"}, {"model", name}, {"tokens", tokens}, {"state_bytes", bytes}, {"seconds_per_token", seconds}});
  }

  B& b;
  const registry& compositions;
  training_options o;
  const io::tokenizer& tokenizer;
  const training_data& data;
  run_log& log;
  json settings;  // what a resumed run must have the same, besides training_options
  train::window_dropout dropout;  // of hybrids; seed and steps are the run's
  double linear_loss = 0, window_loss = 0;  // of the hybrid that was evaluated last
};

}  // namespace supra::program
