// Rows in registers: a row of Head or of Mapped features is owned by Lanes neighbouring threads of a warp. A slot is a
// register's number, known when the code is compiled, and the lane; so a stage's row never touches memory.
// Lane l owns the pieces of Piece features whose number is l modulo Lanes: in rows of Lanes times 2, 4, 8, ... pieces the pairs
// of each_half and each_pair stay within a thread, and a row of n and one of 2n are owned alike. There are no other rows.
#pragma once

#include "supra/core/lanes.hpp"
#include "supra/core/types.hpp"
#include "supra/cuda/warpgroup.hpp"

namespace supra::cuda {

template <int Lanes, int Piece, int Register>
struct slot {
  static constexpr int order = Register % 4;
  int lane;
  SUPRA_INLINE explicit operator int() const { return (Register / Piece * Lanes + lane) * Piece + Register % Piece; }
};
// A number beyond the registers: of an array in memory that is longer than a row.
struct memory_slot {
  int number;
  SUPRA_INLINE explicit operator int() const { return number; }
};

// What stages are given: rows are passed by value, so this points at the registers (and disappears when inlined). N features;
// reading past the end clamps to a register that exists: it is never used.
template <class A, int Lanes, int Piece, int N>
struct row_view {
  using value_type = std::remove_const_t<A>;
  A* r;
  SUPRA_INLINE static constexpr int size() { return N; }
  template <int R>
  SUPRA_INLINE A& operator[](slot<Lanes, Piece, R>) const {
    return r[R < N / Lanes ? R : 0];
  }
  SUPRA_INLINE A& operator[](memory_slot) const { return r[0]; }
};

// A row of N features in registers, and the row in memory, of storage type S, that it is loaded from and stored to. Both must
// lie at multiples of min(16, Piece * sizeof(S)) bytes. What was loaded stays as it was stored until stages want to see it:
// several rows may be under way in few registers.
//
// Where piece p of lane `lane` lies, in a row of memory; a tile for warpgroups has its own way.
template <int Rows, int Lanes, int Piece, class S>
SUPRA_INLINE auto* piece_at(S* row, int p, int lane) {
  if constexpr (std::is_same_v<std::remove_const_t<S>, placed>)
    return column_of<Rows>(row, (p * Lanes + lane) * Piece);
  else
    return row + (p * Lanes + lane) * Piece;
}

template <class S, class A, int Rows, int Lanes, int Piece, int N>
struct register_held {
  using stored = std::conditional_t<std::is_same_v<std::remove_const_t<S>, placed>, bf16, std::remove_const_t<S>>;
  static constexpr int pieces = N / Lanes / Piece;
  using raw_type = raw_piece<stored, Piece>;
  memory_row<S, A> row;
  int lane;
  bool loaded = false;
  raw_type raw[pieces];
  A own[N / Lanes];
  bool later = false;            // a constant to the compiler, as `loaded` is
  const stored* near = nullptr;  // where it will be loaded from once it is wanted

  SUPRA_INLINE void load() { load_from(row.data); }
  SUPRA_INLINE void load_far() {
    loaded = true;
#pragma unroll
    for (int p = 0; p < pieces; ++p) raw[p] = load_far_piece<Piece, stored>(row.data + (p * Lanes + lane) * Piece);
  }
  template <class From>
  SUPRA_INLINE void load_from(From* from) {
    loaded = true;
#pragma unroll
    for (int p = 0; p < pieces; ++p) raw[p] = load_piece<Piece>(piece_at<Rows, Lanes, Piece>(from, p, lane));
  }
  // What this lane would load, on its way from one place to another.
  static SUPRA_INLINE void copy(const stored* from, stored* to, int lane) {
#pragma unroll
    for (int p = 0; p < pieces; ++p)
      copy_ahead<sizeof(raw_type)>(from + (p * Lanes + lane) * Piece, to + (p * Lanes + lane) * Piece);
  }
  // It lies near: what is loaded early would only take registers.
  SUPRA_INLINE void load_later(const stored* from) { near = from, later = true; }
  // The same numbers where `to` is stored, none of them looked at.
  template <class To>
  SUPRA_INLINE void store_at(To& to) requires(std::is_same_v<typename To::stored, stored>&& To::pieces == pieces) {
    if (later) load_from(near), later = false;
#pragma unroll
    for (int p = 0; p < pieces; ++p) *reinterpret_cast<raw_type*>(piece_at<Rows, Lanes, Piece>(to.row.data, p, lane)) = raw[p];
  }
  SUPRA_INLINE row_view<A, Lanes, Piece, N> view() {
    if (later) load_from(near), later = false;
    if (loaded) {
      loaded = false;
#pragma unroll
      for (int p = 0; p < pieces; ++p) raw[p].unpack(own + p * Piece);
    }
    return {own};
  }
  SUPRA_INLINE void store() {
#pragma unroll
    for (int p = 0; p < pieces; ++p) store_piece<Piece>(own + p * Piece, piece_at<Rows, Lanes, Piece>(row.data, p, lane));
  }
};

// Head, Mapped: the two widths of a head's rows; Rows: of a tile.
template <int Lanes, int Piece, int Head, int Mapped = Head, int Rows = 64>
struct register_lanes {
  static constexpr int registers = (Head > Mapped ? Head : Mapped) / Lanes;
  template <int R>
  using slot_of = slot<Lanes, Piece, R>;
  int lane;       // 0 .. Lanes - 1
  unsigned mask;  // the threads of the warp that own this row

  template <width W, class S, class A>
  SUPRA_INLINE auto hold(memory_row<S, A> row) const {
    return register_held < S, A, Rows, Lanes, Piece, W == width::head ? Head : Mapped > {row, lane};
  }

  template <class F>
  SUPRA_INLINE void each(int n, F f) const {
    unroll<0>(n, f);
    if (n > registers * Lanes)
      for (int i = registers * Lanes + lane; i < n; i += Lanes) f(memory_slot{i});
  }
  template <class F>
  SUPRA_INLINE void each_half(int n, F f) const {
    halves<registers>(n, f);
  }
  template <class F>
  SUPRA_INLINE void each_pair(int n, F f) const {
    pairs<0>(n, f);
  }
  template <class F>
  SUPRA_INLINE auto sum(int n, F f) const {
    using S = decltype(f(slot_of<0>{lane}) + f(slot_of<0>{lane}));
    S part[4] = {};  // side by side: an addition waits for the one before it
    each(n, [&](auto i) { part[order_of(i)] += f(i); });
    S s = (part[0] + part[1]) + (part[2] + part[3]);
#pragma unroll
    for (int m = Lanes / 2; m > 0; m /= 2) s += shuffle_xor(mask, s, m);
    return s;
  }
  template <class F>
  SUPRA_INLINE auto max(int n, F f) const {
    using S = decltype(f(slot_of<0>{lane}) + f(slot_of<0>{lane}));
    constexpr S least(-infinity<float>);
    S part[4] = {least, least, least, least};
    each(n, [&](auto i) { part[order_of(i)] = math::maximum(part[order_of(i)], f(i)); });
    S s = math::maximum(math::maximum(part[0], part[1]), math::maximum(part[2], part[3]));
#pragma unroll
    for (int m = Lanes / 2; m > 0; m /= 2) { s = math::maximum(s, shuffle_xor(mask, s, m)); }
    return s;
  }
  template <class F>
  SUPRA_INLINE void once(F f) const {
    if (lane == 0) f();
  }
  SUPRA_INLINE void sync() const { sync_warp(mask); }

 private:
  template <class Slot>
  static SUPRA_INLINE constexpr int order_of(Slot) {
    if constexpr (requires { Slot::order; })
      return Slot::order;
    else
      return 0;
  }
  template <int R, class F>
  SUPRA_INLINE void unroll(int n, F f) const {
    if constexpr (R < registers) {
      const slot_of<R> i{lane};
      if ((R / Piece + 1) * Piece * Lanes <= n || int(i) < n) f(i);
      unroll<R + 1>(n, f);
    }
  }
  // The partner of a register is half of the row's registers further, in rows of n = Lanes times 1, 2, 4, ... pieces.
  template <int Registers, class F>
  SUPRA_INLINE void halves(int n, F f) const {
    if (n == Registers * Lanes)
      half_of<0, Registers / 2>(f);
    else if constexpr (Registers / 2 >= 2 * Piece)
      halves<Registers / 2>(n, f);
  }
  template <int R, int Half, class F>
  SUPRA_INLINE void half_of(F f) const {
    if constexpr (R < Half) {
      f(slot_of<R>{lane}, slot_of<R + Half>{lane});
      half_of<R + 1, Half>(f);
    }
  }
  template <int R, class F>
  SUPRA_INLINE void pairs(int n, F f) const {
    if constexpr (R + 1 < registers) {
      const slot_of<R> i{lane};
      if (int(i) + 1 < n) f(i, slot_of<R + 1>{lane});
      pairs<R + 2>(n, f);
    }
  }
};

}  // namespace supra::cuda
