// A normalizer that gives its sums as they are: the stage no_norm, which derives from it, and what a slice of values has.
#pragma once

#include "supra/core/concepts.hpp"

namespace supra {

struct unnormalized {
  static constexpr bool wants_denominator = false;

  SUPRA_INLINE auto forward(auto lanes, const auto&, auto o, auto, auto y) const {
    using A = typename decltype(y)::value_type;
    lanes.each(o.size(), [&](auto i) { y[i] = A(o[i]); });
    return A(0);
  }
  SUPRA_INLINE auto vjp(auto lanes, const auto&, auto, auto, auto dy, auto dx) const {
    using A = typename decltype(dx)::value_type;
    lanes.each(dy.size(), [&](auto i) { dx[i] = A(dy[i]); });
    return A(0);
  }
};

}  // namespace supra
