// taylor2: (1, x / d^(1/4), x (x) x / (sqrt(2) d^(1/2))), so that q . k = 1 + s + s^2/2 with s = q . k / sqrt(d): the
// exponential of softmax attention to second order (Arora et al. 2024, "Based", arXiv 2402.18668). Features: 1 + d + d^2.
#pragma once

#include "supra/core/concepts.hpp"

namespace supra {

struct taylor2 {
  static constexpr bool random_access = true;        // a product of two features: rows are read by integer
  SUPRA_FN static constexpr int out_dim(int d) { return 1 + d + d * d; }

  SUPRA_INLINE void forward(auto lanes, const auto&, auto x, auto y) const {
    using A = typename decltype(y)::value_type;
    const int d = x.size();
    const A root = math::sqrt(A(d)), first = A(1) / math::sqrt(root), second = A(0.70710678118654752440) / root;
    lanes.sync();
    lanes.once([&] { y[0] = A(1); });
    lanes.each(d, [&](auto i) { y[1 + int(i)] = A(x[i]) * first; });
    for (int a = 0; a < d; ++a) {
      const A u = A(x[a]) * second;
      lanes.each(d, [&](auto i) { y[1 + d + a * d + int(i)] = u * A(x[i]); });
    }
    lanes.sync();                                    // whoever reads a feature need not be who wrote it
  }

  // dx_i = first dy_i + second sum over a of x_a (dy_ia + dy_ai).
  SUPRA_INLINE void vjp(auto lanes, const auto&, auto x, auto dy, auto dx) const {
    using A = typename decltype(dx)::value_type;
    const int d = x.size();
    const A root = math::sqrt(A(d)), first = A(1) / math::sqrt(root), second = A(0.70710678118654752440) / root;
    lanes.sync();
    lanes.each(d, [&](auto i) {
      const int j = int(i);
      A s = 0;
      for (int a = 0; a < d; ++a) s += A(x[a]) * (A(dy[1 + d + j * d + a]) + A(dy[1 + d + a * d + j]));
      dx[i] = first * A(dy[1 + j]) + second * s;
    });
  }
};

}  // namespace supra
