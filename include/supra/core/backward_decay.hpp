// The decay's gradient: d log gamma_t = sum over s >= t of (q . dq - k . dk)_s, plus <dS_T, S_T>, then the schedule's
// derivative. Sequences are cut into blocks of about the square root of their length: first the sum of each, then each block
// goes on from the sums of those after it. Heads lie side by side, so lanes take heads; every sum has one order.
#pragma once

#include "supra/core/backward.hpp"

namespace supra {

template <class A>
struct decay_blocks {
  std::int64_t length, count;  // tokens of a block; blocks of the longest sequence
  A* sums = nullptr;           // (sequences, count, H)
  A* after = nullptr;          // the same: of all that comes after the block

  explicit decay_blocks(std::int64_t longest) : length(32) {
    while (length * length < longest) length *= 2;
    count = (longest + length - 1) / length;
  }
};

template <class Call>
struct decay_block_sums {
  using A = typename Call::A;
  Call call;
  decay_blocks<A> blocks;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
    const int heads = call.shape.heads;
    const std::int64_t s = i / blocks.count, first = i % blocks.count * blocks.length, left = call.seq.tokens(s) - first;
    A* const to = blocks.sums + i * heads;
    lanes.each(heads, [&](auto h) { to[int(h)] = 0; });
    if (left <= 0) return;
    const std::int64_t n = left < blocks.length ? left : blocks.length;
    const A* const end = call.work.decay + (call.seq.first(s) + first + n - 1) * heads;
    column_sums(lanes, n, heads, [=](std::int64_t r, int h) { return end[h - r * heads]; }, to);
  }
};

template <class Call>
struct decay_gradient_of_blocks {
  using A = typename Call::A;
  Call call;
  decay_blocks<A> blocks;
  A* partial;  // (sequences, H, blocks), learned schedules

  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
    const int heads = call.shape.heads;
    const std::int64_t s = i / blocks.count, block = i % blocks.count, tokens = call.seq.tokens(s);
    const std::int64_t first = block * blocks.length, left = tokens - first, n = left < blocks.length ? left : blocks.length;
    A* const after = blocks.after + i * heads;
    const A *const last = call.work.last + s * heads,
                   *const end = blocks.sums + (s + 1) * blocks.count * heads;  // blocks beyond the sequence's end: 0
    lanes.each(heads, [&](auto h) { after[int(h)] = last[int(h)]; });
    column_sums(
        lanes, blocks.count - 1 - block, heads, [=](std::int64_t r, int h) { return end[h - (r + 1) * heads]; }, after);
    lanes.each(heads, [&, this](auto h) { one_head(int(h), s, block, call.seq.first(s) + first, n, after[int(h)]); });
  }

 private:
  // Tokens first .. first + n - 1, from the last; running: of those after them.
  SUPRA_INLINE void one_head(int h, std::int64_t s, std::int64_t block, std::int64_t first, std::int64_t n, A running) const {
    constexpr int several = 16;  // tokens are read before the first is used: memory is far on a device
    const int heads = call.shape.heads;
    A total = 0;
    for (std::int64_t left = n; left > 0; left -= several) {
      const auto at = [&](int j) { return (first + (left - 1 - j > 0 ? left - 1 - j : 0)) * heads + h; };
      A own[several], given[several];
      for (int j = 0; j < several; ++j) {
        own[j] = call.work.decay[at(j)];
        if constexpr (Call::kind == decay_kind::per_token) given[j] = call.in.decay[at(j)];
      }
      for (int j = 0; j < several && j < left; ++j) {
        running += own[j];
        if constexpr (Call::kind == decay_kind::per_token)
          call.grad.d_decay[at(j)] = call.stages.decay.vjp(given[j], running);
        else
          total += running;
      }
    }
    if constexpr (Call::kind == decay_kind::learned)
      partial[(s * heads + h) * blocks.count + block] = call.stages.decay.vjp(call.in.decay[h], total);
  }
};

}  // namespace supra
