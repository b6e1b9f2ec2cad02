// elu1(x) = elu(x) + 1: x + 1 above 0, exp(x) below (Katharopoulos et al. 2020, arXiv 2006.16236). Positive everywhere.
#pragma once

#include "supra/core/elementwise.hpp"

namespace supra {

struct elu1 {
  template <class A> SUPRA_INLINE static A value(A x) {
    const A e = math::exp(x < 0 ? x : A(0));
    return x < 0 ? e : x + A(1);                     // NaN stays
  }
  template <class A> SUPRA_INLINE static A derivative(A x) { return math::exp(x < 0 ? x : A(0)); }
};

}  // namespace supra
