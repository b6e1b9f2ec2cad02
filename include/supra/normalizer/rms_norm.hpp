// RMS norm of each head's row, without gain: y = o / sqrt(mean(o^2) + eps) (Zhang and Sennrich 2019, arXiv 1910.07467).
#pragma once

#include "supra/core/concepts.hpp"

namespace supra {

struct rms_norm {
  static constexpr bool wants_denominator = false;
  double eps = 1e-5;

  // Saves the reciprocal root mean square r.
  SUPRA_INLINE auto forward(auto lanes, const auto&, auto o, auto, auto y) const {
    using A = typename decltype(y)::value_type;
    const int n = o.size();
    const A r = math::reciprocal_root(lanes.sum(n, [&](auto i) { return A(o[i]) * A(o[i]); }) / A(n) + A(eps));
    lanes.each(n, [&](auto i) { y[i] = A(o[i]) * r; });
    return r;
  }
  // do = r (dy - y mean(dy y)).
  SUPRA_INLINE auto vjp(auto lanes, const auto&, auto y, auto r, auto dy, auto dx) const {
    using A = typename decltype(dx)::value_type;
    const int n = y.size();
    const A along = lanes.sum(n, [&](auto i) { return A(dy[i]) * A(y[i]); }) / A(n);
    lanes.each(n, [&](auto i) { dx[i] = r * (A(dy[i]) - A(y[i]) * along); });
    return A(0);
  }
};

}  // namespace supra
