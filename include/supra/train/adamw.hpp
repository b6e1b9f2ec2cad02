// AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) over the flat arrays, clipping by the global norm, and the schedule.
// Parameters, gradients and moments are A = accumulator_t<T>; where T is narrower, each new parameter is also rounded to T.
#pragma once

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "supra/core/backend.hpp"
#include "supra/core/types.hpp"
#include "supra/model/parameters.hpp"

namespace supra::train {

struct adamw_settings {
  double lr = 3e-4, lr_added = 1e-3;                 // of the teacher's tensors, of those that linear attention added
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-8;
  double weight_decay = 0.1;                         // on the teacher's matrices only
  double clip = 1;                                   // largest global norm of the gradient
  double output_share = 1;                           // of lr, for the attention's output matrices (o_proj)
};

// Warm-up over n/20 steps (at least `least`), then a cosine from 1 to a tenth.
inline double schedule(std::int64_t step, std::int64_t steps, std::int64_t least = 5) {
  const double warm = static_cast<double>(std::max(least, steps / 20)), i = static_cast<double>(step);
  return std::min(1.0, (i + 1) / warm) *
         (0.1 + 0.45 * (1 + std::cos(std::numbers::pi * i / static_cast<double>(std::max<std::int64_t>(1, steps)))));
}

inline constexpr std::int64_t flat_block = 1024;     // elements that one row of a flat kernel takes

// Where a tensor lies in the flat arrays, the rows of a launch before it, and whose rates it takes.
struct adamw_tensor {
  std::int64_t rows, offset, size;
  std::int32_t added, decays;
  double share;  // of that rate
};
// What a step is taken with: of the settings, of the step's number and its rate.
template <class A> struct adamw_numbers {
  A lr, lr_added, decay, beta1, beta2, correct1, correct2, eps;
  double clip;
};
template <class T> struct adamw_rows {
  using A = accumulator_t<T>;
  A *parameter, *gradient, *m, *v;
  T* rounded;                                        // null: not wanted
  const adamw_tensor* tensors;
  std::int32_t count;                                // of tensors
  const adamw_numbers<A>* numbers;                   // in the backend's memory: they change from step to step
  const double* square;                              // of the gradient's norm
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t row) const {
    const double norm = math::sqrt(*square);
    if (!(norm - norm == 0)) return;                 // not finite: all stays as it is
    std::int32_t at = 0;
    for (std::int32_t end = count; end - at > 1;) {
      const std::int32_t middle = (at + end) / 2;
      (tensors[middle].rows <= row ? at : end) = middle;
    }
    const adamw_tensor& t = tensors[at];
    const adamw_numbers<A> by = *numbers;
    const std::int64_t within = (row - t.rows) * flat_block, i = t.offset + within;
    const int n = static_cast<int>(t.size - within < flat_block ? t.size - within : flat_block);
    const A scale = A(norm > by.clip ? by.clip / norm : 1.0), rate = A(t.share) * (t.added ? by.lr_added : by.lr),
            shrink = t.decays ? by.lr * by.decay : A(0);
    const auto update = [=](A& p, A& g, A& m1, A& v1) {
      const A slope = g * scale;
      m1 = by.beta1 * m1 + (A(1) - by.beta1) * slope, v1 = by.beta2 * v1 + (A(1) - by.beta2) * slope * slope;
      p = p - shrink * p - rate * (m1 * by.correct1) / (math::sqrt(v1 * by.correct2) + by.eps), g = A(0);
    };
    const kept<A> p{parameter + i}, g{gradient + i}, first{m + i}, second{v + i};
    if (rounded)
      each_of(
          lanes, n, [=](A& x, A& d, A& m1, A& v1, A& r) { update(x, d, m1, v1), r = x; }, p, g, first, second, rounded + i);
    else
      each_of(lanes, n, update, p, g, first, second);
  }
};
template <class A> struct square_rows {              // sums of squares of blocks
  const A* x;
  double* to;
  std::int64_t n;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t block) const {
    const std::int64_t first = block * flat_block, left = n - first;
    const A s = sum_of(lanes, static_cast<int>(left < flat_block ? left : flat_block), [](A y) { return y * y; }, x + first);
    lanes.once([&] { to[block] = static_cast<double>(s); });
  }
};
template <class A> struct sum_rows {                 // sums of blocks
  const A* x;
  double* to;
  std::int64_t n;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t block) const {
    const std::int64_t first = block * flat_block, left = n - first;
    const double s = lanes.sum(static_cast<int>(left < flat_block ? left : flat_block),
                               [&](auto j) { return static_cast<double>(x[first + int(j)]); });
    lanes.once([&] { to[block] = s; });
  }
};

inline std::int64_t blocks(std::int64_t n) { return (n + flat_block - 1) / flat_block; }

// Sums of a flat array in the backend's memory, blocks of blocks, in double.
template <class B, class A>
auto launch_sum(B& b, const A* x, std::int64_t n) {
  auto sums = b.template allocate<double>(std::max<std::int64_t>(1, blocks(n)));
  for_rows(b, blocks(n), sum_rows<A>{x, sums.data(), n});
  for (std::int64_t left = blocks(n); left > 1; left = blocks(left)) {
    auto next = b.template allocate<double>(blocks(left));
    for_rows(b, blocks(left), sum_rows<double>{sums.data(), next.data(), left});
    sums = std::move(next);
  }
  return sums;
}
template <class B, class A>
auto launch_squared_norm(B& b, const A* x, std::int64_t n) {
  auto squares = b.template allocate<double>(std::max<std::int64_t>(1, blocks(n)));
  for_rows(b, blocks(n), square_rows<A>{x, squares.data(), n});
  return launch_sum(b, static_cast<const double*>(squares.data()), blocks(n));
}
template <class B>
double download_number(B& b, const double* x) {
  double y = 0;
  return b.download(x, &y, 1), y;
}
template <class B, class A> double norm(B& b, const A* x, std::int64_t n) {
  return std::sqrt(download_number(b, launch_squared_norm(b, x, n).data()));
}

template <class B, class T> class adamw {
 public:
  using A = accumulator_t<T>;
  template <class P> using buffer_of = decltype(std::declval<B&>().template allocate<P>(0));
  adamw(B& backend, const model::parameter_layout& layout, adamw_settings s)
      : b(backend),
        layout(layout),
        settings(s),
        m(b.template allocate<A>(layout.size())),
        v(b.template allocate<A>(layout.size())) {
    std::vector<adamw_tensor> all;
    for (auto& t : layout.tensors()) {
      all.push_back({rows_, t.offset, t.size, t.added, t.shape.size() > 1 && !t.added,
                     t.name.ends_with("self_attn.o_proj.weight") ? settings.output_share : 1});
      rows_ += blocks(t.size);
    }
    tensors_ = b.template allocate<adamw_tensor>(static_cast<std::int64_t>(all.size()));
    b.upload(all.data(), tensors_.data(), tensors_.size());
    numbers_ = b.template allocate<adamw_numbers<A>>(1);
  }

  // Before a step: its number, from 1, and what the learning rates are times.
  void upload(std::int64_t number, double rate) {
    const auto& s = settings;
    const auto correct = [&](double beta) { return A(1 / (1 - std::pow(beta, number))); };
    const adamw_numbers<A> now{A(rate * s.lr), A(rate * s.lr_added), A(s.weight_decay), A(s.beta1), A(s.beta2),
                               correct(s.beta1), correct(s.beta2), A(s.eps), s.clip};
    b.upload(&now, numbers_.data(), 1);
  }
  // The step, the same launch each time; clears the gradients. square: of the gradient's norm, in the backend's memory; where
  // it is not finite nothing changes. rounded: where the new parameters go as T, too.
  void step(A* parameters, A* gradients, const double* square, T* rounded = nullptr) {
    for_rows(b, rows_,
             adamw_rows<T>{parameters, gradients, m.data(), v.data(), rounded, tensors_.data(),
                           static_cast<std::int32_t>(tensors_.size()), numbers_.data(), square});
  }

  B& b;
  const model::parameter_layout& layout;
  adamw_settings settings;
  buffer_of<A> m, v;

 private:
  buffer_of<adamw_tensor> tensors_;
  buffer_of<adamw_numbers<A>> numbers_;
  std::int64_t rows_ = 0;
};

}  // namespace supra::train
