// A word drawn from each row of logits, where these lie: for u in [0, 1) the one at which the sum of probabilities of words
// 0, 1, ... passes it. The exponentials of each block of words are added up, blocks side by side; then u falls into a block by
// these sums, and what is left of it on a word of the block. Sums over blocks and over a block's words are in double, and u is
// compared with parts of the same sums: none of the last words is lost to rounding. A probability is off by 2 k + 12 R + 26 of
// unit_roundoff<A>, of itself, with k sums of a block (cross_entropy.hpp) and R the largest distance from the largest logit: a
// block, and all, are sums of exponentials (k + 5 + 2 R) that are scaled (4 + 2 R); a word, and its block, are such (4 + 2 R).
#pragma once

#include <span>
#include <vector>

#include "supra/layer/cross_entropy.hpp"

namespace supra::layer {

inline constexpr int draw_block = 256;  // words: about the root of a vocabulary, so that one lane can look for both
SUPRA_FN constexpr int draw_blocks(int words) { return (words + draw_block - 1) / draw_block; }

// Exponentials of each block of words: sums (rows, blocks). What follows `words` in a row only fills it up.
template <class L>
struct block_exponentials {
  const L* logits;  // (rows, vocab)
  exponentials<accumulator_t<L>>* sums;
  std::int64_t vocab;
  int words;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
    const int blocks = draw_blocks(words), first = static_cast<int>(i % blocks) * draw_block, left = words - first;
    const auto all = exponentials_of(lanes, left < draw_block ? left : draw_block, logits + i / blocks * vocab + first);
    lanes.once([&, this] { sums[i] = all; });
  }
};

// Where u in [0, 1) falls among n weights laid end to end, and how far into that weight. Never on a weight of 0; from 1 on, to
// which u may have been rounded, on the last other one. index -1: all are 0, or one is NaN, and so is their sum.
struct share {
  int index;
  double rest;
};
template <class Weight>
SUPRA_FN share share_at(double u, int n, Weight weight) {
  double all = 0, end = 0, left = 0, own = 1;
  for (int i = 0; i < n; ++i) all += weight(i);
  int index = -1;
  for (int i = 0; i < n && u * all >= end; ++i)
    if (const double w = weight(i); w > 0) index = i, left = u * all - end, own = w, end += w;
  return {index, left > 0 ? left / own : 0};  // a compiler may fuse u * all - end, which is then a little below 0
}

// tokens[r]: the word on which uniforms[r] falls. A logit of -infinity is a word that cannot be; -1: no word can be, or a logit
// is NaN or infinity (whose distance from itself is NaN).
template <class L>
struct draw_rows {
  using A = accumulator_t<L>;
  const L* logits;
  const exponentials<A>* sums;
  const double* uniforms;
  std::int32_t* tokens;
  std::int64_t vocab;
  int words;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    const int blocks = draw_blocks(words);
    const exponentials<A>* own = sums + r * blocks;
    const A max = lanes.max(blocks, [&](auto b) { return own[int(b)].max; });
    lanes.once([&, this] {
      const share block = share_at(uniforms[r], blocks, [&](int b) {
        return static_cast<double>(own[b].sum) * static_cast<double>(math::exp(own[b].max - max));
      });
      tokens[r] = block.index < 0 ? -1 : word(own[block.index].max, logits + r * vocab, block);
    });
  }

 private:
  SUPRA_FN std::int32_t word(A max, const L* row, share block) const {
    const int first = block.index * draw_block, left = words - first;
    const auto weight = [&](int i) { return static_cast<double>(math::exp(static_cast<A>(row[first + i]) - max)); };
    return first + share_at(block.rest, left < draw_block ? left : draw_block, weight).index;
  }
};

// Memory to draw in, kept for the next time.
template <class B, class L>
class row_draws {
 public:
  // logits (rows, vocab) in the backend's memory, uniforms (rows) on the host -> a word below `words` of each row, or -1.
  std::vector<std::int32_t> operator()(B& b, const L* logits, std::int64_t vocab, std::int64_t words,
                                       std::span<const double> uniforms) {
    const auto rows = static_cast<std::int64_t>(uniforms.size());
    const int some = static_cast<int>(words), blocks = draw_blocks(some);
    auto* const sums = room(b, sums_, rows * blocks);
    auto* const numbers = room(b, uniforms_, rows);
    auto* const tokens = room(b, tokens_, rows);
    b.upload(uniforms.data(), numbers, rows);
    for_rows(b, rows * blocks, block_exponentials<L>{logits, sums, vocab, some});
    for_rows(b, rows, draw_rows<L>{logits, sums, numbers, tokens, vocab, some});
    std::vector<std::int32_t> drawn(uniforms.size());
    b.download(static_cast<const std::int32_t*>(tokens), drawn.data(), rows);
    return drawn;
  }

 private:
  template <class P>
  using buffer_of = decltype(std::declval<B&>().template allocate<P>(0));
  buffer_of<exponentials<accumulator_t<L>>> sums_;
  buffer_of<double> uniforms_;
  buffer_of<std::int32_t> tokens_;
};

}  // namespace supra::layer
