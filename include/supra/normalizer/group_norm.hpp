// Group norm, one group per head, without gain and bias: each row centred and scaled to unit variance (the paper's, eps 1e-5).
#pragma once

#include "supra/core/concepts.hpp"

namespace supra {

struct group_norm {
  static constexpr bool wants_denominator = false;
  double eps = 1e-5;

  // Saves the reciprocal deviation.
  SUPRA_INLINE auto forward(auto lanes, const auto&, auto o, auto, auto y) const {
    using A = typename decltype(y)::value_type;
    const int n = o.size();
    const A mean = lanes.sum(n, [&](auto i) { return A(o[i]); }) / A(n);
    const A variance = lanes.sum(n, [&](auto i) { return (A(o[i]) - mean) * (A(o[i]) - mean); }) / A(n);
    const A r = math::reciprocal_root(variance + A(eps));
    lanes.each(n, [&](auto i) { y[i] = (A(o[i]) - mean) * r; });
    return r;
  }
  // do = r (dy - mean(dy) - y mean(dy y)).
  SUPRA_INLINE auto vjp(auto lanes, const auto&, auto y, auto r, auto dy, auto dx) const {
    using A = typename decltype(dx)::value_type;
    const int n = y.size();
    const A mean = lanes.sum(n, [&](auto i) { return A(dy[i]); }) / A(n);
    const A along = lanes.sum(n, [&](auto i) { return A(dy[i]) * A(y[i]); }) / A(n);
    lanes.each(n, [&](auto i) { dx[i] = r * (A(dy[i]) - mean - A(y[i]) * along); });
    return A(0);
  }
};

}  // namespace supra
