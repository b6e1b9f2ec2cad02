// relu(x) = max(x, 0), the paper's feature map after a learned linear map (Mercat et al. 2024).
#pragma once

#include "supra/core/elementwise.hpp"

namespace supra {

struct relu {
  template <class A> SUPRA_INLINE static A value(A x) { return math::positive(x); }
  template <class A> SUPRA_INLINE static A derivative(A x) { return x > 0 ? A(1) : A(0); }
};

}  // namespace supra
