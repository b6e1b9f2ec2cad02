// The paper's decay: log gamma = -slope, slopes 2^(-8(h+1)/H) (the ALiBi and lightning attention slopes). For H no power of
// two: the P slopes of the largest power of two P below H, then those of 2P heads at even places.
#pragma once

#include <cmath>

#include "supra/core/concepts.hpp"

namespace supra {

struct slope_decay {
  static constexpr decay_kind kind = decay_kind::constant;
  double start = 0;                                  // replaces the first slope, the ratio stays 2^(-8/H); 0: none

  double log_gamma(int head, int heads) const { return -slope(head, heads); }

 private:
  double slope(int head, int heads) const {
    if ((heads & (heads - 1)) == 0) {
      const double ratio = std::exp2(-8.0 / heads);
      return (start > 0 ? start : ratio) * std::pow(ratio, head);
    }
    int power = 1;
    while (power * 2 < heads) power *= 2;
    return head < power ? slope(head, power) : slope(2 * (head - power), 2 * power);
  }
};

}  // namespace supra
