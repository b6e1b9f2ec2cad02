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

// dx += r (g - mean(g) [centred] - n mean(g n)), g = dy gain, n = (x - mean) r; part (blocks, width; of zeros) += the sums of
// dy n, the gain's gradient, over each block of rows. A team has a block, whose rows it takes side by side, each with sums of
// its own.
template <class T>
struct norm_backward_blocks {
  using A = accumulator_t<T>;
  const T* x;
  const A* gain;
  const T* dy;
  const A* stat;
  T* dx;
  A* part;
  std::int64_t n;
  int width;
  bool centred;
  static constexpr std::int64_t block = 32;
  std::int64_t blocks() const { return (n + block - 1) / block; }
  // As many as a warp each is for, where their sums have room in memory that is near.
  SUPRA_FN int side_by_side() const {
    const auto fit = static_cast<int>((96 << 10) / (sizeof(A) * static_cast<std::size_t>(width)));
    return fit > 8 ? 8 : fit > 1 ? fit : 1;
  }
  std::size_t scratch_bytes() const {
    scratch_counter count;
    return static_cast<void>(sums(count)), count.bytes;
  }
  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t b) const {
    const int several = side_by_side();
    const std::int64_t first = b * block, last = n - first < block ? n : first + block;
    A* const all = sums(team);
    team.rows(several, [&, this](auto lanes, int r) {
      A* const own = all + static_cast<std::int64_t>(r) * width;
      lanes.each(width, [&](auto i) { own[int(i)] = A(0); });
      lanes.sync();
      for (std::int64_t row = first + r; row < last; row += several) of_row(lanes, row, own);
    });
    team.sync();
    team.rows((width + column_block - 1) / column_block, [&, this](auto lanes, int c) {
      const int from = c * column_block, columns = width - from < column_block ? width - from : column_block;
      column_sums(
          lanes, several, columns, [&, this](std::int64_t r, int column) { return all[r * width + from + column]; },
          part + b * width + from);
    });
  }

 private:
  template <class Scratch>
  SUPRA_FN A* sums(Scratch& scratch) const {
    return scratch.template scratch<A>(static_cast<std::int64_t>(side_by_side()) * width);
  }
  template <class Lanes>
  SUPRA_FN void of_row(Lanes lanes, std::int64_t row, A* own) const {
    const T *in = x + row * width, *d = dy + row * width;
    const A mean = stat[2 * row], r = stat[2 * row + 1];
    const A average = centred ? sum_of(lanes, width, [](A e, A g) { return e * g; }, d, gain) / A(width) : A(0);
    const A along =
        sum_of(lanes, width, [=](A e, A g, A u) { return e * g * ((u - mean) * r); }, d, gain, in) / A(width);
    each_of(
        lanes, width,
        [=](A& v, A& s, A e, A g, A u) {
          const A normed = (u - mean) * r;
          v += r * (e * g - average - normed * along), s += e * normed;
        },
        kept<T>{dx + row * width}, kept<A>{own}, d, gain, in);
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
  norm_backward_blocks<T> rows{x, gain, dy, stat, dx, nullptr, n, width, kind == model::norm_kind::layer_gain};
  auto part = b.template allocate<accumulator_t<T>>(rows.blocks() * width);
  rows.part = part.data();
  b.launch(rows.blocks(), rows.scratch_bytes(), rows);
  if (dgain) add_parts<B, accumulator_t<T>>(b, rows.blocks(), width, part.data(), dgain);
}

}  // namespace supra::layer
