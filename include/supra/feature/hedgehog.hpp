// hedgehog: softmax over [x, -x] (Zhang et al. 2024, arXiv 2402.04347): spiky weights that stay positive.
#pragma once

#include "supra/core/concepts.hpp"

namespace supra {

struct hedgehog {
  SUPRA_FN static constexpr int out_dim(int d) { return 2 * d; }

  SUPRA_INLINE void forward(auto lanes, const auto&, auto x, auto y) const {
    using A = typename decltype(y)::value_type;
    const A m = lanes.max(x.size(), [&](auto i) { return math::abs(A(x[i])); });
    lanes.each_half(y.size(), [&](auto i, auto k) { y[i] = math::exp(A(x[i]) - m), y[k] = math::exp(-A(x[i]) - m); });
    const A r = A(1) / lanes.sum(y.size(), [&](auto i) { return A(y[i]); });
    lanes.each(y.size(), [&](auto i) { y[i] *= r; });
  }

  // With p = [p+, p-] recomputed: dx = p+ (dy+ - s) - p- (dy- - s), s = p . dy.
  SUPRA_INLINE void vjp(auto lanes, const auto&, auto x, auto dy, auto dx) const {
    using A = typename decltype(dx)::value_type;
    const A m = lanes.max(x.size(), [&](auto i) { return math::abs(A(x[i])); });
    auto weight = [&](auto i) { return math::exp(A(x[i]) - m) + math::exp(-A(x[i]) - m); };
    const A r = A(1) / lanes.sum(x.size(), weight);
    lanes.each_half(dy.size(),
                    [&](auto i, auto k) { dx[i] = math::exp(A(x[i]) - m) * A(dy[i]) + math::exp(-A(x[i]) - m) * A(dy[k]); });
    const A s = r * lanes.sum(x.size(), [&](auto i) { return A(dx[i]); });
    lanes.each_half(dy.size(), [&](auto i, auto k) {
      dx[i] = r * (math::exp(A(x[i]) - m) * (A(dy[i]) - s) - math::exp(-A(x[i]) - m) * (A(dy[k]) - s));
    });
  }
};

}  // namespace supra
