// The Kokkos backend. Where the execution space is the host's, a team is one thread with tiles in registers; on a device the
// team's threads share the rows of a tile and a row's features are spread over vector lanes. Scratch is the team's: level 0
// where it fits, else level 1. Work goes to the user's execution space instance (a stream), and Kokkos is initialised by the
// user, never here.
#pragma once

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include <Kokkos_Core.hpp>

#include "supra/core/backend.hpp"
#include "supra/core/serial.hpp"
#include "supra/core/tile_product.hpp"
#include "supra/kokkos/scratch.hpp"
#ifdef KOKKOS_ENABLE_CUDA
#include "supra/cuda/launches.hpp"
#endif

namespace supra {

namespace kokkos_detail {

// Lanes of one thread of a device: neighbouring vector lanes take neighbouring features.
template <class Member>
struct vector_lanes {
  const Member* m;
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
  KOKKOS_INLINE_FUNCTION void sync() const {
#ifdef __CUDA_ARCH__
    __syncwarp();
#endif
  }
};

template <class Member>
class host_team : public team_scratch<Member> {
 public:
  using team_scratch<Member>::team_scratch;
  template <class F>
  void rows(int n, F f) {
    for (int r = 0; r < n; ++r) f(serial_lanes{}, r);
  }
  template <op OA, op OB, class C, class A, class B>
  void multiply(tile<C> c, tile<A> a, tile<B> b, bool keep) {
    register_tiles::multiply<OA, OB>(c, a, b, keep);
  }
  void sync() {}
};

template <class Member>
class device_team : public team_scratch<Member> {
 public:
  using team_scratch<Member>::team_scratch;
  template <class F>
  KOKKOS_INLINE_FUNCTION void rows(int n, F f) {
    Kokkos::parallel_for(Kokkos::TeamThreadRange(this->m_, n), [&](const int r) { f(vector_lanes<Member>{&this->m_}, r); });
  }
  template <op OA, op OB, class C, class A, class B>
  KOKKOS_INLINE_FUNCTION void multiply(tile<C> c, tile<A> a, tile<B> b, bool keep) {
    const int k = OA == op::plain ? a.cols : a.rows;
    Kokkos::parallel_for(Kokkos::TeamThreadRange(this->m_, c.rows), [&](const int i) {
      Kokkos::parallel_for(Kokkos::ThreadVectorRange(this->m_, c.cols), [&](const int j) {
        C s = keep ? c.row(i)[j] : C(0);
        for (int l = 0; l < k; ++l)
          s += static_cast<C>(OA == op::plain ? a.row(i)[l] : a.row(l)[i]) *
               static_cast<C>(OB == op::plain ? b.row(l)[j] : b.row(j)[l]);
        c.row(i)[j] = s;
      });
    });
  }
  KOKKOS_INLINE_FUNCTION void sync() { this->m_.team_barrier(); }
};

template <class K, class Team>
struct team_body {
  K kernel;
  int level;
  template <class Member>
  KOKKOS_INLINE_FUNCTION void operator()(const Member& m) const {
    Team t(m, level);
    kernel(t, m.league_rank());
  }
};

template <class T, class C>
struct product_blocks {
  op oa, ob;
  bool keep;
  std::int64_t m, n, k;
  const T *a, *b;
  C* c;
  std::int64_t lda, ldb, ldc;
  static constexpr std::int64_t rows = 96, cols = 128;
  SUPRA_FN std::int64_t down() const { return (m + rows - 1) / rows; }
  SUPRA_FN std::int64_t across() const { return (n + cols - 1) / cols; }
  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    if constexpr (std::is_same_v<C, accumulator_t<T>>) {
      if (oa == op::plain && ob == op::plain)
        block<op::plain, op::plain>(team, index);
      else if (oa == op::plain)
        block<op::plain, op::transposed>(team, index);
      else if (ob == op::plain)
        block<op::transposed, op::plain>(team, index);
      else
        block<op::transposed, op::transposed>(team, index);
    }
  }
  template <op OA, op OB, class Team>
  SUPRA_FN void block(Team& team, std::int64_t index) const {
    const std::int64_t i = index / across() * rows, j = index % across() * cols;
    const int r = static_cast<int>(m - i < rows ? m - i : rows), s = static_cast<int>(n - j < cols ? n - j : cols),
              deep = static_cast<int>(k);
    const tile<const T> x = OA == op::plain ? tile<const T>{a + i * lda, r, deep, lda} : tile<const T>{a + i, deep, r, lda};
    const tile<const T> y = OB == op::plain ? tile<const T>{b + j, deep, s, ldb} : tile<const T>{b + j * ldb, s, deep, ldb};
    team.template multiply<OA, OB>(tile<C>{c + i * ldc + j, r, s, ldc}, x, y, keep);
  }
};
template <class T, class C>
struct product_rows {
  op oa, ob;
  std::int64_t n, k;
  accumulator_t<T> alpha, beta;
  const T *a, *b;
  C* c;
  std::int64_t lda, ldb, ldc;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
    using A = accumulator_t<T>;
    lanes.each(static_cast<int>(n), [&, this](auto j) {
      A s = 0;
      for (std::int64_t l = 0; l < k; ++l)
        s += A(a[oa == op::plain ? i * lda + l : l * lda + i]) * A(b[ob == op::plain ? l * ldb + int(j) : int(j) * ldb + l]);
      c[i * ldc + int(j)] = C(alpha * s + (beta == A(0) ? A(0) : beta * A(c[i * ldc + int(j)])));
    });
  }
};

template <class Own, class Space>
struct launches_of {};
#ifdef KOKKOS_ENABLE_CUDA
template <class Own>
struct launches_of<Own, Kokkos::Cuda> : cuda::launches<Own> {};
#endif

}  // namespace kokkos_detail

template <class Space = Kokkos::DefaultExecutionSpace>
class kokkos_backend : public kokkos_detail::launches_of<kokkos_backend<Space>, Space> {
 public:
  using policy = Kokkos::TeamPolicy<Space>;
  using member = typename policy::member_type;
  using memory = typename Space::memory_space;
  static constexpr bool device = !Kokkos::SpaceAccessibility<Kokkos::HostSpace, memory>::accessible;
  using team = std::conditional_t<device, kokkos_detail::device_team<member>, kokkos_detail::host_team<member>>;

  template <class T>
  class buffer {
   public:
    buffer() = default;
    buffer(const Space& space, std::int64_t n) : space_(space), view_("supra", static_cast<std::size_t>(n)) {}
    buffer(buffer&&) = default;
    buffer& operator=(buffer&& o) { return std::swap(space_, o.space_), std::swap(view_, o.view_), *this; }
    ~buffer() {  // what uses it may be launched and not done
      if (view_.use_count() == 1) space_.fence("supra");
    }
    T* data() const { return view_.data(); }
    std::int64_t size() const { return static_cast<std::int64_t>(view_.extent(0)); }

   private:
    Space space_;
    Kokkos::View<T*, memory> view_;
  };

  kokkos_backend() : space_(initialised()) {}
  explicit kokkos_backend(const Space& space) : space_(space) {}

  const Space& space() const { return space_; }
  // On a device two teams a multiprocessor, of 2048 threads each.
  std::int64_t teams() const { return device ? std::max(1, space_.concurrency() / 1024) : space_.concurrency(); }

  template <class T>
  buffer<T> allocate(std::int64_t n) {
    return buffer<T>(space_, n);
  }
  template <class T>
  void upload(const T* from, T* to, std::int64_t n) {
    copy<T, Kokkos::HostSpace, memory>(from, to, n);
  }
  template <class T>
  void download(const T* from, T* to, std::int64_t n) {
    copy<T, memory, Kokkos::HostSpace>(from, to, n);
  }
  void fence() { space_.fence("supra"); }

  template <class K>
  void launch(std::int64_t n, std::size_t scratch, const K& kernel) {
    if (n <= 0) return;
    if (n > std::numeric_limits<int>::max())
      throw std::invalid_argument("kokkos backend: a launch takes at most 2^31 - 1 teams, " + std::to_string(n) +
                                  " were asked for");
    const std::size_t bytes = scratch + scratch / 8 + 1024;  // alignment of each piece
    const int level = bytes <= most(0) ? 0 : 1;
    if (bytes > most(1))
      throw std::invalid_argument("kokkos backend: a team needs " + std::to_string(bytes) +
                                  " bytes of scratch for this shape, " + Space::name() + " gives at most " +
                                  std::to_string(most(1)) + "; give a smaller chunk length, or narrower heads");
    policy p(space_, static_cast<int>(n), device ? 8 : 1, device ? 32 : 1);
    p.set_scratch_size(level, Kokkos::PerTeam(static_cast<int>(bytes)));
    Kokkos::parallel_for("supra", p, kokkos_detail::team_body<K, team>{kernel, level});
  }

#ifdef KOKKOS_ENABLE_CUDA
  // For supra/cuda/launches.hpp: memory until the stream's next launch.
  cudaStream_t stream() const requires(std::is_same_v<Space, Kokkos::Cuda>) { return space_.cuda_stream(); }
  char* scratch(std::size_t bytes) {
    if (scratch_.size() < static_cast<std::int64_t>(bytes)) scratch_ = allocate<char>(static_cast<std::int64_t>(bytes));
    return scratch_.data();
  }
#endif

  // Blocks of c by the tile verb; what that does not do (sums stored as bf16, other factors than 1 and 0) number by number.
  template <class T, class C>
  void gemm(op oa, op ob, std::int64_t m, std::int64_t n, std::int64_t k, accumulator_t<T> alpha, const T* a, std::int64_t lda,
            const T* b, std::int64_t ldb, accumulator_t<T> beta, C* c, std::int64_t ldc) {
    if (m <= 0 || n <= 0) return;
    if (std::is_same_v<C, accumulator_t<T>> && alpha == 1 && (beta == 0 || beta == 1) && k > 0) {
      const kokkos_detail::product_blocks<T, C> blocks{oa, ob, beta == 1, m, n, k, a, b, c, lda, ldb, ldc};
      launch(blocks.down() * blocks.across(), 0, blocks);
    } else {
      for_rows(*this, m, kokkos_detail::product_rows<T, C>{oa, ob, n, k, alpha, beta, a, b, c, lda, ldb, ldc});
    }
  }

 private:
  static Space initialised() {
    if (!Kokkos::is_initialized())
      throw std::logic_error(
          "kokkos backend: Kokkos is not initialised; call Kokkos::initialize, or keep a Kokkos::ScopeGuard, before it is "
          "made");
    return Space();
  }
  static std::size_t most(int level) { return static_cast<std::size_t>(policy::scratch_size_max(level)); }
  template <class T, class From, class To>
  void copy(const T* from, T* to, std::int64_t n) {
    if (n <= 0) return;
    using raw = Kokkos::MemoryTraits<Kokkos::Unmanaged>;
    const Kokkos::View<const T*, From, raw> x(from, static_cast<std::size_t>(n));
    const Kokkos::View<T*, To, raw> y(to, static_cast<std::size_t>(n));
    Kokkos::deep_copy(space_, y, x);
    space_.fence("supra");
  }
  Space space_;
  buffer<char> scratch_;
};

}  // namespace supra
