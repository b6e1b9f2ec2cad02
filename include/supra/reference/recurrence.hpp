// The same sum as an RNN, in double: S_t = exp(g_t) S_{t-1} + k_t^T v_t, o_t = q_t S_t. An oracle for tests.
#pragma once

#include "supra/reference/quadratic_sum.hpp"

namespace supra::reference {

inline void recurrent_token(const head_view& x, std::int64_t sequence, std::int64_t t, sum_result& r) {
  const double gamma = std::exp(x.log_gamma(t));
  for (int i = 0; i < x.shape.d; ++i)
    for (int j = 0; j < x.columns(); ++j) {
      double& s = r.state[x.state(sequence, i, j)];
      s = gamma * s + x.k(t, i) * x.v(t, j);
      r.o[x.output(t, j)] += x.q(t, i) * s;
    }
}

inline sum_result recurrence(const attention_shape& shape, const sequences& seq, const sum_inputs& in) {
  auto r = empty_result(shape, seq, in.denominator);
  if (!in.initial.empty()) r.state = in.initial;
  for (int h = 0; h < shape.heads; ++h) {
    const head_view x{shape, in, h};
    for (std::int64_t n = 0; n < seq.count; ++n)
      for (std::int64_t t = seq.first(n); t < seq.first(n) + seq.tokens(n); ++t) recurrent_token(x, n, t, r);
  }
  return r;
}

}  // namespace supra::reference
