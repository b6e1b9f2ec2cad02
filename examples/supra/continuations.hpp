// What generate writes: one text as it grows, or several that grow side by side, each from draws of its own.
#pragma once

#include <span>

#include "session.hpp"

namespace supra::program {

class continuations {
 public:
  // before: the token after which they begin.
  continuations(const generate_options& o, const io::tokenizer& tokenizer, const model::config& c, std::int32_t before)
      : o(o), tokenizer_(tokenizer), c(c) {
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(o.batch); ++i)
      texts_.push_back({train::sampler(o.temperature, o.top_p, o.seed + i)});
    last_.assign(texts_.size(), before);
  }

  // logits (texts, vocab) of the first tokens; step takes a token of each text and gives the logits after it. Of a text that
  // has ended it takes the last token again, and nothing is drawn from what comes of it.
  template <class A, class Step>
  void run(const std::vector<A>& first, Step step) {
    if (alone()) fmt::print("{}", o.prompt);
    progress bar("generate", static_cast<double>(o.batch * o.tokens));
    const std::vector<A>* logits = &first;
    for (std::int64_t i = 1; draw(*logits) && i < o.tokens; ++i) {
      if (!alone()) bar.show(static_cast<double>(i * o.batch), NAN);
      logits = &step(last_);
    }
    seconds_ = bar.seconds();
  }
  // Ends the one text, or writes the several; and the file for machines.
  void report() const {
    if (alone()) fmt::print("\n");
    for (std::size_t i = 0; i < texts_.size() && o.batch > 1 && o.json != "-"; ++i)
      write((i > 0 ? std::string(separator) + "\n" : "") + o.prompt + texts_[i].written + "\n");
    if (o.json.empty()) return;
    const auto text = as_json().dump(2, ' ', false, json::error_handler_t::replace) + "\n";  // a token may be half a character
    if (o.json == "-") return write(text);
    io::write_file(o.json, text, io::existing::overwrite);
  }
  std::int32_t last() const { return last_.front(); }

 private:
  struct continuation {
    train::sampler draw;
    std::string written{};
    std::int64_t tokens = 0;
    bool ended = false;
  };
  bool alone() const { return o.batch == 1 && o.json != "-"; }  // then it is shown as it grows
  static void write(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

  // The next token of each; false when all have ended.
  template <class A>
  bool draw(const std::vector<A>& logits) {
    const std::size_t vocab = logits.size() / texts_.size();
    bool more = false;
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      auto& t = texts_[i];
      if (t.ended) continue;
      const auto before = std::exchange(last_[i], t.draw(std::span(logits).subspan(i * vocab, vocab)));
      t.ended = o.stop_at_end && model::ends_text(c, last_[i]);
      if (t.ended) continue;
      const std::string piece = tokenizer_.piece(before, last_[i]);
      if (alone()) write(piece), std::fflush(stdout);
      t.written += piece, ++t.tokens, more = true;
    }
    return more;
  }
  json as_json() const {
    json all{{"prompt", o.prompt}, {"seconds", seconds_}};
    std::int64_t tokens = 0;
    json list = json::array();
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      const auto& t = texts_[i];
      list.push_back({{"seed", o.seed + i}, {"tokens", t.tokens}, {"ended", t.ended}, {"text", t.written}});
      tokens += t.tokens;
    }
    all["tokens_per_second"] = number(static_cast<double>(tokens) / seconds_), all["texts"] = std::move(list);
    return all;
  }

  const generate_options& o;
  const io::tokenizer& tokenizer_;
  const model::config& c;
  std::vector<continuation> texts_;
  std::vector<std::int32_t> last_;  // token of each text
  double seconds_ = 0;
};

}  // namespace supra::program
