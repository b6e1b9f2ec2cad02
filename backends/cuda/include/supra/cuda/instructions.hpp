// The instructions of a warp that the tensor cores' walk is made of (PTX ISA 8, sections on mma, ldmatrix, cp.async, bar). Host
// compilers must be able to name them; they do nothing there.
#pragma once

#include <cstdint>
#include <type_traits>

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#error "supra: walks on tensor cores need compute capability 8.0 or newer (bf16 products, asynchronous copies)"
#endif

#include "supra/core/math.hpp"
#include "supra/core/types.hpp"

namespace supra::cuda {

SUPRA_FN constexpr int round_up(int n, int to) { return (n + to - 1) / to * to; }

template <class A>
SUPRA_INLINE A shuffle_xor(unsigned mask, A x, int lanes) {
#ifdef __CUDA_ARCH__
  return __shfl_xor_sync(mask, x, lanes);
#else
  return (void)mask, (void)lanes, x;
#endif
}
// x of the lane so many before, or this lane's own where there is none; x of a lane. For all lanes of a warp.
template <class A>
SUPRA_INLINE A shuffle_up(A x, int lanes) {
#ifdef __CUDA_ARCH__
  return __shfl_up_sync(0xffffffffu, x, lanes);
#else
  return (void)lanes, x;
#endif
}
template <class A>
SUPRA_INLINE A shuffle_from(A x, int lane) {
#ifdef __CUDA_ARCH__
  return __shfl_sync(0xffffffffu, x, lane);
#else
  return (void)lane, x;
#endif
}
// x of the warp's first lane; the compiler then knows that all have the same, and keeps what follows from it once for the warp.
SUPRA_INLINE int of_first_lane(int x) {
#ifdef __CUDA_ARCH__
  return __shfl_sync(0xffffffffu, x, 0);
#else
  return x;
#endif
}
SUPRA_INLINE void sync_warp(unsigned mask = 0xffffffffu) {
#ifdef __CUDA_ARCH__
  __syncwarp(mask);
#else
  (void)mask;
#endif
}

// `threads` threads of whole warps wait for each other; id: 1 .. 15, of those that do.
SUPRA_INLINE void sync_threads(int id, int threads) {
#ifdef __CUDA_ARCH__
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
#else
  (void)id, (void)threads;
#endif
}

// Bytes (4, 8 or multiples of 16) from global to shared memory, without waiting.
template <int Bytes>
SUPRA_INLINE void copy_ahead(const void* from, void* to) {
#ifdef __CUDA_ARCH__
  constexpr int each = Bytes < 16 ? Bytes : 16;
#pragma unroll
  for (int i = 0; i < Bytes; i += each) {
    const auto at = static_cast<std::uint32_t>(__cvta_generic_to_shared(static_cast<char*>(to) + i));
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(at), "l"(static_cast<const char*>(from) + i), "n"(each)
                 : "memory");
  }
#else
  (void)from, (void)to;
#endif
}
// What was begun since the last end is one group; all but the last N groups are waited for.
SUPRA_INLINE void end_of_copies() {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
template <int N>
SUPRA_INLINE void wait_for_copies() {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
#endif
}
inline constexpr float log2_e = 1.4426950408889634f;
// 2^x with a relative error of 2^-22, by the unit's own instruction.
SUPRA_INLINE float exp2_fast(float x) {
#ifdef SUPRA_EXP2
  float y;
  SUPRA_EXP2(y, x);
  return y;
#else
  return math::exp(x / log2_e);
#endif
}

// Two bf16 in a word, the first in the low half; rounded to nearest even.
SUPRA_INLINE std::uint32_t pack(float first, float second) {
#ifdef __CUDA_ARCH__
  std::uint32_t d;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(second), "f"(first));
  return d;
#else
  return bf16(first).bits | static_cast<std::uint32_t>(bf16(second).bits) << 16;
#endif
}
SUPRA_INLINE float first_of(std::uint32_t x) { return bit_cast<float>(x << 16); }
SUPRA_INLINE float second_of(std::uint32_t x) { return bit_cast<float>(x & 0xffff0000u); }

// n words from memory, in the widest loads that n allows.
template <int N>
struct alignas(N % 4 == 0   ? 16
               : N % 2 == 0 ? 8
                            : 4) words {
  std::uint32_t w[N];
};

// Piece numbers of a row, as stored.
template <class S, int Piece>
struct raw_piece;
template <int Piece>
struct raw_piece<bf16, Piece> {
  words<Piece / 2> x;
  SUPRA_INLINE void unpack(float* to) const {
#pragma unroll
    for (int i = 0; i < Piece / 2; ++i) to[2 * i] = first_of(x.w[i]), to[2 * i + 1] = second_of(x.w[i]);
  }
};
template <int Piece>
struct raw_piece<float, Piece> {
  words<Piece> x;
  SUPRA_INLINE void unpack(float* to) const {
#pragma unroll
    for (int i = 0; i < Piece; ++i) to[i] = bit_cast<float>(x.w[i]);
  }
};
template <int Piece, class S>
SUPRA_INLINE raw_piece<std::remove_const_t<S>, Piece> load_piece(S* from) {
  using raw = raw_piece<std::remove_const_t<S>, Piece>;
  return *reinterpret_cast<const raw*>(from);
}
// From global memory, past the first level cache, which is small beside so much shared memory.
template <int Piece, class S>
SUPRA_INLINE raw_piece<S, Piece> load_far_piece(const S* from) {
#ifdef __CUDA_ARCH__
  raw_piece<S, Piece> r;
  if constexpr (sizeof(r) % 16 == 0) {
#pragma unroll
    for (int i = 0; i < static_cast<int>(sizeof(r)) / 4; i += 4)
      asm volatile("ld.global.L1::no_allocate.v4.b32 {%0, %1, %2, %3}, [%4];"
                   : "=r"(r.x.w[i]), "=r"(r.x.w[i + 1]), "=r"(r.x.w[i + 2]), "=r"(r.x.w[i + 3])
                   : "l"(reinterpret_cast<const std::uint32_t*>(from) + i)
                   : "memory");
    return r;
  }
#endif
  return load_piece<Piece>(from);
}
template <int Piece>
SUPRA_INLINE void store_piece(const float* from, bf16* to) {
  words<Piece / 2> x;
#pragma unroll
  for (int i = 0; i < Piece / 2; ++i) x.w[i] = pack(from[2 * i], from[2 * i + 1]);
  *reinterpret_cast<words<Piece / 2>*>(to) = x;
}
template <int Piece>
SUPRA_INLINE void store_piece(const float* from, float* to) {
  words<Piece> x;
#pragma unroll
  for (int i = 0; i < Piece; ++i) x.w[i] = bit_cast<std::uint32_t>(from[i]);
  *reinterpret_cast<words<Piece>*>(to) = x;
}

// Four 8 x 8 blocks of bf16 from shared memory: lane l gives the address of row l % 8 of block l / 8; as written, or
// transposed.
SUPRA_INLINE void load_blocks(std::uint32_t (&r)[4], const bf16* row) {
#ifdef __CUDA_ARCH__
  const auto at = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(at)
               : "memory");
#else
  (void)r, (void)row;
#endif
}
SUPRA_INLINE void load_blocks_transposed(std::uint32_t (&r)[4], const bf16* row) {
#ifdef __CUDA_ARCH__
  const auto at = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(at)
               : "memory");
#else
  (void)r, (void)row;
#endif
}
// c (16 x 8) += a (16 x 16) b (16 x 8). With g = lane / 4 and q = lane % 4 a thread holds c of rows g, g + 8 and columns 2q,
// 2q + 1; a of those rows and columns 2q, 2q + 1, 2q + 8, 2q + 9; b of those rows (as columns of a) and column g.
SUPRA_INLINE void multiply_add(float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
#ifdef __CUDA_ARCH__
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  (void)c, (void)a, (void)b0, (void)b1;
#endif
}

}  // namespace supra::cuda
