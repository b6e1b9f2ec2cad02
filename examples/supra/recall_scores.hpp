// evaluate --recall: how well a model repeats what its context holds, by how far back it is and by how much there is of it.
#pragma once

#include "session.hpp"
#include "supra/evaluate/recall.hpp"

namespace supra::program {

class recall_task {
 public:
  // text: tokens of --recall-text; empty: passages are tokens drawn from the vocabulary.
  recall_task(const evaluate_options& o, const io::tokenizer& t, const model::config& c, std::vector<std::int32_t> text)
      : o(o), c(c), text_(std::move(text)), vocabulary_(ordinary_tokens(t, c)) {
    const document_start start(t, c.bos);
    if (start.of_the_first) settings_.start = start.token.front();
    settings_.seed = o.seed;
    longest_ = o.window ? *o.window : c.linear ? 16 * c.max_length : c.max_length;
    if (!c.linear) longest_ = std::min(longest_, c.max_length);
    io::need(longest_ >= settings_.copy_length(16), o.window ? "--window " + std::to_string(*o.window) : o.model,
             ": has room for ", longest_, " tokens, the shortest sequence of --recall has ", settings_.copy_length(16));
    const auto needed = settings_.text_length(16);  // the shortest distance
    io::need(o.recall_text.empty() || size(text_) >= needed, "--recall-text ", o.recall_text, ": has ", text_.size(),
             " tokens, a passage that comes again and one beside it need ", needed, "; give a longer text");
    io::need(vocabulary_.size() >= 8, o.model, ": has ", vocabulary_.size(), " tokens that a text can hold; --recall needs 8");
  }

  // What a model says of so many sequences, fewer at a time.
  template <class B>
  json run(model::decoder<B, scalar<B>>& weights) const {
    std::vector<evaluate::recall_sequences> all;
    const auto text_has = [&](std::int64_t distance) { return text_.empty() || settings_.text_length(distance) <= size(text_); };
    for (std::int64_t d = 16; fits(settings_.copy_length(d)) && text_has(d); d *= 2) {
      const auto s = counted(settings_.copy_length(d));
      all.push_back(text_.empty() ? evaluate::copies_of_random(vocabulary_, d, s) : evaluate::copies_of(text_, d, s));
    }
    const std::size_t distances = all.size();
    for (std::int64_t n = 4; fits(settings_.pairs_length(n)) && 2 * n <= size(vocabulary_); n *= 2)
      all.push_back(evaluate::pairs_of(vocabulary_, n, counted(settings_.pairs_length(n))));
    double tokens = 0, done = 0;
    for (auto& r : all) tokens += static_cast<double>(r.count * r.length);
    progress bar("recall", tokens);
    json copies = json::array(), pairs = json::array();
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto score = scored<B>(weights, all[i]);
      (i < distances ? copies : pairs).push_back(as_json(score, i < distances ? "distance" : "pairs"));
      bar.show(done += static_cast<double>(all[i].count * all[i].length), NAN);
    }
    return {{"copies",
             {{"text", text_.empty() ? "random tokens" : o.recall_text},
              {"passage", settings_.passage},
              {"accuracy", number(mean_within(copies, "accuracy"))},
              {"gain", number(mean_within(copies, "gain"))},
              {"gain_of_unseen", number(mean_within(copies, "gain_of_unseen"))},
              {"by_distance", std::move(copies)}}},
            {"pairs", {{"accuracy", number(mean_within(pairs, "accuracy"))}, {"by_number", std::move(pairs)}}}};
  }

 private:
  template <class List>
  static std::int64_t size(const List& x) {
    return static_cast<std::int64_t>(x.size());
  }
  bool fits(std::int64_t length) const { return length <= longest_; }
  // About 65536 tokens for each distance and number, from 8 to 64 sequences, or --limit.
  evaluate::recall_settings counted(std::int64_t length) const {
    auto s = settings_;
    s.count = o.limit ? *o.limit : std::clamp<std::int64_t>(65536 / length, 8, 64);
    return s;
  }
  template <class B>
  static evaluate::recall_score scored(model::decoder<B, scalar<B>>& weights, const evaluate::recall_sequences& r) {
    const auto x = r.inputs(), y = r.targets();
    const std::int64_t length = r.length - 1, at_once = weights.c.linear ? 8 : std::max<std::int64_t>(1, 8192 / length);
    std::vector<double> losses;
    std::vector<char> likeliest;
    for (std::int64_t i = 0; i < r.count; i += at_once) {
      const std::int64_t n = std::min(at_once, r.count - i);
      const auto part = [&](const std::vector<std::int32_t>& of) {
        return std::span(of).subspan(static_cast<std::size_t>(i * length), static_cast<std::size_t>(n * length));
      };
      std::vector<double> some;
      std::vector<char> hits;
      model::generation<B, program::scalar<B>>(weights, n).score(part(x), part(y), length, &some, &hits);
      for (double loss : some)
        io::need(std::isfinite(loss), "recall: expected losses, found ", loss, "; are the model's weights finite?");
      losses.insert(losses.end(), some.begin(), some.end()), likeliest.insert(likeliest.end(), hits.begin(), hits.end());
    }
    return evaluate::score_recall(r, losses, likeliest);
  }
  static json as_json(const evaluate::recall_score& s, const char* level) {
    json r{{level, s.level}, {"sequences", s.sequences}, {"predictions", s.predictions}};
    const auto add = [&](const std::string& name, const evaluate::mean_of_sequences& m) {
      r[name] = m.mean, r[name + "_stderr"] = m.error;
    };
    add("accuracy", s.accuracy), add("loss", s.loss);
    if (!s.compared) return r;
    add("first_accuracy", s.first_accuracy), add("first_loss", s.first_loss), add("gain", s.gain), add("fall", s.fall);
    add("unseen_accuracy", s.unseen_accuracy), add("unseen_loss", s.unseen_loss);
    add("gain_of_unseen", s.gain_of_unseen), add("fall_of_unseen", s.fall_of_unseen);
    return r;
  }
  // Over what fits the length that the model was made for, so that models of one length are compared on the same.
  double mean_within(const json& points, const char* what) const {
    double sum = 0, n = 0;
    for (auto& p : points) {
      const bool copy = p.contains("distance");
      const auto level = p.at(copy ? "distance" : "pairs").template get<std::int64_t>();
      if ((copy ? settings_.copy_length(level) : settings_.pairs_length(level)) > c.max_length) continue;
      sum += p.at(what).template get<double>(), ++n;
    }
    return n > 0 ? sum / n : NAN;
  }

  const evaluate_options& o;
  const model::config& c;
  std::vector<std::int32_t> text_, vocabulary_;
  evaluate::recall_settings settings_;
  std::int64_t longest_ = 0;
};

// For people: a line for each distance and number.
inline void print_recall(const json& recall) {
  const auto cell = [](const json& p, const std::string& name) {
    return fmt::format("{:.4f} ± {:.2g}", p.at(name).template get<double>(), p.at(name + "_stderr").template get<double>());
  };
  const auto& copies = recall.at("copies");
  for (auto& p : copies.at("by_distance"))
    fmt::print("copied from {} tokens before: accuracy {} (the first time {}, of what was not there {}), loss {} ({}, {})\n",
               p.at("distance").template get<std::int64_t>(), cell(p, "accuracy"), cell(p, "first_accuracy"),
               cell(p, "unseen_accuracy"), cell(p, "loss"), cell(p, "first_loss"), cell(p, "unseen_loss"));
  for (auto& p : recall.at("pairs").at("by_number"))
    fmt::print("{} pairs: accuracy {}, loss {}\n", p.at("pairs").template get<std::int64_t>(), cell(p, "accuracy"),
               cell(p, "loss"));
}

}  // namespace supra::program
