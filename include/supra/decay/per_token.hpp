// A decay for each token and head from a gate x: log gamma = log sigmoid(x) = -softplus(-x). x usually is a small linear map of
// the layer's input (as in gated linear attention, Yang et al. 2023, arXiv 2312.06635).
#pragma once

#include "supra/core/concepts.hpp"

namespace supra {

struct per_token_decay {
  static constexpr decay_kind kind = decay_kind::per_token;
  template <class A> SUPRA_INLINE A log_gamma(A x) const { return -math::softplus(-x); }
  template <class A> SUPRA_INLINE A vjp(A x, A d) const { return d * math::sigmoid(-x); }
};

}  // namespace supra
