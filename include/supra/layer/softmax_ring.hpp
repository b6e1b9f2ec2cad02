// Softmax attention of one token over the last `window`, itself included, whose keys and values lie in a ring: position p of a
// sequence in row p % window of its own. Positions are read where the kernel runs, so that a recorded launch stays right.
#pragma once

#include "supra/core/attention.hpp"
#include "supra/core/walk.hpp"

namespace supra::layer {

// One team a sequence and query head. The ring's rows are shared out over `parts` running maxima and sums, each of which takes
// `several` at a time, so that they are all on their way at once; the parts are put together at the end, always in one order.
template <class T>
struct softmax_ring_kernel {
  using A = accumulator_t<T>;
  using storage = T;
  static constexpr int parts = 8, several = 4;
  std::int64_t window;
  int heads, kv_heads, d;
  const T *q, *k, *v;             // (sequences, heads, d); keys and values (sequences, window, kv_heads, d)
  const std::int64_t* positions;  // of each sequence's token, whose key and value are in the ring already
  T* o;                           // (sequences, heads, d)

  std::size_t scratch_bytes() const {
    scratch_counter c;
    c.scratch<A>(parts * d), c.scratch<A>(parts), c.scratch<A>(parts);
    return c.bytes;
  }
  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    const std::int64_t s = index / heads, h = index % heads, seen = positions[s] < window ? positions[s] + 1 : window,
                       first = s * window * kv_heads + h / (heads / kv_heads);
    A* const sums = team.template scratch<A>(parts * d);
    A* const tops = team.template scratch<A>(parts);
    A* const weights = team.template scratch<A>(parts);
    const T* const own = q + index * d;
    const A scale = A(1) / math::sqrt(A(d));
    team.rows(parts, [&, this](auto lanes, int part) {
      A* const sum = sums + part * d;
      A top = -infinity<A>, weight = 0;
      lanes.each(d, [&](auto i) { sum[int(i)] = 0; });
      for (std::int64_t r = part; r < seen; r += several * parts) {
        const T* value[several];
        A w[several], m = top;
        for (int j = 0; j < several; ++j) {  // in place of rows beyond the last the first again, with a weight of 0
          const bool is = r + j * parts < seen;
          const std::int64_t at = (first + (is ? r + j * parts : r) * kv_heads) * d;
          const T* const key = k + at;
          const A x = scale * lanes.sum(d, [&](auto i) { return A(own[int(i)]) * A(key[int(i)]); });
          value[j] = v + at, w[j] = is ? x : -infinity<A>, m = math::maximum(m, w[j]);
        }
        const A old = math::exp(top - m);
        weight *= old, top = m;
        for (int j = 0; j < several; ++j) weight += w[j] = math::exp(w[j] - m);
        lanes.each(d, [&](auto i) {
          A y = sum[int(i)] * old;
          for (int j = 0; j < several; ++j) y += w[j] * A(value[j][int(i)]);
          sum[int(i)] = y;
        });
      }
      lanes.once([&] { tops[part] = top, weights[part] = weight; });
    });
    team.sync();
    team.rows(1, [&, this](auto lanes, int) {
      const A m = lanes.max(parts, [&](auto p) { return tops[int(p)]; });
      const A all = lanes.sum(parts, [&](auto p) { return weights[int(p)] * math::exp(tops[int(p)] - m); });
      lanes.each(d, [&, this](auto i) {
        A y = 0;
        for (int p = 0; p < parts; ++p) y += sums[p * d + int(i)] * math::exp(tops[p] - m);
        o[index * d + int(i)] = T(y / all);
      });
    });
    team.sync();
  }
};

}  // namespace supra::layer
