// xPos (Sun et al. 2022, arXiv 2212.10554): rotary position, half split, where pair i of a query at t is also scaled by
// zeta_i^(t/base) and that of a key by zeta_i^(-t/base), zeta_i = (2i/n + 0.4) / 1.4: q . k falls smoothly with the distance.
// The factors leave the floats' range: positions up to about 35,000 (times base / 512). Scores depend on distances alone, so a
// longer text may start at a negative position.
#pragma once

#include "supra/position/rope.hpp"

namespace supra {

struct xpos {
  double theta = 10000;
  double base = 512;                                 // tokens over which pair i falls by zeta_i

  // The turns of each pair, then log(zeta) / base of each.
  int table_size(int n) const { return n / 2 * 2; }
  double table(int n, int i) const {
    const int half = n / 2;
    return i < half ? rope_turns(theta, n, i) : std::log((2.0 * (i - half) / n + 0.4) / 1.4) / base;
  }

  SUPRA_INLINE void prepare(auto lanes, const auto& at, auto angles) const { rope{}.prepare(lanes, at, angles); }
  SUPRA_INLINE void forward(auto lanes, const auto& at, auto angles, auto x) const {
    rope{}.forward(lanes, at, angles, x);
    scale(lanes, at, x);
  }
  SUPRA_INLINE void vjp(auto lanes, const auto& at, auto angles, auto dx) const {
    scale(lanes, at, dx);
    rope{}.vjp(lanes, at, angles, dx);
  }

 private:
  SUPRA_INLINE void scale(auto lanes, const auto& at, auto x) const {
    using A = typename decltype(x)::value_type;
    const double t = static_cast<double>(at.key ? -at.position : at.position);
    const int half = x.size() / 2;
    lanes.each_half(x.size(), [&](auto i, auto k) {
      const A s = math::exp(static_cast<A>(t * at.table[half + int(i)]));
      x[i] *= s, x[k] *= s;
    });
  }
};

}  // namespace supra
