// softmax over the row's features (not over tokens): positive weights that sum to one.
#pragma once

#include "supra/core/concepts.hpp"

namespace supra {

struct softmax {
  SUPRA_FN static constexpr int out_dim(int d) { return d; }

  SUPRA_INLINE void forward(auto lanes, const auto&, auto x, auto y) const {
    using A = typename decltype(y)::value_type;
    const A m = lanes.max(x.size(), [&](auto i) { return A(x[i]); });
    lanes.each(y.size(), [&](auto i) { y[i] = math::exp(A(x[i]) - m); });
    const A r = A(1) / lanes.sum(y.size(), [&](auto i) { return A(y[i]); });
    lanes.each(y.size(), [&](auto i) { y[i] *= r; });
  }

  // With p = y recomputed: dx = p (dy - p . dy).
  SUPRA_INLINE void vjp(auto lanes, const auto&, auto x, auto dy, auto dx) const {
    using A = typename decltype(dx)::value_type;
    const int n = x.size();
    const A m = lanes.max(n, [&](auto i) { return A(x[i]); });
    const A r = A(1) / lanes.sum(n, [&](auto i) { return math::exp(A(x[i]) - m); });
    const A s = r * lanes.sum(n, [&](auto i) { return math::exp(A(x[i]) - m) * A(dy[i]); });
    lanes.each(n, [&](auto i) { dx[i] = r * math::exp(A(x[i]) - m) * (A(dy[i]) - s); });
  }
};

}  // namespace supra
