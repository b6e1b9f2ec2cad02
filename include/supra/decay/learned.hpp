// A learned decay, one number theta per head: log gamma = -exp(theta), always below 0. theta = log(slope) starts at a slope.
#pragma once

#include "supra/core/concepts.hpp"

namespace supra {

struct learned_decay {
  static constexpr decay_kind kind = decay_kind::learned;
  template <class A> SUPRA_INLINE A log_gamma(A theta) const { return -math::exp(theta); }
  template <class A> SUPRA_INLINE A vjp(A theta, A d) const { return -math::exp(theta) * d; }
};

}  // namespace supra
