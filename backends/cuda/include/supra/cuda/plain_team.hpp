// A block of threads as a team that does anything: rows of a tile go to warps, a row's features to a warp's lanes, products are
// sums of plain multiplications. What tensor cores take has a team of its own (walk_team.hpp).
#pragma once

#include <cstdint>
#include <type_traits>

#include "supra/core/backend.hpp"

namespace supra::cuda {

// A warp owns a row: neighbouring lanes take neighbouring features. Each verb ends for all lanes together, so that a feature
// that another lane wrote is seen.
struct warp_lanes {
  static constexpr int width = 32;
  int lane;

  template <class F>
  SUPRA_INLINE void each(int n, F f) const {
    for (int i = lane; i < n; i += width) f(i);
    sync();
  }
  template <class F>
  SUPRA_INLINE void each_half(int n, F f) const {
    const int half = n / 2;
    for (int i = lane; i < half; i += width) f(i, i + half);
    sync();
  }
  template <class F>
  SUPRA_INLINE void each_pair(int n, F f) const {
    for (int i = lane; i < n / 2; i += width) f(2 * i, 2 * i + 1);
    sync();
  }
  template <class F>
  SUPRA_INLINE auto sum(int n, F f) const {
    using A = decltype(f(0) + f(0));
    A s = 0;
    for (int i = lane; i < n; i += width) s += f(i);
    return across(s, [](A x, A y) { return x + y; });
  }
  template <class F>
  SUPRA_INLINE auto max(int n, F f) const {
    using A = decltype(f(0) + f(0));
    A s = -infinity<A>;
    for (int i = lane; i < n; i += width) {
      const A x = f(i);
      s = x > s ? x : s;
    }
    return across(s, [](A x, A y) { return x > y ? x : y; });
  }
  // A lane moves 16 bytes of the narrowest array at a time, where all arrays are aligned for it.
  template <class F, class... P>
  SUPRA_INLINE void each_of(int n, F f, P... p) const {
    constexpr int several = features_at_once<P...>();
    int done = 0;
    if ((aligned(lanes_detail::where(p)) && ...)) {
      done = n / several * several;
      for (int i = lane * several; i < done; i += width * several) [&](auto... piece) {
          for (int j = 0; j < several; ++j) f(piece.x[j]...);
          (piece.store(), ...);
        }(held<P, several>(p, i)...);
    }
    for (int i = done + lane; i < n; i += width) lanes_detail::apply(f, i, p...);
    sync();
  }
  template <class F, class... T>
  SUPRA_INLINE auto sum_of(int n, F f, const T*... x) const {
    using A = decltype(f(accumulator_t<T>()...));
    const auto add = [](A s, A y) { return s + y; };
    return fold(
        n, A(0), [=](A s, accumulator_t<T>... y) { return add(s, f(y...)); }, add, x...);
  }
  template <class F, class... T>
  SUPRA_INLINE auto max_of(int n, F f, const T*... x) const {
    using A = decltype(f(accumulator_t<T>()...));
    const auto larger = [](A s, A y) { return y > s ? y : s; };
    return fold(
        n, -infinity<A>, [=](A s, accumulator_t<T>... y) { return larger(s, f(y...)); }, larger, x...);
  }
  template <class A, int N, class Step, class Join, class... T>
  SUPRA_INLINE folded<A, N> fold_of(int n, folded<A, N> start, Step step, Join join, const T*... x) const {
    return fold(n, start, step, join, x...);
  }
  // A lane keeps the sum of a column while rows go by.
  template <class F, class A>
  SUPRA_INLINE void column_sums(std::int64_t rows, int n, F f, A* to) const {
    for (int i = lane; i < n; i += width) {
      A s = to[i];
#pragma unroll 8
      for (std::int64_t r = 0; r < rows; ++r) s += f(r, i);
      to[i] = s;
    }
    sync();
  }
  template <class F>
  SUPRA_INLINE void once(F f) const {
    if (lane == 0) f();
    sync();
  }
  SUPRA_INLINE void sync() const {
#ifdef __CUDA_ARCH__
    __syncwarp();
#endif
  }

 private:
  template <class T, int N>
  struct alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) piece_of {
    T x[N];
  };
  // Neighbouring features of one array in registers.
  template <class P, int N>
  struct held {
    using element = lanes_detail::element<P>;
    using stored = std::remove_cv_t<std::remove_pointer_t<decltype(lanes_detail::where(P()))>>;
    typename element::type x[N];
    stored* at;
    SUPRA_INLINE held(P p, int i) : at(const_cast<stored*>(lanes_detail::where(p)) + i) {
      piece_of<stored, N> raw;
      if constexpr (element::reads) raw = *reinterpret_cast<const piece_of<stored, N>*>(at);
      for (int j = 0; j < N; ++j) x[j] = element::load(raw.x[j]);
    }
    SUPRA_INLINE void store() const {
      if constexpr (element::writes) {
        piece_of<stored, N> raw;
        for (int j = 0; j < N; ++j) raw.x[j] = stored(x[j]);
        *reinterpret_cast<piece_of<stored, N>*>(at) = raw;
      }
    }
  };
  template <class... P>
  static SUPRA_FN constexpr int features_at_once() {
    int bytes = 16;
    ((bytes = static_cast<int>(sizeof(*lanes_detail::where(P()))) < bytes ? static_cast<int>(sizeof(*lanes_detail::where(P())))
                                                                          : bytes),
     ...);
    return 16 / bytes;
  }
  template <class T>
  static SUPRA_INLINE bool aligned(const T* p) {
    return reinterpret_cast<std::uintptr_t>(p) % 16 == 0;
  }
  template <class S, class Step, class Join, class... T>
  SUPRA_INLINE S fold(int n, S s, Step step, Join join, const T*... x) const {
    constexpr int several = features_at_once<const T*...>();
    int done = 0;
    if ((aligned(x) && ...)) {
      done = n / several * several;
      for (int i = lane * several; i < done; i += width * several) [&](auto... piece) {
          for (int j = 0; j < several; ++j) s = step(s, piece.x[j]...);
        }(held<const T*, several>(x, i)...);
    }
    for (int i = done + lane; i < n; i += width) s = step(s, static_cast<accumulator_t<T>>(x[i])...);
    return across(s, join);
  }
  template <class A, class Op>
  SUPRA_INLINE A across(A x, Op op) const {
#ifdef __CUDA_ARCH__
    for (int step = width / 2; step > 0; step /= 2) x = op(x, other(x, step));
#endif
    return x;
  }
  template <class A>
  static SUPRA_INLINE A other(A x, int step) {
#ifdef __CUDA_ARCH__
    x = __shfl_xor_sync(0xffffffffu, x, step);
#endif
    return x;
  }
  template <class A, int N>
  static SUPRA_INLINE folded<A, N> other(folded<A, N> x, int step) {
    for (int k = 0; k < N; ++k) x.x[k] = other(x.x[k], step);
    return x;
  }
};

class plain_team {
 public:
  static constexpr int threads = 256, warps = threads / 32, rows_at_once = warps;

  SUPRA_FN explicit plain_team(char* memory) : memory_(memory) {}
  template <class A>
  SUPRA_FN A* scratch(std::int64_t n) {  // as scratch_counter counts
    A* const p = reinterpret_cast<A*>(memory_);
    memory_ += (static_cast<std::size_t>(n) * sizeof(A) + 63) / 64 * 64;
    return p;
  }
  template <class F>
  SUPRA_FN void rows(int n, F f) {
    for (int r = thread() / 32; r < n; r += warps) f(warp_lanes{thread() % 32}, r);
  }
  // A thread has 4 x 4 numbers of c, 16 rows and columns apart, in registers at a time.
  template <op OA, op OB, class C, class A, class B>
  SUPRA_FN void multiply(tile<C> c, tile<A> a, tile<B> b, bool keep) {
    constexpr int side = 16, each = 4, block = side * each;
    const int k = OA == op::plain ? a.cols : a.rows, down = thread() / side, across = thread() % side;
    for (int top = 0; top < c.rows; top += block)
      for (int left = 0; left < c.cols; left += block) {
        C s[each][each] = {};
        const int i = top + down, j = left + across;
        for (int step = 0; step < k; ++step) {
          // neighbours take different rows of a transposed b: each begins at another column, in another bank of memory
          const int l = OB == op::plain ? step : (step + across) % k;
          C x[each], y[each];
          for (int p = 0; p < each; ++p) x[p] = i + p * side < c.rows ? C(at<OA>(a, i + p * side, l)) : C(0);
          for (int q = 0; q < each; ++q) y[q] = j + q * side < c.cols ? C(at<OB>(b, l, j + q * side)) : C(0);
          for (int p = 0; p < each; ++p)
            for (int q = 0; q < each; ++q) s[p][q] += x[p] * y[q];
        }
        for (int p = 0; p < each; ++p)
          for (int q = 0; q < each; ++q)
            if (i + p * side < c.rows && j + q * side < c.cols) {
              C& to = c.row(i + p * side)[j + q * side];
              to = keep ? to + s[p][q] : s[p][q];
            }
      }
  }
  SUPRA_FN void sync() {
#ifdef __CUDA_ARCH__
    __syncthreads();
#endif
  }

 private:
  static SUPRA_FN int thread() {
#ifdef __CUDA_ARCH__
    return static_cast<int>(threadIdx.x);
#else
    return 0;
#endif
  }
  template <op O, class A>
  static SUPRA_INLINE auto at(tile<A> x, int r, int c) {  // element (r, c) of O(x)
    return O == op::plain ? x.row(r)[c] : x.row(c)[r];
  }
  char* memory_;
};

}  // namespace supra::cuda
