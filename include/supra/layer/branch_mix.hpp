// Two branches of a head become its output: y = m x + (1 - m) z, m = sigmoid(branch_mix) a number for each head, x softmax
// attention over a window of tokens and z linear attention. All (n, heads, d); n: tokens.
#pragma once

#include "supra/layer/linear.hpp"

namespace supra::layer {

// Row i of a launch is that of token i / heads and head i % heads.
template <class T>
struct branch_mix_forward {
  using A = accumulator_t<T>;
  const T *x, *z;
  const A* branch_mix;  // (heads)
  T* y;
  int heads, d;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t row) const {
    const A m = math::sigmoid(branch_mix[row % heads]), rest = math::sigmoid(-branch_mix[row % heads]);
    const std::int64_t at = row * d;
    each_of(lanes, d, [=](A& y, A x, A z) { y = m * x + rest * z; }, y + at, x + at, z + at);
  }
};
// dy -> the gradients of x and z (dz may be dy), and this row's own of branch_mix.
template <class T>
struct branch_mix_gradients {
  using A = accumulator_t<T>;
  const T *x, *z, *dy;
  const A* branch_mix;
  T *dx, *dz;
  A* own;  // (n, heads)
  int heads, d;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t row) const {
    const A m = math::sigmoid(branch_mix[row % heads]), rest = math::sigmoid(-branch_mix[row % heads]);
    const std::int64_t at = row * d;
    const A slope = sum_of(lanes, d, [](A x, A z, A dy) { return dy * (x - z); }, x + at, z + at, dy + at);
    each_of(lanes, d, [=](A& dx, A& dz, A dy) { dx = m * dy, dz = rest * dy; }, dx + at, dz + at, dy + at);
    lanes.once([&, this] { own[row] = m * rest * slope; });
  }
};
// The same for n tokens; the gradient of branch_mix is added to `to`, summed in one order.
template <class B, class T>
void branch_mix_backward(B& b, std::int64_t n, branch_mix_gradients<T> rows, accumulator_t<T>* to) {
  using A = accumulator_t<T>;
  auto own = b.template allocate<A>(n * rows.heads);
  rows.own = own.data();
  for_rows(b, n * rows.heads, rows);
  add_row_sums<A>(b, n, rows.heads, element<A>{own.data(), rows.heads}, to);
}

}  // namespace supra::layer
