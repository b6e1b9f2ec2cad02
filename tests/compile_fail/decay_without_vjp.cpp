// expect: supra: a learned or per-token decay needs auto log_gamma(auto x) const and auto vjp(auto x, auto d) const, its
// gradient
#include "supra/core/linear_attention.hpp"
#include "supra/feature/softmax.hpp"
#include "supra/normalizer/none.hpp"
#include "supra/position/none.hpp"

struct squared {
  static constexpr supra::decay_kind kind = supra::decay_kind::per_token;
  template <class A>
  A log_gamma(A x) const {
    return -x * x;
  }
#ifdef SUPRA_MENDED
  template <class A>
  A vjp(A x, A d) const {
    return -2 * x * d;
  }
#endif
};

supra::linear_attention<supra::softmax, supra::no_position, squared, supra::no_norm> stages;
