// A log gamma given for each token and head as it is. Whoever gives it keeps it at most 0.
#pragma once

#include "supra/core/concepts.hpp"

namespace supra {

struct given_decay {
  static constexpr decay_kind kind = decay_kind::per_token;
  template <class A> SUPRA_INLINE A log_gamma(A x) const { return x; }
  template <class A> SUPRA_INLINE A vjp(A, A d) const { return d; }
};

}  // namespace supra
