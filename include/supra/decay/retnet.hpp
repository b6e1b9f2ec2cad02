// RetNet's decay (Sun et al. 2023, arXiv 2307.08621): gamma = 1 - 2^(-5-h) for head h, whatever the number of heads.
#pragma once

#include <cmath>

#include "supra/core/concepts.hpp"

namespace supra {

struct retnet_decay {
  static constexpr decay_kind kind = decay_kind::constant;
  double log_gamma(int head, int) const { return std::log1p(-std::exp2(-5.0 - head)); }
};

}  // namespace supra
