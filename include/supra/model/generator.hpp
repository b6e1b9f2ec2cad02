// One text, token after token: the front of `generation` (state.hpp) and its file (state_file.hpp) that programs use.
#pragma once

#include "supra/model/state_file.hpp"

namespace supra::model {

struct text_state {
  std::int64_t position = 0;                          // tokens seen
  std::int32_t pending = -1;                          // a token that was chosen, but not seen yet; -1: none
  std::int64_t memory = 0;
  std::int64_t bytes() const { return memory; }       // what the text so far takes: a student's is constant
};

template <class B, class T> class generator {
 public:
  using A = accumulator_t<T>;
  explicit generator(transformer<B, T>& model) : text_(model, 1) { seen(); }
  explicit generator(decoder<B, T>& weights) : text_(weights, 1) { seen(); }

  // Takes one token, gives the logits (vocab) of the next.
  const std::vector<A>& step(std::int32_t token) { return feed({token}); }
  // The same for a whole prompt, in pieces of many tokens.
  const std::vector<A>& feed(const std::vector<std::int32_t>& tokens) {
    const auto& logits = text_.feed(tokens, static_cast<std::int64_t>(tokens.size()));
    seen();
    return logits;
  }

  void save(const std::filesystem::path& path) {
    save_state(path, text_, io::existing::overwrite, {{"pending", std::to_string(state.pending)}});
  }
  void restore(const std::filesystem::path& path) {
    const auto meta = load_state(path, text_);
    const auto pending = meta.find("pending");
    state.pending = -1;
    if (pending != meta.end() && pending->second != "-1")
      state.pending = static_cast<std::int32_t>(state_number(path, "pending", pending->second));
    seen();
  }
  // To come back to, and to go on from.
  state_snapshot<A> snapshot() { return text_.snapshot(); }
  void restore(const state_snapshot<A>& s) { text_.restore(s), state.pending = -1, seen(); }

  // `count` texts that go on from this one, each its own way; with logits, where this one has some. On this one's weights:
  // they must not outlive it.
  generation<B, T> spread(std::int64_t count) const {
    generation<B, T> all(text_.weights(), count);
    all.spread(text_);
    return all;
  }

  text_state state;

 private:
  void seen() { state.position = text_.position(), state.memory = text_.bytes(); }
  generation<B, T> text_;
};

}  // namespace supra::model
