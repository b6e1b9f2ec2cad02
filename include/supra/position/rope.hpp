// Rotary position (Su et al. 2021, arXiv 2104.09864), half split: pairs (i, i + n/2), as in Hugging Face's and the paper's
// files.
#pragma once

#include <cmath>

#include "supra/core/concepts.hpp"

namespace supra {

// Turns per token of pair i of a row of n: theta^(-2i/n) / (2 pi).
SUPRA_FN double rope_turns(double theta, int n, int i) { return std::pow(theta, -2.0 * i / n) / 6.283185307179586476925; }

struct rope {
  double theta = 10000;

  int table_size(int n) const { return n / 2; }
  double table(int n, int i) const { return rope_turns(theta, n, i); }

  SUPRA_INLINE void prepare(auto lanes, const auto& at, auto angles) const {
    using A = typename decltype(angles)::value_type;
    const double t = static_cast<double>(at.position);
    lanes.each_half(angles.size(), [&](auto i, auto k) {
      const auto turn = math::sincos_turns<A>(t * at.table[int(i)]);
      angles[i] = turn.cos, angles[k] = turn.sin;
    });
  }
  SUPRA_INLINE void forward(auto lanes, const auto&, auto angles, auto x) const {
    using A = typename decltype(x)::value_type;
    lanes.each_half(x.size(), [&](auto i, auto k) {
      const A u = x[i], v = x[k];
      x[i] = u * angles[i] - v * angles[k], x[k] = u * angles[k] + v * angles[i];
    });
  }
  SUPRA_INLINE void vjp(auto lanes, const auto&, auto angles, auto dx) const {  // the rotation back
    using A = typename decltype(dx)::value_type;
    lanes.each_half(dx.size(), [&](auto i, auto k) {
      const A u = dx[i], v = dx[k];
      dx[i] = u * angles[i] + v * angles[k], dx[k] = v * angles[i] - u * angles[k];
    });
  }
};

}  // namespace supra
