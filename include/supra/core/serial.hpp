// The plainest backend: one thread, plain loops. It is the pattern for a new one, and what tests compare others with.
#pragma once

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "supra/core/backend.hpp"
#include "supra/core/types.hpp"

namespace supra {

// Memory of the host, aligned for any vector unit, zero at first.
template <class T>
class host_buffer {
 public:
  host_buffer() = default;
  explicit host_buffer(std::int64_t n) : n_(n) {
    if (n <= 0) return;
    const std::size_t bytes = static_cast<std::size_t>(n) * sizeof(T);
    data_ = static_cast<T*>(::operator new(bytes, alignment(n)));
#ifdef __linux__
    if (bytes >= large) ::madvise(data_, bytes, MADV_HUGEPAGE);  // fewer pages to look up; no harm where refused
#endif
    std::memset(static_cast<void*>(data_), 0, bytes);
  }
  host_buffer(host_buffer&& o) noexcept : data_(std::exchange(o.data_, nullptr)), n_(std::exchange(o.n_, 0)) {}
  host_buffer& operator=(host_buffer&& o) noexcept { return std::swap(data_, o.data_), std::swap(n_, o.n_), *this; }
  ~host_buffer() { ::operator delete (static_cast<void*>(data_), alignment(n_)); }
  T* data() const { return data_; }
  std::int64_t size() const { return n_; }

 private:
  static constexpr std::size_t large = std::size_t{1} << 22;
  static std::align_val_t alignment(std::int64_t n) {
    return std::align_val_t{static_cast<std::size_t>(n) * sizeof(T) >= large ? std::size_t{1} << 21 : 64};
  }
  T* data_ = nullptr;
  std::int64_t n_ = 0;
};

// A bump allocator over one block that a launch sizes.
class scratch_space {
 public:
  void reserve(std::size_t bytes) {
    if (static_cast<std::size_t>(block_.size()) < bytes) block_ = host_buffer<std::byte>(static_cast<std::int64_t>(bytes));
    capacity_ = bytes;
  }
  void reset() { used_ = 0; }
  template <class A>
  A* take(std::int64_t n) {
    const std::size_t bytes = (static_cast<std::size_t>(n) * sizeof(A) + 63) / 64 * 64;
    if (used_ + bytes > capacity_)
      throw std::logic_error("a kernel asked for " + std::to_string(used_ + bytes) + " bytes of scratch, its launch gave " +
                             std::to_string(capacity_));
    A* p = reinterpret_cast<A*>(block_.data() + used_);
    used_ += bytes;
    return p;
  }

 private:
  host_buffer<std::byte> block_;
  std::size_t capacity_ = 0, used_ = 0;
};

// Plain c = keep c + OA(a) OB(b), the inner loop along rows of c or b.
template <op OA, op OB, class C, class A, class B>
void plain_multiply(tile<C> c, tile<A> a, tile<B> b, bool keep) {
  const int k = OA == op::plain ? a.cols : a.rows;
  for (int i = 0; i < c.rows; ++i) {
    C* out = c.row(i);
    if (!keep)
      for (int j = 0; j < c.cols; ++j) out[j] = C(0);
    for (int l = 0; l < k; ++l) {
      const C x = static_cast<C>(OA == op::plain ? a.row(i)[l] : a.row(l)[i]);
      for (int j = 0; j < c.cols; ++j) out[j] += x * static_cast<C>(OB == op::plain ? b.row(l)[j] : b.row(j)[l]);
    }
  }
}

// Memory verbs of a backend whose memory is the host's.
struct host_memory {
  template <class T>
  host_buffer<T> allocate(std::int64_t n) {
    return host_buffer<T>(n);
  }
  template <class T>
  void upload(const T* from, T* to, std::int64_t n) {
    copy(from, to, n);
  }
  template <class T>
  void download(const T* from, T* to, std::int64_t n) {
    copy(from, to, n);
  }
  void fence() {}

 private:
  template <class T>
  static void copy(const T* from, T* to, std::int64_t n) {
    if (n > 0) std::memmove(static_cast<void*>(to), from, static_cast<std::size_t>(n) * sizeof(T));
  }
};

// A team that is one thread: rows one after the other, tile products as Tiles::multiply does them.
template <class Tiles>
class thread_team {
 public:
  explicit thread_team(scratch_space& s) : scratch_(s) {}
  template <class A>
  A* scratch(std::int64_t n) {
    return scratch_.take<A>(n);
  }
  template <class F>
  void rows(int n, F f) {
    for (int r = 0; r < n; ++r) f(serial_lanes{}, r);
  }
  template <op OA, op OB, class C, class A, class B>
  void multiply(tile<C> c, tile<A> a, tile<B> b, bool keep) {
    Tiles::template multiply<OA, OB>(c, a, b, keep);
  }
  void sync() {}

 private:
  scratch_space& scratch_;
};

// Host verbs of a backend with one thread: teams one after the other, in one scratch.
template <class Tiles, class Team = thread_team<Tiles>>
class one_thread : public host_memory {
 public:
  using team = Team;
  template <class K>
  void launch(std::int64_t n, std::size_t scratch, const K& kernel) {
    space_.reserve(scratch);
    for (std::int64_t i = 0; i < n; ++i) {
      space_.reset();
      team t(space_);
      kernel(t, i);
    }
  }

 private:
  scratch_space space_;
};

struct plain_tiles {
  template <op OA, op OB, class C, class A, class B>
  static void multiply(tile<C> c, tile<A> a, tile<B> b, bool keep) {
    plain_multiply<OA, OB>(c, a, b, keep);
  }
};

class serial_backend : public one_thread<plain_tiles> {
 public:
  template <class T, class C>
  void gemm(op oa, op ob, std::int64_t m, std::int64_t n, std::int64_t k, accumulator_t<T> alpha, const T* a, std::int64_t lda,
            const T* b, std::int64_t ldb, accumulator_t<T> beta, C* c, std::int64_t ldc) {
    using A = accumulator_t<T>;
    std::vector<A> wide(static_cast<std::size_t>(k * n)), sums(static_cast<std::size_t>(n));  // OB(b); a row of OA(a) OB(b)
    for (std::int64_t l = 0; l < k; ++l)
      for (std::int64_t j = 0; j < n; ++j) wide[l * n + j] = A(b[ob == op::plain ? l * ldb + j : j * ldb + l]);
    for (std::int64_t i = 0; i < m; ++i) {
      std::fill(sums.begin(), sums.end(), A(0));
      for (std::int64_t l = 0; l < k; ++l) {
        const A x = A(a[oa == op::plain ? i * lda + l : l * lda + i]), *row = wide.data() + l * n;
        for (std::int64_t j = 0; j < n; ++j) sums[j] += x * row[j];
      }
      for (std::int64_t j = 0; j < n; ++j)
        c[i * ldc + j] = C(alpha * sums[j] + (beta == A(0) ? A(0) : beta * A(c[i * ldc + j])));
    }
  }
};

}  // namespace supra
