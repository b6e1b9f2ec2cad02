// A gate on the heads before the output matrix: y = 2 sigmoid(z) o, where z = h Wg^T of the layer's normed input h. From Wg = 0
// on it is 1, so that a gate that was never trained changes nothing. All (n, width), width = heads d.
#pragma once

#include "supra/core/backend.hpp"
#include "supra/core/types.hpp"

namespace supra::layer {

// y may be o.
template <class T>
struct output_gate_forward {
  const T *o, *z;
  T* y;
  int width;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t row) const {
    using A = accumulator_t<T>;
    const std::int64_t at = row * width;
    each_of(lanes, width, [](A& y, A o, A z) { y = A(2) * math::sigmoid(z) * o; }, y + at, o + at, z + at);
  }
};
// dy -> the gradients of o and z, and y once more for the gradient of what it went through. d_o may be dy, dz may be z, y may
// be o.
template <class T>
struct output_gate_backward {
  const T *o, *z, *dy;
  T *d_o, *dz, *y;
  int width;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t row) const {
    using A = accumulator_t<T>;
    const std::int64_t at = row * width;
    each_of(
        lanes, width,
        [](A& d_o, A& dz, A& y, A o, A z, A dy) {
          const A s = math::sigmoid(z), gate = A(2) * s;
          y = gate * o, dz = dy * gate * (A(1) - s) * o, d_o = dy * gate;
        },
        d_o + at, dz + at, y + at, o + at, z + at, dy + at);
  }
};

}  // namespace supra::layer
