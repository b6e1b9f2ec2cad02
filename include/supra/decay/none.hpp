// No decay: log gamma = 0, every earlier token counts the same.
#pragma once

#include "supra/core/concepts.hpp"

namespace supra {

struct no_decay {
  static constexpr decay_kind kind = decay_kind::constant;
  double log_gamma(int, int) const { return 0; }
};

}  // namespace supra
