// The Kokkos backend: a team of the execution space runs a kernel's body; rows are spread over its threads, a row's features
// over vector lanes. Scratch is the team's: level 0 where it fits, else level 1. The user's execution space instance is
// respected, and Kokkos is initialised by the user, never here.
#pragma once

#include <Kokkos_Core.hpp>

#include "supra/core/backend.hpp"
#include "supra/core/types.hpp"

namespace supra {

template <class Space = Kokkos::DefaultExecutionSpace>
class kokkos_backend {
 public:
  using policy = Kokkos::TeamPolicy<Space>;
  using member = typename policy::member_type;
  using memory = typename Space::memory_space;

  // Lanes of one thread: neighbouring vector lanes take neighbouring features.
  struct lanes {
    const member* m;
    template <class F>
    KOKKOS_INLINE_FUNCTION void each(int n, F f) const {
      Kokkos::parallel_for(Kokkos::ThreadVectorRange(*m, n), [&](const int i) { f(i); });
    }
    template <class F>
    KOKKOS_INLINE_FUNCTION void each_half(int n, F f) const {
      const int half = n / 2;
      Kokkos::parallel_for(Kokkos::ThreadVectorRange(*m, half), [&](const int i) { f(i, i + half); });
    }
    template <class F>
    KOKKOS_INLINE_FUNCTION void each_pair(int n, F f) const {
      Kokkos::parallel_for(Kokkos::ThreadVectorRange(*m, n / 2), [&](const int i) { f(2 * i, 2 * i + 1); });
    }
    template <class F>
    KOKKOS_INLINE_FUNCTION auto sum(int n, F f) const {
      using A = decltype(f(0) + f(0));
      A s = 0;
      Kokkos::parallel_reduce(
          Kokkos::ThreadVectorRange(*m, n), [&](const int i, A& part) { part += f(i); }, s);
      return s;
    }
    template <class F>
    KOKKOS_INLINE_FUNCTION auto max(int n, F f) const {
      using A = decltype(f(0) + f(0));
      A s = 0;
      Kokkos::parallel_reduce(
          Kokkos::ThreadVectorRange(*m, n), [&](const int i, A& part) { part = f(i) > part ? A(f(i)) : part; },
          Kokkos::Max<A>(s));
      return s;
    }
    template <class F>
    KOKKOS_INLINE_FUNCTION void once(F f) const {
      Kokkos::single(Kokkos::PerThread(*m), f);
    }
    KOKKOS_INLINE_FUNCTION void sync() const {}
  };

  class team {
   public:
    KOKKOS_INLINE_FUNCTION team(const member& m, int level) : m_(m), level_(level) {}
    template <class A>
    KOKKOS_INLINE_FUNCTION A* scratch(std::int64_t n) {
      return static_cast<A*>(m_.team_scratch(level_).get_shmem_aligned((n * sizeof(A) + 63) / 64 * 64, 64));
    }
    template <class F>
    KOKKOS_INLINE_FUNCTION void rows(int n, F f) {
      Kokkos::parallel_for(Kokkos::TeamThreadRange(m_, n), [&](const int r) { f(lanes{&m_}, r); });
    }
    template <op OA, op OB, class C, class A, class B>
    KOKKOS_INLINE_FUNCTION void multiply(tile<C> c, tile<A> a, tile<B> b, bool keep) {
      const int k = OA == op::plain ? a.cols : a.rows;
      Kokkos::parallel_for(Kokkos::TeamThreadRange(m_, c.rows), [&](const int i) {
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(m_, c.cols), [&](const int j) {
          C s = keep ? c.row(i)[j] : C(0);
          for (int l = 0; l < k; ++l)
            s += static_cast<C>(OA == op::plain ? a.row(i)[l] : a.row(l)[i]) *
                 static_cast<C>(OB == op::plain ? b.row(l)[j] : b.row(j)[l]);
          c.row(i)[j] = s;
        });
      });
    }
    KOKKOS_INLINE_FUNCTION void sync() { m_.team_barrier(); }

   private:
    const member& m_;
    int level_;
  };

  template <class T>
  class buffer {
   public:
    buffer() = default;
    explicit buffer(std::int64_t n) : view_("supra", n) {}
    T* data() const { return view_.data(); }
    std::int64_t size() const { return static_cast<std::int64_t>(view_.extent(0)); }

   private:
    Kokkos::View<T*, memory> view_;
  };

  explicit kokkos_backend(Space space = {}) : space_(space) {}

  template <class T>
  buffer<T> allocate(std::int64_t n) {
    return buffer<T>(n);
  }
  template <class T>
  void upload(const T* from, T* to, std::int64_t n) {
    copy<T, Kokkos::HostSpace, memory>(from, to, n);
  }
  template <class T>
  void download(const T* from, T* to, std::int64_t n) {
    copy<T, memory, Kokkos::HostSpace>(from, to, n);
  }
  void fence() { space_.fence(); }

  template <class K>
  struct body {
    K kernel;
    int level;
    KOKKOS_INLINE_FUNCTION void operator()(const member& m) const {
      team t(m, level);
      kernel(t, m.league_rank());
    }
  };
  template <class K>
  void launch(std::int64_t n, std::size_t scratch, const K& kernel) {
    if (n <= 0) return;
    constexpr bool device = !Kokkos::SpaceAccessibility<Kokkos::HostSpace, memory>::accessible;
    const std::size_t bytes = scratch + scratch / 8 + 1024;  // alignment of each piece
    const int level = bytes <= static_cast<std::size_t>(policy::scratch_size_max(0)) ? 0 : 1;
    policy p(space_, static_cast<int>(n), device ? 8 : 1, device ? 32 : 1);
    p.set_scratch_size(level, Kokkos::PerTeam(static_cast<int>(bytes)));
    Kokkos::parallel_for("supra", p, body<K>{kernel, level});
  }

  template <class T>
  struct gemm_kernel {
    op oa, ob;
    std::int64_t m, n, k;
    accumulator_t<T> alpha, beta;
    const T *a, *b;
    T* c;
    std::int64_t lda, ldb, ldc;
    template <class Lanes>
    SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
      using A = accumulator_t<T>;
      lanes.each(static_cast<int>(n), [&](auto j) {
        A s = 0;
        for (std::int64_t l = 0; l < k; ++l)
          s += A(a[oa == op::plain ? i * lda + l : l * lda + i]) * A(b[ob == op::plain ? l * ldb + int(j) : int(j) * ldb + l]);
        c[i * ldc + int(j)] = T(alpha * s + (beta == A(0) ? A(0) : beta * A(c[i * ldc + int(j)])));
      });
    }
  };
  template <class T>
  void gemm(op oa, op ob, std::int64_t m, std::int64_t n, std::int64_t k, accumulator_t<T> alpha, const T* a, std::int64_t lda,
            const T* b, std::int64_t ldb, accumulator_t<T> beta, T* c, std::int64_t ldc) {
    for_rows(*this, m, gemm_kernel<T>{oa, ob, m, n, k, alpha, beta, a, b, c, lda, ldb, ldc});
  }

 private:
  template <class T, class From, class To>
  void copy(const T* from, T* to, std::int64_t n) {
    using raw = Kokkos::MemoryTraits<Kokkos::Unmanaged>;
    Kokkos::View<const T*, From, raw> x(from, n);
    Kokkos::View<T*, To, raw> y(to, n);
    Kokkos::deep_copy(space_, y, x);
    space_.fence();
  }
  Space space_;
};

}  // namespace supra
