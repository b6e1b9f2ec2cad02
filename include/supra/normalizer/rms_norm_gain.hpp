// RMS norm of each head's row with a learned gain for each of its e features, started at 1: y = g o / sqrt(mean(o^2) + eps).
// The gradient works from the output, whose normalized row is y / g: no gain may be exactly 0.
#pragma once

#include "supra/core/concepts.hpp"

namespace supra {

struct rms_norm_gain {
  static constexpr bool wants_denominator = false;
  double eps = 1e-5;
  SUPRA_FN static constexpr int parameters(int e) { return e; }

  // Saves the reciprocal root mean square r.
  SUPRA_INLINE auto forward(auto lanes, const auto& at, auto o, auto, auto y) const {
    using A = typename decltype(y)::value_type;
    const int n = o.size();
    const A r = math::reciprocal_root(lanes.sum(n, [&](auto i) { return A(o[i]) * A(o[i]); }) / A(n) + A(eps));
    lanes.each(n, [&](auto i) { y[i] = at.parameter(int(i)) * (A(o[i]) * r); });
    return r;
  }
  // With u = y / g the normalized row: do = r (g dy - u mean(dy y)), dg = dy u.
  SUPRA_INLINE auto vjp(auto lanes, const auto& at, auto y, auto r, auto dy, auto dx) const {
    using A = typename decltype(dx)::value_type;
    const int n = y.size();
    const A along = lanes.sum(n, [&](auto i) { return A(dy[i]) * A(y[i]); }) / A(n);
    lanes.each(n, [&](auto i) {
      const A g = at.parameter(int(i)), u = A(y[i]) / g;
      dx[i] = r * (g * A(dy[i]) - u * along);
      at.add(int(i), A(dy[i]) * u);
    });
    return A(0);
  }
};

}  // namespace supra
