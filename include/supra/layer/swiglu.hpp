// y = silu(gate) up, silu(x) = x sigmoid(x); all (n, hidden).
#pragma once

#include "supra/core/backend.hpp"
#include "supra/core/types.hpp"

namespace supra::layer {

template <class T> struct swiglu_forward {
  const T *gate, *up;
  T* y;
  int width;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t row) const {
    using A = accumulator_t<T>;
    const std::int64_t at = row * width;
    each_of(lanes, width, [](A& v, A g, A u) { v = g * math::sigmoid(g) * u; }, y + at, gate + at, up + at);
  }
};
// dgate and dup may overwrite dy's neighbours, not dy itself. y, where it is wanted (else null), is the forward's once more.
template <class T> struct swiglu_backward {
  const T *gate, *up, *dy;
  T *dgate, *dup, *y;
  int width;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t row) const {
    using A = accumulator_t<T>;
    const std::int64_t at = row * width;
    const auto gradients = [](A& du, A& dg, A g, A u, A d, A s) { du = d * g * s, dg = d * u * s * (A(1) + g * (A(1) - s)); };
    if (y)
      each_of(
          lanes, width,
          [=](A& du, A& dg, A& v, A g, A u, A d) {
            const A s = math::sigmoid(g);
            gradients(du, dg, g, u, d, s), v = g * s * u;
          },
          dup + at, dgate + at, y + at, gate + at, up + at, dy + at);
    else
      each_of(
          lanes, width, [=](A& du, A& dg, A g, A u, A d) { gradients(du, dg, g, u, d, math::sigmoid(g)); }, dup + at, dgate + at,
          gate + at, up + at, dy + at);
  }
};

}  // namespace supra::layer
