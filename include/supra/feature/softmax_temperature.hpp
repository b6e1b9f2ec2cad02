// softmax(theta x) over the row's features with one learned inverse temperature theta per head, started at 1. theta may take
// either sign.
#pragma once

#include "supra/core/concepts.hpp"

namespace supra {

struct softmax_temperature {
  SUPRA_FN static constexpr int out_dim(int d) { return d; }
  SUPRA_FN static constexpr int parameters(int) { return 1; }

  SUPRA_INLINE void forward(auto lanes, const auto& at, auto x, auto y) const {
    using A = typename decltype(y)::value_type;
    const A theta = at.parameter(0);
    const A m = lanes.max(x.size(), [&](auto i) { return theta * A(x[i]); });
    lanes.each(y.size(), [&](auto i) { y[i] = math::exp(theta * A(x[i]) - m); });
    const A r = A(1) / lanes.sum(y.size(), [&](auto i) { return A(y[i]); });
    lanes.each(y.size(), [&](auto i) { y[i] *= r; });
  }

  // With p = y recomputed and g = p (dy - p . dy): dx = theta g, dtheta = x . g.
  SUPRA_INLINE void vjp(auto lanes, const auto& at, auto x, auto dy, auto dx) const {
    using A = typename decltype(dx)::value_type;
    const int n = x.size();
    const A theta = at.parameter(0);
    const A m = lanes.max(n, [&](auto i) { return theta * A(x[i]); });
    const A r = A(1) / lanes.sum(n, [&](auto i) { return math::exp(theta * A(x[i]) - m); });
    const A s = r * lanes.sum(n, [&](auto i) { return math::exp(theta * A(x[i]) - m) * A(dy[i]); });
    auto g = [&](auto i) { return r * math::exp(theta * A(x[i]) - m) * (A(dy[i]) - s); };
    const A dtheta = lanes.sum(n, [&](auto i) { return A(x[i]) * g(i); });
    lanes.each(n, [&](auto i) { dx[i] = theta * g(i); });
    lanes.once([&] { at.add(0, dtheta); });
  }
};

}  // namespace supra
