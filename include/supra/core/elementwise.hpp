// A feature map that treats every feature alone: elementwise<relu>, elementwise<elu1>, elementwise<your own function>.
#pragma once

#include "supra/core/concepts.hpp"

namespace supra {

// f(x) and f'(x), for float and double.
template <class F>
concept Function = requires(float x, double y) {
  { F::value(x) } -> std::same_as<float>;
  { F::derivative(y) } -> std::same_as<double>;
};

template <Function F>
struct elementwise {
  SUPRA_FN static constexpr int out_dim(int d) { return d; }
  SUPRA_INLINE void forward(auto lanes, const auto&, auto x, auto y) const {
    using A = typename decltype(y)::value_type;
    lanes.each(x.size(), [&](auto i) { y[i] = F::value(A(x[i])); });
  }
  SUPRA_INLINE void vjp(auto lanes, const auto&, auto x, auto dy, auto dx) const {
    using A = typename decltype(dx)::value_type;
    lanes.each(x.size(), [&](auto i) { dx[i] = A(dy[i]) * F::derivative(A(x[i])); });
  }
};

}  // namespace supra
