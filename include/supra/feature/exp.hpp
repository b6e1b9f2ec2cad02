// exponential(x) = exp(x), every feature alone. Overflows; softmax.hpp is the same but for a factor per row, and does not.
#pragma once

#include "supra/core/elementwise.hpp"

namespace supra {

struct exponential {
  template <class A> SUPRA_INLINE static A value(A x) { return math::exp(x); }
  template <class A> SUPRA_INLINE static A derivative(A x) { return math::exp(x); }
};

}  // namespace supra
