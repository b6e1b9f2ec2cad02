// How a walk by warpgroups (warpgroup_walk.hpp) lies on a multiprocessor, for a kernel and widths of its rows.
#pragma once

#include "supra/core/walk.hpp"
#include "supra/cuda/warpgroup.hpp"

namespace supra::cuda {

template <class Team, class Shape>
struct warpgroup_walk;
template <class Shape, bool Values>
struct engine_lanes;

// Head: d; Mapped: F; Value: e, which is d, or less where F is d; Lone: one more column of v (a denominator).
template <class Kernel, int Head, int Mapped, int Value, bool Lone>
struct warpgroup_shape {
  static constexpr walk_role role = Kernel::role;
  static constexpr bool reverse = role == walk_role::values || role == walk_role::keys;
  // The state's columns are those of z, its depth the columns of x and y.
  static constexpr bool by_value = role == walk_role::output || role == walk_role::values;
  static constexpr int head = Head, mapped = Mapped, value = Value, columns = Value + (Lone ? 1 : 0);
  static constexpr int across = by_value ? Value : Mapped, depth = by_value ? Mapped : Value;
  static constexpr bool lone = Lone, lone_across = Lone && role == walk_role::output, lone_along = Lone && !by_value;
  // Where v is narrower, a warpgroup has 64 x e of the state whatever the role: F / 64 of them in all kernels.
  static constexpr bool wide = Value < Head;
  static constexpr int slices = panels_of(across), chunk = 64;
  static constexpr int shares = wide && by_value ? Mapped / Value : depth > 128 ? 2 : 1, own_depth = depth / shares;
  static constexpr bool sums_rows = requires { requires Kernel::sums_rows; };
  // Lanes of a row take pieces of it in turn: so that features half a row apart are of one lane in rows of both widths, and the
  // wider one is not too wide for its registers.
  static constexpr int narrow = Head < Mapped ? Head : Mapped;
  static constexpr int lanes_a_row = narrow % 48 == 0 ? narrow / 24 : (Head < Mapped ? Mapped : narrow) / 16;
  static constexpr int piece = narrow % 48 == 0 || Head < Mapped ? 4 : 8;
  static constexpr int value_piece = wide ? Value / (2 * lanes_a_row) : piece;
  static_assert(narrow % (2 * lanes_a_row * piece) == 0 && Value % (2 * lanes_a_row * value_piece) == 0);
  // A state that one warpgroup could hold is held by two, each of which makes half of a chunk's results: heads of 64 are seldom
  // so many that walks by single warpgroups fill the card. Not where lanes of a row are so few that no rows are left for the
  // second.
  static constexpr int halves = slices * shares == 1 && lanes_a_row >= 4 ? 2 : 1, own_tokens = chunk / halves;
  static constexpr int groups = slices * shares * halves, warps = 4 * groups, threads = 32 * warps;
  static constexpr int blocks = 512 / threads;  // side by side on a multiprocessor, 128 registers a thread
  // Of a token's rows, those that come to the stage: before the one that goes into its tile as it is.
  static constexpr int rows = Kernel::rows_given, plain = Kernel::plain_given, staged = plain >= 0 ? plain : rows;
  static SUPRA_FN constexpr bool of_key(int slot) { return Kernel::of_key(slot); }
  static SUPRA_FN constexpr int width_of(int slot) { return Kernel::of_value(slot) ? Value : Head; }
  static constexpr bool engine = true;  // rows are brought by the copy engine
  using lanes = engine_lanes<warpgroup_shape, false>;
  using operand = placed;
  using result = placed;
  template <class Team>
  using walk = warpgroup_walk<Team, warpgroup_shape>;
};

}  // namespace supra::cuda
