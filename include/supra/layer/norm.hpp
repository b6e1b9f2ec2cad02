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
    const A mean = centred ? sum_of(lanes, width, [](A u) { return u; }, in) / A(width) : A(0);
    const A square = sum_of(lanes, width, [=](A u) { return (u - mean) * (u - mean); }, in) / A(width);
    const A r = A(1) / math::sqrt(square + eps);
    each_of(lanes, width, [=](A& v, A u, A g) { v = (u - mean) * r * g; }, out, in, gain);
    lanes.once([&] { stat[2 * row] = mean, stat[2 * row + 1] = r; });
  }
};

// sum = x + y (sum may be x or y) as it is stored, and its norm -> z: the residual stream and what reads it next.
template <class T>
struct add_and_norm_rows {
  const T *x, *y;
  T* sum;
  const accumulator_t<T>* gain;
  T* z;
  accumulator_t<T>* stat;  // (n, 2): mean and r
  int width;
  accumulator_t<T> eps;
  bool centred;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t row) const {
    using A = accumulator_t<T>;
    const T *u = x + row * width, *v = y + row * width;
    const auto stored = [](A a, A b) { return static_cast<A>(T(a + b)); };
    const A mean = centred ? sum_of(lanes, width, stored, u, v) / A(width) : A(0);
    const auto squared = [=](A a, A b) { return (stored(a, b) - mean) * (stored(a, b) - mean); };
    const A r = A(1) / math::sqrt(sum_of(lanes, width, squared, u, v) / A(width) + eps);
    lanes.sync();
    const auto add = [=](A& s, A& n, A a, A b, A g) {
      s = stored(a, b);
      n = (s - mean) * r * g;
    };
    each_of(lanes, width, add, sum + row * width, z + row * width, u, v, gain);
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
    const A average = centred ? sum_of(lanes, width, [](A e, A g) { return e * g; }, d, gain) / A(width) : A(0);
    const A along =
        sum_of(lanes, width, [=](A e, A g, A u) { return e * g * ((u - mean) * r); }, d, gain, in) / A(width);
    each_of(
        lanes, width, [=](A& v, A e, A g, A u) { v += r * (e * g - average - ((u - mean) * r) * along); },
        kept<T>{dx + row * width}, d, gain, in);
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
template <class B, class T>
void add_and_norm(B& b, std::int64_t n, int width, model::norm_kind kind, double eps, const T* x, const T* y, T* sum,
                  const accumulator_t<T>* gain, T* z, accumulator_t<T>* stat) {
  for_rows(b, n,
           add_and_norm_rows<T>{x, y, sum, gain, z, stat, width, static_cast<accumulator_t<T>>(eps),
                                kind == model::norm_kind::layer_gain});
}
// dx += ..., dgain += ... (null: not wanted).
template <class B, class T>
void norm_backward(B& b, std::int64_t n, int width, model::norm_kind kind, const T* x,
                   const accumulator_t<T>* gain, const T* dy, const accumulator_t<T>* stat, T* dx, accumulator_t<T>* dgain) {
  for_rows(b, n, norm_backward_rows<T>{x, gain, dy, stat, dx, width, kind == model::norm_kind::layer_gain});
  if (dgain) add_row_sums<T>(b, n, width, norm_gain_term<T>{x, dy, stat, width}, dgain);
}

}  // namespace supra::layer
