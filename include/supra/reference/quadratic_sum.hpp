// The decayed causal sum in double, straight from its definition:
//   o_t = sum over s <= t of exp(g_{s+1} + ... + g_t) (q_t . k_s) v_s + exp(g_0 + ... + g_t) q_t S
// with g the log gamma of each token and S the state before the sequence. Quadratic in the length; an oracle for tests.
#pragma once

#include <cmath>
#include <vector>

#include "supra/core/attention.hpp"

namespace supra::reference {

using numbers = std::vector<double>;

// shape.d is the width F of the mapped rows. q (tokens, H, F), k (tokens, G, F), v (tokens, G, e), log_gamma (tokens, H),
// initial (count, H, F, E) or empty; E = e, or e + 1 with the denominator: then a column of ones stands behind v.
struct sum_inputs {
  numbers q, k, v, log_gamma, initial;
  bool denominator = false;
};

// o (tokens, H, E), 0 for tokens outside all sequences; state (count, H, F, E) after each sequence's last token.
struct sum_result {
  numbers o, state;
};

// The numbers of one head, by indices of tokens.
struct head_view {
  const attention_shape& shape;
  const sum_inputs& in;
  int h;
  int columns() const { return shape.e + (in.denominator ? 1 : 0); }
  int g() const { return h / (shape.heads / shape.kv_heads); }
  static std::size_t place(std::int64_t token, int heads, int head, int width, int i) {
    return static_cast<std::size_t>((token * heads + head) * width + i);
  }
  double q(std::int64_t t, int i) const { return in.q[place(t, shape.heads, h, shape.d, i)]; }
  double k(std::int64_t t, int i) const { return in.k[place(t, shape.kv_heads, g(), shape.d, i)]; }
  double v(std::int64_t t, int j) const { return j == shape.e ? 1.0 : in.v[place(t, shape.kv_heads, g(), shape.e, j)]; }
  double log_gamma(std::int64_t t) const { return in.log_gamma[place(t, shape.heads, h, 1, 0)]; }
  std::size_t output(std::int64_t t, int j) const { return place(t, shape.heads, h, columns(), j); }
  std::size_t state(std::int64_t sequence, int i, int j) const {
    return place(sequence, shape.heads, h, shape.d * columns(), i * columns() + j);
  }
  double initial(std::int64_t sequence, int i, int j) const {
    return in.initial.empty() ? 0.0 : in.initial[state(sequence, i, j)];
  }
};

inline sum_result empty_result(const attention_shape& shape, const sequences& seq, bool denominator) {
  const std::int64_t columns = shape.e + (denominator ? 1 : 0);
  return {numbers(static_cast<std::size_t>(shape.tokens * shape.heads * columns)),
          numbers(static_cast<std::size_t>(seq.count * shape.heads * shape.d * columns))};
}

// What token t of a head sees: every earlier token alone, the nearest first.
inline void quadratic_row(const head_view& x, std::int64_t sequence, std::int64_t first, std::int64_t t, numbers& o) {
  double g = 0;
  for (std::int64_t s = t; s >= first; g += x.log_gamma(s), --s) {
    double dot = 0;
    for (int i = 0; i < x.shape.d; ++i) dot += x.q(t, i) * x.k(s, i);
    for (int j = 0; j < x.columns(); ++j) o[x.output(t, j)] += std::exp(g) * dot * x.v(s, j);
  }
  for (int i = 0; i < x.shape.d; ++i)
    for (int j = 0; j < x.columns(); ++j) o[x.output(t, j)] += std::exp(g) * x.q(t, i) * x.initial(sequence, i, j);
}

inline void quadratic_state(const head_view& x, std::int64_t sequence, std::int64_t first, std::int64_t end, numbers& state) {
  double g = 0;
  for (std::int64_t s = end - 1; s >= first; g += x.log_gamma(s), --s)
    for (int i = 0; i < x.shape.d; ++i)
      for (int j = 0; j < x.columns(); ++j) state[x.state(sequence, i, j)] += std::exp(g) * x.k(s, i) * x.v(s, j);
  for (int i = 0; i < x.shape.d; ++i)
    for (int j = 0; j < x.columns(); ++j) state[x.state(sequence, i, j)] += std::exp(g) * x.initial(sequence, i, j);
}

inline sum_result quadratic_sum(const attention_shape& shape, const sequences& seq, const sum_inputs& in) {
  auto r = empty_result(shape, seq, in.denominator);
  for (int h = 0; h < shape.heads; ++h) {
    const head_view x{shape, in, h};
    for (std::int64_t n = 0; n < seq.count; ++n) {
      const std::int64_t first = seq.first(n), end = first + seq.tokens(n);
      for (std::int64_t t = first; t < end; ++t) quadratic_row(x, n, first, t, r.o);
      quadratic_state(x, n, first, end, r.state);
    }
  }
  return r;
}

}  // namespace supra::reference
