// Products of tiles on a CPU: c = keep c + OA(a) OB(b), for tiles that lie in the near caches already. A block of 6 or 8
// rows and two vectors of columns stays in registers while k runs; only a transposed b is copied (a panel at a time), a never.
// Library products copy both operands first, which pays for large matrices only (docs/performance.md).
#pragma once

#include <cstring>

#include "supra/core/serial.hpp"

namespace supra {

namespace tile_detail {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64, block_rows = 8;  // 32 registers
#else
inline constexpr int vector_bytes = 32, block_rows = 6;  // two registers where the processor has only 16 bytes
#endif
template <class A>
struct simd {
  typedef A type __attribute__((vector_size(vector_bytes), aligned(alignof(A)), may_alias));
};
template <class A>
using vec = typename simd<A>::type;
template <class A>
inline constexpr int lanes = vector_bytes / static_cast<int>(sizeof(A));
template <class A>
inline constexpr int panel = 2 * lanes<A>;  // columns of a block
inline constexpr int depth = 256;           // longest run of k

// c (R rows, panel columns) += a b over k; row l of b starts at b + l ldb. Element (r, l) of a is a[r * row_a + l * col_a].
template <int R, class A>
SUPRA_HOST_INLINE void block(int k, const A* a, std::int64_t row_a, std::int64_t col_a, const A* b, std::int64_t ldb, A* c,
                             std::int64_t ldc, bool keep) {
  constexpr int w = lanes<A>;
  vec<A> s0[R], s1[R];
  for (int r = 0; r < R; ++r) s0[r] = s1[r] = vec<A>{};
  for (int l = 0; l < k; ++l) {
    const vec<A> b0 = *reinterpret_cast<const vec<A>*>(b + l * ldb), b1 = *reinterpret_cast<const vec<A>*>(b + l * ldb + w);
    const A* x = a + l * col_a;
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const A y = x[r * row_a];
      s0[r] += y * b0, s1[r] += y * b1;
    }
  }
  for (int r = 0; r < R; ++r) {
    auto* to = reinterpret_cast<vec<A>*>(c + r * ldc);
    auto* next = reinterpret_cast<vec<A>*>(c + r * ldc + w);
    *to = keep ? *to + s0[r] : s0[r], *next = keep ? *next + s1[r] : s1[r];
  }
}

template <class A>
__attribute__((noinline)) void rows_of_blocks(int m, int k, const A* a, std::int64_t row_a, std::int64_t col_a, const A* b,
                                              std::int64_t ldb, A* c, std::int64_t ldc, bool keep) {
  int i = 0;
  for (; i + block_rows <= m; i += block_rows) {
    block<block_rows>(k, a + i * row_a, row_a, col_a, b, ldb, c + i * ldc, ldc, keep);
  }
  for (; i + 4 <= m; i += 4) block<4>(k, a + i * row_a, row_a, col_a, b, ldb, c + i * ldc, ldc, keep);
  for (; i + 2 <= m; i += 2) block<2>(k, a + i * row_a, row_a, col_a, b, ldb, c + i * ldc, ldc, keep);
  for (; i < m; ++i) block<1>(k, a + i * row_a, row_a, col_a, b, ldb, c + i * ldc, ldc, keep);
}

// Columns beyond the last whole panel go through padded copies.
template <class A>
void product(int m, int n, int k, const A* a, std::int64_t row_a, std::int64_t col_a, const A* b, std::int64_t row_b,
             std::int64_t col_b, A* c, std::int64_t ldc, bool keep) {
  constexpr int w = panel<A>;
  alignas(64) A copy[depth * w];
  alignas(64) A edge[block_rows * w];
  for (int l = 0; l < k || l == 0; l += depth, keep = true) {
    const int kk = k - l < depth ? k - l : depth;
    const A* al = a + l * col_a;
    for (int j = 0; j < n; j += w) {
      const int cols = n - j < w ? n - j : w;
      const A* bl = b + l * row_b + j * col_b;
      std::int64_t ldb = row_b;
      if (col_b != 1 || cols < w) {
        for (int x = 0; x < kk; ++x)
          for (int y = 0; y < w; ++y) copy[x * w + y] = y < cols ? bl[x * row_b + y * col_b] : A(0);
        bl = copy, ldb = w;
      }
      if (cols == w) {
        rows_of_blocks(m, kk, al, row_a, col_a, bl, ldb, c + j, ldc, keep);
        continue;
      }
      for (int i = 0; i < m; i += block_rows) {
        const int rows = m - i < block_rows ? m - i : block_rows;
        rows_of_blocks(rows, kk, al + i * row_a, row_a, col_a, bl, ldb, edge, w, false);
        for (int r = 0; r < rows; ++r)
          for (int y = 0; y < cols; ++y) c[(i + r) * ldc + j + y] = (keep ? c[(i + r) * ldc + j + y] : A(0)) + edge[r * w + y];
      }
    }
  }
}

}  // namespace tile_detail

template <op OA, op OB, class A>
void tile_product(tile<A> c, tile<const A> a, tile<const A> b, bool keep) {
  const int k = OA == op::plain ? a.cols : a.rows;
  tile_detail::product<A>(c.rows, c.cols, k, a.data, OA == op::plain ? a.stride : 1, OA == op::plain ? 1 : a.stride, b.data,
                          OB == op::plain ? b.stride : 1, OB == op::plain ? 1 : b.stride, c.data, c.stride, keep);
}

struct register_tiles {
  // Operands that are stored narrower than sums are multiplied plainly: kernels that mind copy them first.
  template <op OA, op OB, class C, class A, class B>
  static void multiply(tile<C> c, tile<A> a, tile<B> b, bool keep) {
    if constexpr (std::is_same_v<C, std::remove_const_t<A>> && std::is_same_v<C, std::remove_const_t<B>>)
      tile_product<OA, OB, C>(c, {a.data, a.rows, a.cols, a.stride}, {b.data, b.rows, b.cols, b.stride}, keep);
    else
      plain_multiply<OA, OB>(c, a, b, keep);
  }
};

}  // namespace supra
