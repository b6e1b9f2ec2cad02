// The oneTBB backend: teams of one thread each, side by side on all cores; the model's matrix products cut into pieces, each by
// Eigen. How work is cut depends on shapes alone and every sum has one order: the bits do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>

#include <tbb/blocked_range.h>
#include <tbb/enumerable_thread_specific.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "supra/eigen/backend.hpp"

#if defined(__SANITIZE_THREAD__)
extern "C" {
void __tsan_acquire(void*);
void __tsan_release(void*);
}
#endif

namespace supra {

// What parallel_for promises (all before it is before each body, each body is before all after it), said to the thread
// sanitizer, which does not see into oneTBB's library. Without it nothing.
class tbb_order {
 public:
  void fork() { release(&begin_); }
  void body_begins() { acquire(&begin_); }
  void body_ends() { release(&end_); }
  void join() { acquire(&end_); }

 private:
#if defined(__SANITIZE_THREAD__)
  static void acquire(char* at) { __tsan_acquire(at); }
  static void release(char* at) { __tsan_release(at); }
#else
  static void acquire(char*) {}
  static void release(char*) {}
#endif
  char begin_ = 0, end_ = 0;
};

class tbb_backend : public host_memory {
 public:
  using team = thread_team<register_tiles>;

  // threads: how many work, 0: one for each processor this process may use. More than those share them.
  explicit tbb_backend(int threads = 0) : arena_(checked(threads)) {}

  std::int64_t teams() const { return arena_.max_concurrency(); }

  template <class K>
  void launch(std::int64_t n, std::size_t scratch, const K& kernel) {
    each(n, [&](std::int64_t first, std::int64_t last) {
      scratch_space& space = spaces_.local();
      space.reserve(scratch);
      for (std::int64_t i = first; i < last; ++i) {
        space.reset();
        team t(space);
        kernel(t, i);
      }
    });
  }

  template <class T, class C>
  void gemm(op oa, op ob, std::int64_t m, std::int64_t n, std::int64_t k, accumulator_t<T> alpha, const T* a, std::int64_t lda,
            const T* b, std::int64_t ldb, accumulator_t<T> beta, C* c, std::int64_t ldc) {
    const pieces cut = pieces_of(m, n, k, std::is_same_v<C, accumulator_t<T>>);
    auto a_at = [&](std::int64_t i, std::int64_t l) { return a + (oa == op::plain ? i * lda + l : l * lda + i); };
    auto b_at = [&](std::int64_t l, std::int64_t j) { return b + (ob == op::plain ? l * ldb + j : j * ldb + l); };
    const std::int64_t across = (n + cut.n - 1) / cut.n, down = (m + cut.m - 1) / cut.m,
                       deep = cut.k > 0 ? (k + cut.k - 1) / cut.k : 1;
    if constexpr (std::is_same_v<C, accumulator_t<T>>) {
      if (deep > 1) {
        partial_.reserve(static_cast<std::size_t>(deep * m * n) * sizeof(C) + 64), partial_.reset();
        C* const partial = partial_.template take<C>(deep * m * n);
        each(deep, [&](std::int64_t first, std::int64_t last) {
          for (std::int64_t p = first; p < last; ++p)
            eigen_products::gemm(oa, ob, m, n, std::min(cut.k, k - p * cut.k), C(1), a_at(0, p * cut.k), lda,
                                 b_at(p * cut.k, 0), ldb, C(0), partial + p * m * n, n);
        });
        return add_up(partial, deep, m, n, alpha, beta, c, ldc);
      }
    }
    each(down * across, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t p = first; p < last; ++p) {
        const std::int64_t i = p / across * cut.m, j = p % across * cut.n;
        eigen_products::gemm(oa, ob, std::min(cut.m, m - i), std::min(cut.n, n - j), k, alpha, a_at(i, 0), lda, b_at(0, j), ldb,
                             beta, c + i * ldc + j, ldc);
      }
    });
  }

 private:
  static int checked(int threads) {
    if (threads < 0)
      throw std::invalid_argument(
          "tbb backend: the number of threads must not be negative (0: one for each processor), found " +
          std::to_string(threads));
    return threads > 0 ? threads : tbb::info::default_concurrency();
  }

  // f(first, last) for ranges that cover [0, n). What is parallel does not know f's type: else the compiler would make all of
  // parallel_for for each kernel, and each kernel twice.
  template <class F>
  void each(std::int64_t n, const F& f) {
    each(
        n,
        [](const void* kernel, std::int64_t first, std::int64_t last) { (*static_cast<const F*>(kernel))(first, last); },
        &f);
  }
  void each(std::int64_t n, void (*f)(const void*, std::int64_t, std::int64_t), const void* kernel) {
    if (n <= 0) return;
    if (n == 1 || arena_.max_concurrency() == 1) return f(kernel, 0, n);
    tbb_order order;
    order.fork();
    arena_.execute([&] {
      tbb::parallel_for(tbb::blocked_range<std::int64_t>(0, n), [&](const auto& range) {
        order.body_begins();
        f(kernel, range.begin(), range.end());
        order.body_ends();
      });
    });
    order.join();
  }

  // Lengths of the pieces of a product of these sizes: enough pieces for many cores where there is enough work, none small
  // enough to lose to its own start. A product that is deep and narrow (a weight's gradient) is cut along k.
  struct pieces {
    std::int64_t m, n, k = 0;  // k 0: whole
  };
  // may_cut_k: not where sums would be rounded to storage between the pieces.
  static pieces pieces_of(std::int64_t m, std::int64_t n, std::int64_t k, bool may_cut_k) {
    constexpr std::int64_t worth = std::int64_t{1} << 17, wanted = 16, step = 16;  // multiplications a piece; pieces
    const std::int64_t most = std::min(wanted, m * n * std::max<std::int64_t>(k, 1) / worth);
    pieces all{std::max<std::int64_t>(m, 1), std::max<std::int64_t>(n, 1)};
    if (most < 2) return all;
    if (may_cut_k && k >= 1024 && k >= 4 * std::max(m, n))
      return {all.m, all.n, std::max<std::int64_t>(256, round_up((k + most - 1) / most, step))};
    // along the longer side: the operand of the other side is packed once for each piece
    if (m >= n && m >= 2 * step) return {round_up((m + most - 1) / most, step), all.n};
    return {all.m, round_up((n + most - 1) / most, step)};
  }
  static std::int64_t round_up(std::int64_t x, std::int64_t step) { return (x + step - 1) / step * step; }

  template <class T>
  void add_up(const T* partial, std::int64_t deep, std::int64_t m, std::int64_t n, T alpha, T beta, T* c, std::int64_t ldc) {
    each(m, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i)
        for (std::int64_t j = 0; j < n; ++j) {
          T sum = 0;
          for (std::int64_t p = 0; p < deep; ++p) sum += partial[(p * m + i) * n + j];
          c[i * ldc + j] = alpha * sum + (beta == T(0) ? T(0) : beta * c[i * ldc + j]);
        }
    });
  }

  tbb::task_arena arena_;
  tbb::enumerable_thread_specific<scratch_space> spaces_;
  scratch_space partial_;
};

}  // namespace supra
