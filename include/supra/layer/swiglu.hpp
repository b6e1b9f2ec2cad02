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
    lanes.each(width, [&](auto i) {
      const A g = gate[at + int(i)];
      y[at + int(i)] = T(g * math::sigmoid(g) * A(up[at + int(i)]));
    });
  }
};
// dgate and dup may overwrite dy's neighbours, not dy itself.
template <class T> struct swiglu_backward {
  const T *gate, *up, *dy;
  T *dgate, *dup;
  int width;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t row) const {
    using A = accumulator_t<T>;
    const std::int64_t at = row * width;
    lanes.each(width, [&](auto i) {
      const A g = gate[at + int(i)], s = math::sigmoid(g), d = dy[at + int(i)];
      dup[at + int(i)] = T(d * g * s);
      dgate[at + int(i)] = T(d * A(up[at + int(i)]) * s * (A(1) + g * (A(1) - s)));
    });
  }
};

}  // namespace supra::layer
