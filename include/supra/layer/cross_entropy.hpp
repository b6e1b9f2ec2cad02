// Next-token cross-entropy with z-loss, fused with the output matrix: rows are taken in chunks, so that the logits of all
// tokens are never held at once. loss = mean over predictions of (lse - logit[target]) + z lse^2; targets below 0 are not
// predicted.
#pragma once

#include <vector>

#include "supra/core/backend.hpp"
#include "supra/core/types.hpp"

namespace supra::layer {

// Two sums of exponentials, each divided by exp of its own largest exponent (m, n), so that it fits; what they are together is
// divided by exp(max). The same bits whichever comes first.
template <class A>
struct rescaled {
  bool second;
  A max, factor;
  SUPRA_INLINE rescaled(A m, A n) : second(n > m), max(second ? n : m), factor(math::exp((second ? m : n) - max)) {}
  SUPRA_INLINE A sum(A of_m, A of_n) const { return (second ? of_n : of_m) + (second ? of_m : of_n) * factor; }
};
// Logits are read in blocks that stay near: the largest first, then the exponentials.
inline constexpr int words_at_once = 1024;
// The largest of a row of logits and the sum of exp(x - max), in one pass over memory (Milakov and Gimelshein 2018, arXiv
// 1805.02867, a block at a time). An exponential (off by 5 u, u: unit_roundoff, and 2 |d| u for an exponent of d) goes through
// words_at_once / lanes + log2(lanes) sums, each off by u, and a join for each block: off by 6 u (an exponential, a product, a
// sum) and 2 |d| u, where the maximum did not change by u. These exponents add up to x - max.
template <class A>
struct exponentials {
  A max, sum;
  SUPRA_INLINE A lse() const { return max + math::log(sum); }
};
template <class Lanes, class L, class A = accumulator_t<L>>
SUPRA_INLINE exponentials<A> exponentials_of(const Lanes& lanes, int n, const L* row) {
  exponentials<A> all{lowest<A>, A(0)};
  for (int first = 0; first < n; first += words_at_once) {
    const int some = n - first < words_at_once ? n - first : words_at_once;
    const A max = math::maximum(max_of(lanes, some, [](A x) { return x; }, row + first), lowest<A>);
    const A sum = sum_of(lanes, some, [=](A x) { return math::exp(x - max); }, row + first);
    const rescaled<A> both(all.max, max);
    all = {both.max, both.sum(all.sum, sum)};
  }
  return all;
}

// Logits of one row, stored as L, become their gradient in place; the row's cross-entropy (without z) goes to losses, NaN-free 0
// if not predicted.
template <class L> struct cross_entropy_rows {
  L* logits;
  const std::int32_t* targets;
  accumulator_t<L>* losses;
  int vocab;
  accumulator_t<L> weight, z;                         // 1 / predictions; weight of lse^2
  bool gradient;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    using A = accumulator_t<L>;
    L* row = logits + r * vocab;
    const std::int32_t target = targets[r];
    const auto all = exponentials_of(lanes, vocab, static_cast<const L*>(row));
    const A m = all.max, lse = all.lse();
    const bool counts = target >= 0;
    const A loss = counts ? lse - A(row[counts ? target : 0]) : A(0);
    if (gradient) {
      const A f = counts ? weight * (A(1) + A(2) * z * lse) / all.sum : A(0);
      lanes.sync();
      each_of(lanes, vocab, [=](A& x) { x = f * math::exp(x - m); }, kept<L>{row});
      lanes.sync();
      if (counts) lanes.once([&] { row[target] = L(A(row[target]) - weight); });
    }
    lanes.once([&] { losses[r] = loss; });
  }
};

// Cross-entropies in nats, one a token (0: not predicted), in the backend's memory until they are wanted.
template <class B, class T>
struct token_losses {
  decltype(std::declval<B&>().template allocate<accumulator_t<T>>(0)) values;
  // Their sum; waits for what was launched before.
  double sum(B& b, std::vector<double>* each = nullptr) const {
    using A = accumulator_t<T>;
    std::vector<A> host(static_cast<std::size_t>(values.size()));
    b.download(static_cast<const A*>(values.data()), host.data(), values.size());
    double all = 0;
    for (A x : host) all += static_cast<double>(x);
    if (each) each->assign(host.begin(), host.end());
    return all;
  }
};

// Rows whose logits are held at once.
template <class B>
std::int64_t logit_rows(std::int64_t n, std::int64_t vocab) {
  const std::int64_t at_once = std::int64_t{1} << (on_host<B>() ? 24 : 26);  // logits; a device has more rows side by side
  return std::max<std::int64_t>(1, std::min<std::int64_t>(n, at_once / vocab));
}
// d (m, vocab), the gradient of the logits hidden w^T -> dh (m, dim; overwritten, hidden itself if it is not wanted any more);
// added to dw (null: not wanted).
template <class B, class T>
void logits_backward(B& b, std::int64_t m, std::int64_t dim, std::int64_t vocab, const T* d, const T* hidden, const T* w, T* dh,
                     accumulator_t<T>* dw) {
  using A = accumulator_t<T>;
  if (dw) b.gemm(op::transposed, op::plain, vocab, dim, m, A(1), d, vocab, hidden, dim, A(1), dw, dim);
  b.gemm(op::plain, op::plain, m, dim, vocab, A(1), d, vocab, w, dim, A(0), dh, dim);
}

// hidden (n, dim), w (vocab, dim), targets (n). Where dh is given: the gradient of the mean over `predictions` (plus z-loss)
// goes to dh (overwritten; hidden itself, if it is not wanted any more) and is added to dw (null: not wanted). Logits that
// become gradients are stored as T, which the products want; those of a loss alone as A.
template <class B, class T>
token_losses<B, T> launch_cross_entropy(B& b, std::int64_t n, std::int64_t dim, std::int64_t vocab, const T* hidden, const T* w,
                                        const std::int32_t* targets, std::int64_t predictions, double z, T* dh,
                                        accumulator_t<T>* dw) {
  using A = accumulator_t<T>;
  const std::int64_t chunk = logit_rows<B>(n, vocab);
  token_losses<B, T> losses{b.template allocate<A>(n)};
  const auto in_chunks = [&](auto logits, auto use) {
    for (std::int64_t r = 0; r < n; r += chunk) {
      const std::int64_t m = std::min(chunk, n - r);
      using L = std::remove_pointer_t<decltype(logits.data())>;
      b.gemm(op::plain, op::transposed, m, vocab, dim, A(1), hidden + r * dim, dim, w, dim, A(0), logits.data(), vocab);
      for_rows(b, m,
               cross_entropy_rows<L>{logits.data(), targets + r, losses.values.data() + r, static_cast<int>(vocab),
                                     A(1) / static_cast<A>(std::max<std::int64_t>(1, predictions)), static_cast<A>(z),
                                     dh != nullptr});
      use(r, m, logits.data());
    }
  };
  if (dh)
    in_chunks(b.template allocate<T>(chunk * vocab), [&](std::int64_t r, std::int64_t m, const T* d) {
      logits_backward(b, m, dim, vocab, d, hidden + r * dim, w, dh + r * dim, dw);
    });
  else
    in_chunks(b.template allocate<A>(chunk * vocab), [](auto...) {});
  return losses;
}
// The same, and the sum.
template <class B, class T>
double cross_entropy(B& b, std::int64_t n, std::int64_t dim, std::int64_t vocab, const T* hidden, const T* w,
                     const std::int32_t* targets, std::int64_t predictions, double z, T* dh, accumulator_t<T>* dw,
                     std::vector<double>* each = nullptr) {
  return launch_cross_entropy<B, T>(b, n, dim, vocab, hidden, w, targets, predictions, z, dh, dw).sum(b, each);
}

}  // namespace supra::layer
