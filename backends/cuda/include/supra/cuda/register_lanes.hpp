// Rows in registers: a row of up to Registers * Lanes features is owned by Lanes neighbouring threads of a warp. A slot is a
// register's number, known when the code is compiled, and the lane; so a stage's row never touches memory.
// Lane l owns the pieces of eight features whose number is l modulo Lanes: with n a multiple of 16 Lanes the pairs of each_half
// and each_pair stay within a thread, and a row of n and one of 2n are owned alike.
#pragma once

#include <cuda_runtime.h>

#include "supra/core/lanes.hpp"

namespace supra::cuda {

inline constexpr int piece = 8;  // features: 16 bytes of bf16, one load

template <int Lanes, int Register>
struct slot {
  static constexpr int register_number = Register;
  int lane;
  SUPRA_INLINE explicit operator int() const { return (Register / piece * Lanes + lane) * piece + Register % piece; }
};

// N features spread over Lanes threads. Reading past the end clamps to a register that exists: it is never used.
template <class A, int Lanes, int N>
struct register_row {
  using value_type = A;
  static constexpr int registers = N / Lanes;
  A data[registers];
  SUPRA_INLINE static constexpr int size() { return N; }
};

// What stages are given: rows are passed by value, so this points at the registers (and disappears when inlined).
template <class A, int Lanes, int N>
struct row_view {
  using value_type = std::remove_const_t<A>;
  using row =
      std::conditional_t<std::is_const_v<A>, const register_row<value_type, Lanes, N>, register_row<value_type, Lanes, N>>;
  row* r;
  SUPRA_INLINE static constexpr int size() { return N; }
  template <int R>
  SUPRA_INLINE A& operator[](slot<Lanes, R>) const {
    return r->data[R < N / Lanes ? R : 0];
  }
};

// Device functions that host compilation of a stage must be able to name.
template <class A>
SUPRA_INLINE A shuffle_xor(A x, int mask) {
#ifdef __CUDA_ARCH__
  return __shfl_xor_sync(0xffffffffu, x, mask);
#else
  return (void)mask, x;
#endif
}
SUPRA_INLINE void sync_warp() {
#ifdef __CUDA_ARCH__
  __syncwarp();
#endif
}

template <int Lanes, int Registers>
struct register_lanes {
  int lane;  // 0 .. Lanes - 1

  template <class F>
  SUPRA_INLINE void each(int n, F f) const {
    unroll<0, Registers>(n, [&](auto i) { f(i); });
  }
  template <class F>
  SUPRA_INLINE void each_half(int n, F f) const {
    halves<0>(n, f);
  }
  template <class F>
  SUPRA_INLINE void each_pair(int n, F f) const {
    pairs<0>(n, f);
  }
  template <class F>
  SUPRA_INLINE auto sum(int n, F f) const {
    auto s = decltype(f(slot<Lanes, 0>{lane}) + f(slot<Lanes, 0>{lane}))(0);
    each(n, [&](auto i) { s += f(i); });
#pragma unroll
    for (int m = Lanes / 2; m > 0; m /= 2) s += shuffle_xor(s, m);
    return s;
  }
  template <class F>
  SUPRA_INLINE auto max(int n, F f) const {
    auto s = f(slot<Lanes, 0>{lane});
    each(n, [&](auto i) { s = f(i) > s ? f(i) : s; });
#pragma unroll
    for (int m = Lanes / 2; m > 0; m /= 2) {
      const auto other = shuffle_xor(s, m);
      s = other > s ? other : s;
    }
    return s;
  }
  template <class F>
  SUPRA_INLINE void once(F f) const {
    if (lane == 0) f();
  }
  SUPRA_INLINE void sync() const { sync_warp(); }

 private:
  template <int R, int End, class F>
  SUPRA_INLINE void unroll(int n, F f) const {
    if constexpr (R < End) {
      const slot<Lanes, R> i{lane};
      if (int(i) < n) f(i);
      unroll<R + 1, End>(n, f);
    }
  }
  // The partner of a register is half of the row's registers further: n = N means N / Lanes registers, for any N of the powers
  // in use.
  template <int R, class F>
  SUPRA_INLINE void halves(int n, F f) const {
    if (n == Registers * Lanes)
      half_of<0, Registers / 2>(f);
    else if constexpr (Registers / 2 >= 2)
      register_lanes<Lanes, Registers / 2>{lane}.each_half(n, f);
  }
  template <int R, int Half, class F>
  SUPRA_INLINE void half_of(F f) const {
    if constexpr (R < Half) {
      f(slot<Lanes, R>{lane}, slot<Lanes, R + Half>{lane});
      half_of<R + 1, Half>(f);
    }
  }
  template <int R, class F>
  SUPRA_INLINE void pairs(int n, F f) const {
    if constexpr (R + 1 < Registers) {
      const slot<Lanes, R> i{lane};
      if (int(i) < n) f(i, slot<Lanes, R + 1>{lane});
      pairs<R + 2>(n, f);
    }
  }
};

}  // namespace supra::cuda
