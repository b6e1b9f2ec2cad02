// RMS norm with a gain, and layer norm with a gain and no bias: y = (x - mean) r gain, mean 0 for the first, r = 1/deviation.
#pragma once

#include "supra/layer/linear.hpp"
#include "supra/model/config.hpp"

namespace supra::layer {

template <class T> struct norm_forward_rows {
  const T* x;
  const accumulator_t<T>* gain;
  T* y;
  accumulator_t<T>* stat;                             // (n, 2): mean and r
  int width;
  accumulator_t<T> eps;
  bool centred;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t row) const {
    using A = accumulator_t<T>;
    const T* in = x + row * width;
    T* out = y + row * width;
    const A mean = centred ? lanes.sum(width, [&](auto i) { return A(in[int(i)]); }) / A(width) : A(0);
    const A square = lanes.sum(width, [&](auto i) { return (A(in[int(i)]) - mean) * (A(in[int(i)]) - mean); }) / A(width);
    const A r = A(1) / math::sqrt(square + eps);
    lanes.each(width, [&](auto i) { out[int(i)] = T((A(in[int(i)]) - mean) * r * A(gain[int(i)])); });
    lanes.once([&] { stat[2 * row] = mean, stat[2 * row + 1] = r; });
  }
};

// dx += r (g - mean(g) [centred] - n mean(g n)), g = dy gain, n = (x - mean) r.
template <class T> struct norm_backward_rows {
  const T* x;
  const accumulator_t<T>* gain;
  const T* dy;
  const accumulator_t<T>* stat;
  T* dx;
  int width;
  bool centred;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t row) const {
    using A = accumulator_t<T>;
    const T *in = x + row * width, *d = dy + row * width;
    const A mean = stat[2 * row], r = stat[2 * row + 1];
    auto g = [&](auto i) { return A(d[int(i)]) * A(gain[int(i)]); };
    auto n = [&](auto i) { return (A(in[int(i)]) - mean) * r; };
    const A average = centred ? lanes.sum(width, g) / A(width) : A(0);
    const A along = lanes.sum(width, [&](auto i) { return g(i) * n(i); }) / A(width);
    T* out = dx + row * width;
    lanes.each(width, [&](auto i) { out[int(i)] = T(out[int(i)] + r * (g(i) - average - n(i) * along)); });
  }
};
template <class T> struct norm_gain_term {
  const T *x, *dy;
  const accumulator_t<T>* stat;
  int width;
  SUPRA_FN accumulator_t<T> operator()(std::int64_t row, int i) const {
    using A = accumulator_t<T>;
    return A(dy[row * width + i]) * (A(x[row * width + i]) - stat[2 * row]) * stat[2 * row + 1];
  }
};

template <class B, class T>
void norm_forward(B& b, std::int64_t n, int width, model::norm_kind kind, double eps, const T* x,
                  const accumulator_t<T>* gain, T* y, accumulator_t<T>* stat) {
  for_rows(
      b, n,
      norm_forward_rows<T>{x, gain, y, stat, width, static_cast<accumulator_t<T>>(eps), kind == model::norm_kind::layer_gain});
}
// dx += ..., dgain += ... (null: not wanted).
template <class B, class T>
void norm_backward(B& b, std::int64_t n, int width, model::norm_kind kind, const T* x,
                   const accumulator_t<T>* gain, const T* dy, const accumulator_t<T>* stat, T* dx, accumulator_t<T>* dgain) {
  for_rows(b, n, norm_backward_rows<T>{x, gain, dy, stat, dx, width, kind == model::norm_kind::layer_gain});
  if (dgain) add_row_sums<T>(b, n, width, norm_gain_term<T>{x, dy, stat, width}, dgain);
}

}  // namespace supra::layer
