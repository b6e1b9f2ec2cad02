// expect: supra: a decay schedule must be trivially copyable and default constructible: it is copied into kernels
#include <vector>

#include "supra/core/concepts.hpp"

struct listed {
  static constexpr supra::decay_kind kind = supra::decay_kind::constant;
#ifdef SUPRA_MENDED
  double gammas[8] = {};
#else
  std::vector<double> gammas;
#endif
  double log_gamma(int head, int) const { return gammas[static_cast<unsigned>(head)]; }
};

static_assert(supra::explain_decay<listed>());
