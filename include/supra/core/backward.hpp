// The backward pass: the gradient of the sums behind the normalizer (backward_normalizer.hpp), one walk forward for dq, one in
// reverse for dk and dv, then small sums for the decay and for the stages' own parameters. Saved from the forward: the layer's
// inputs, its output, one number a row.
#pragma once

#include "supra/core/ends.hpp"

namespace supra {

// Room that the backward needs beside its outputs; each array only where a stage has learned numbers or a denominator, or the
// decay a gradient.
template <class A>
struct backward_workspace {
  A* denominator = nullptr;  // (tokens, H): the denominator's gradient
  A* decay = nullptr;        // (tokens, H): q . dq - k . dk
  A* last = nullptr;         // (count, H): <dS_T, S_T>
  A* feature_q = nullptr;    // (count, H, parts, P)
  A* feature_k = nullptr;    // (count, G, parts, P)
};

template <class Composition, class T>
struct backward_call : attention_call<Composition, T> {
  using base = attention_call<Composition, T>;
  using A = accumulator_t<T>;
  using chunk = typename base::chunk;
  static constexpr bool decay_gradient = base::kind != decay_kind::constant;
  attention_gradients<T> grad;
  strided<const T> d;  // (tokens, H, e): the gradient of the sums that the normalizer was given
  backward_workspace<A> work;

  bool rows_aligned(int bytes) const {
    return base::rows_aligned(bytes) && d.aligned(bytes) && grad.dq.aligned(bytes) && grad.dk.aligned(bytes) &&
           grad.dv.aligned(bytes);
  }
  // Of the chunk's row r.
  SUPRA_INLINE A d_denominator(const chunk& c, int r, int head) const {
    return base::denominator ? work.denominator[c.token(r) * this->shape.heads + head] : A(0);
  }
  // Where a part's sums of a stage's parameter gradients go: (sequences, heads, all parts, P).
  SUPRA_FN A* own_sums(A* all, const typename base::part& p, int size, int heads) const {
    return all ? all + ((p.s * heads + p.head) * this->parts.all + p.number) * size : nullptr;
  }

  // From a mapped row's gradient, which is used up, to that of the layer's q or k, in dx's row of to_head.
  template <class Lanes, class R>
  SUPRA_FN void map_back(Lanes lanes, const chunk& c, int r, int head, bool key, tile<const A> angles, memory_row<R, A> mapped,
                         A* own, strided<const T> x, strided<T> dx, int to_head) const {
    const auto where = this->at(c.s, c.t0 + r, head, key, own);
    auto held = hold<width::mapped>(lanes, mapped);
    auto from = this->given_row(lanes, x, c, r, head, this->shape.d);
    auto to = this->given_row(lanes, dx, c, r, to_head, this->shape.d);
    auto turn = this->turn_row(lanes, angles, r);
    from.load(), turn.load(), held.load();
    const auto row = held.view();
    if (key) {
      const A scale = this->key_scale();
      lanes.each(row.size(), [&](auto i) { row[i] *= scale; });
    }
    if constexpr (base::turns) this->stages.position.vjp(lanes, where, turn.view(), row);
    lanes.sync();
    this->stages.feature.vjp(lanes, where, from.view(), row, to.view());
    to.store();
  }
};

// to[i] = sum over s of the sum over parts of from[s, i / width, part, i % width], in the order of the walk that made them.
template <class A>
struct sum_over_sequences {
  const A* from;
  A* to;
  std::int64_t count, parts, width, n;  // n: numbers of a sequence
  direction order;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
    lanes.once([&] {
      A sum = 0;
      for (std::int64_t s = 0; s < count; ++s) {
        A own = 0;
        for (std::int64_t p = 0; p < parts; ++p) {
          const std::int64_t part = order == direction::forward ? p : parts - 1 - p;
          own += from[(s * n + i / width * width) * parts + part * width + i % width];
        }
        sum += own;
      }
      to[i] = sum;
    });
  }
};

}  // namespace supra
