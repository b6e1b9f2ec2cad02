// The sum of weights as denominator (Katharopoulos et al. 2020, arXiv 2006.16236): y = o / z, z_t = sum of q_t . k_s. The core
// keeps z as one more column of the state. For feature maps that are positive.
#pragma once

#include "supra/core/concepts.hpp"

namespace supra {

struct sum_norm {
  static constexpr bool wants_denominator = true;
  double eps = 1e-6;                                 // added to z: an all-zero row of weights gives 0, not NaN

  // Saves 1 / (z + eps).
  SUPRA_INLINE auto forward(auto lanes, const auto&, auto o, auto z, auto y) const {
    using A = typename decltype(y)::value_type;
    const A r = A(1) / (A(z) + A(eps));
    lanes.each(o.size(), [&](auto i) { y[i] = A(o[i]) * r; });
    return r;
  }
  // do = r dy, dz = -r dy . y.
  SUPRA_INLINE auto vjp(auto lanes, const auto&, auto y, auto r, auto dy, auto dx) const {
    using A = typename decltype(dx)::value_type;
    lanes.each(y.size(), [&](auto i) { dx[i] = r * A(dy[i]); });
    return A(-r * lanes.sum(y.size(), [&](auto i) { return A(dy[i]) * A(y[i]); }));
  }
};

}  // namespace supra
