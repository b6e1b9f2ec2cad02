// Rotary position, interleaved: pairs (2i, 2i + 1), as in Meta's Llama and llama2.c's files. Angles as in rope.hpp.
#pragma once

#include "supra/position/rope.hpp"

namespace supra {

struct rope_interleaved {
  double theta = 10000;

  int table_size(int n) const { return n / 2; }
  double table(int n, int i) const { return rope_turns(theta, n, i); }

  SUPRA_INLINE void prepare(auto lanes, const auto& at, auto angles) const {
    using A = typename decltype(angles)::value_type;
    const double t = static_cast<double>(at.position);
    lanes.each_pair(angles.size(), [&](auto i, auto k) {
      const auto turn = math::sincos_turns<A>(t * at.table[int(i) / 2]);
      angles[i] = turn.cos, angles[k] = turn.sin;
    });
  }
  SUPRA_INLINE void forward(auto lanes, const auto&, auto angles, auto x) const {
    using A = typename decltype(x)::value_type;
    lanes.each_pair(x.size(), [&](auto i, auto k) {
      const A u = x[i], v = x[k];
      x[i] = u * angles[i] - v * angles[k], x[k] = u * angles[k] + v * angles[i];
    });
  }
  SUPRA_INLINE void vjp(auto lanes, const auto&, auto angles, auto dx) const {   // the rotation back
    using A = typename decltype(dx)::value_type;
    lanes.each_pair(dx.size(), [&](auto i, auto k) {
      const A u = dx[i], v = dx[k];
      dx[i] = u * angles[i] + v * angles[k], dx[k] = v * angles[i] - u * angles[k];
    });
  }
};

}  // namespace supra
