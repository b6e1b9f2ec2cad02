// Sinusoidal positions (Vaswani et al. 2017, arXiv 1706.03762), added to the mapped q and k: sin(t theta^(-2i/n)) to feature
// 2i, its cosine to feature 2i + 1. The last of an odd n has none.
#pragma once

#include "supra/position/rope.hpp"

namespace supra {

struct absolute {
  double theta = 10000;

  int table_size(int n) const { return n / 2; }
  double table(int n, int i) const { return rope_turns(theta, n, i); }

  SUPRA_INLINE void prepare(auto lanes, const auto& at, auto waves) const {
    using A = typename decltype(waves)::value_type;
    const double t = static_cast<double>(at.position);
    lanes.each_pair(waves.size(), [&](auto i, auto k) {
      const auto turn = math::sincos_turns<A>(t * at.table[int(i) / 2]);
      waves[i] = turn.sin, waves[k] = turn.cos;
    });
  }
  SUPRA_INLINE void forward(auto lanes, const auto&, auto waves, auto x) const {
    lanes.each_pair(x.size(), [&](auto i, auto k) { x[i] += waves[i], x[k] += waves[k]; });
  }
  SUPRA_INLINE void vjp(auto, const auto&, auto, auto) const {}   // what is added has no gradient
};

}  // namespace supra
