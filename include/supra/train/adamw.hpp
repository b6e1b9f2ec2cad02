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
};

// Warm-up over n/20 steps (at least 5), then a cosine from 1 to a tenth.
inline double schedule(std::int64_t step, std::int64_t steps) {
  const double warm = static_cast<double>(std::max<std::int64_t>(5, steps / 20)), i = static_cast<double>(step);
  return std::min(1.0, (i + 1) / warm) *
         (0.1 + 0.45 * (1 + std::cos(std::numbers::pi * i / static_cast<double>(std::max<std::int64_t>(1, steps)))));
}

inline constexpr std::int64_t flat_block = 1024;     // elements that one row of a flat kernel takes

template <class T> struct adamw_rows {
  using A = accumulator_t<T>;
  A *parameter, *gradient, *m, *v;
  T* rounded;                                        // null: not wanted
  std::int64_t n;
  A lr, scale, beta1, beta2, correct1, correct2, eps, shrink;   // scale: of the gradient; shrink: lr * decay
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t block) const {
    const std::int64_t first = block * flat_block;
    const int count = static_cast<int>(n - first < flat_block ? n - first : flat_block);
    lanes.each(count, [&](auto j) {
      const std::int64_t i = first + int(j);
      const A g = gradient[i] * scale, m1 = beta1 * m[i] + (A(1) - beta1) * g, v1 = beta2 * v[i] + (A(1) - beta2) * g * g;
      m[i] = m1, v[i] = v1;
      const A p = parameter[i], next = p - shrink * p - lr * (m1 * correct1) / (math::sqrt(v1 * correct2) + eps);
      parameter[i] = next, gradient[i] = A(0);
      if (rounded) rounded[i] = T(next);
    });
  }
};
template <class T> struct square_rows {              // sums of squares of blocks
  const T* x;
  accumulator_t<T>* to;
  std::int64_t n;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t block) const {
    using A = accumulator_t<T>;
    const std::int64_t first = block * flat_block;
    const A s = lanes.sum(static_cast<int>(n - first < flat_block ? n - first : flat_block),
                          [&](auto j) { return A(x[first + int(j)]) * A(x[first + int(j)]); });
    lanes.once([&] { to[block] = s; });
  }
};

inline std::int64_t blocks(std::int64_t n) { return (n + flat_block - 1) / flat_block; }

// The norm of a flat array; blocks are summed on the host in their order, in double.
template <class B, class T> double norm(B& b, const T* x, std::int64_t n) {
  using A = accumulator_t<T>;
  auto part = b.template allocate<A>(blocks(n));
  for_rows(b, blocks(n), square_rows<T>{x, part.data(), n});
  std::vector<A> host(static_cast<std::size_t>(blocks(n)));
  b.download(static_cast<const A*>(part.data()), host.data(), blocks(n));
  double s = 0;
  for (A y : host) s += static_cast<double>(y);
  return std::sqrt(s);
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
        v(b.template allocate<A>(layout.size())) {}

  // One step at `rate` times the learning rates; clears the gradients. norm: the gradient's, for clipping.
  void step(A* parameters, A* gradients, double rate, double norm, T* rounded = nullptr) {
    ++steps;
    const double scale = norm > settings.clip ? settings.clip / norm : 1;
    for (auto& t : layout.tensors()) {
      const double lr = rate * (t.added ? settings.lr_added : settings.lr),
                   decay = t.shape.size() > 1 && !t.added ? settings.weight_decay : 0;
      for_rows(
          b, blocks(t.size),
          adamw_rows<T>{parameters + t.offset, gradients + t.offset, m.data() + t.offset, v.data() + t.offset,
                        rounded ? rounded + t.offset : nullptr, t.size, A(lr),
                        A(scale), A(settings.beta1), A(settings.beta2), A(1 / (1 - std::pow(settings.beta1, steps))),
                        A(1 / (1 - std::pow(settings.beta2, steps))), A(settings.eps), A(lr * decay)});
    }
  }

  B& b;
  const model::parameter_layout& layout;
  adamw_settings settings;
  buffer_of<A> m, v;
  std::int64_t steps = 0;
};

}  // namespace supra::train
