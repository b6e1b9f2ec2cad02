// A denominator's column of a walk by warpgroups (warpgroup_walk.hpp), beside the tiles that are multiplied whole: its row of
// the state and its sums, float in shared memory. Products with it are of single warps, a number as two bf16 in neighbouring
// columns, so that 16 of its bits count.
#pragma once

#include "supra/core/walk.hpp"
#include "supra/cuda/warpgroup.hpp"

namespace supra::cuda {

template <class Shape>
struct warpgroup_lone {
  using A = float;
  using E = placed;
  static constexpr int chunk = Shape::chunk, depth = Shape::depth;

  A* row = nullptr;   // of the state: F numbers; warps of lone_along read and write whole panels of columns
  A* sums = nullptr;  // of the result, of each warpgroup

  template <class Alloc>
  SUPRA_FN void lay(Alloc& alloc) {
    if constexpr (Shape::lone_across || Shape::lone_along)
      row = alloc.template scratch<A>(round_up(Shape::mapped, panel_columns));
    if constexpr (Shape::lone_across) sums = alloc.template scratch<A>(Shape::groups * chunk);
  }
  // f(number, its place in an (F, columns) array) of its row of the state.
  template <class Team, class F>
  SUPRA_FN void each_number(Team& team, F f) {
    if constexpr (Shape::lone_across || Shape::lone_along)
      for (int i = 32 * team.warp() + team.lane(); i < Shape::mapped; i += Shape::threads)
        f(row[i], i * Shape::columns + Shape::value);
  }
  // carry X times its row of the state, of 16 tokens from `top`, over this warpgroup's share of the depth: each lane's own part
  // of the sums of tokens top + lane / 4 and top + lane / 4 + 8.
  SUPRA_FN void from_state(A (&to)[2], tile<E> x, const A* carry, int top, int group, int lane) const {
    constexpr int own = depth / Shape::groups;
    A c[4] = {};
#pragma unroll
    for (int k = 0; k < own; k += 16) {
      std::uint32_t a[4];
      load_blocks(a, column_of<chunk>(x.row(top + lane % 16), group * own + k + lane / 16 * 8));
      const A* const l = row + group * own + k + lane % 4 * 2;
      multiply_add(c, a, in_two(l[0], l[1], lane), in_two(l[8], l[9], lane));
    }
    // every second pair of columns would be one too many
    const A share = lane % 4 == 0 ? A(1) : A(0);
    to[0] = (c[0] + c[1]) * share * carry[top + lane / 4], to[1] = (c[2] + c[3]) * share * carry[top + lane / 4 + 8];
  }
  // O^T += its row of the state, rows c and c + 8, times the column of x from token `first` on.
  template <int N>
  SUPRA_FN void add_to(A (&o)[N], tile<E> x, int first, int c, int lane) const {
    const A s0 = row[c], s1 = row[c + 8];
    const A* const column = &lone_number(x, first + lane % 4 * 2, Shape::value);
#pragma unroll
    for (int t = 0; t < N / 4; ++t) {
      const A x0 = column[8 * t], x1 = column[8 * t + 1];
      o[4 * t] += s0 * x0, o[4 * t + 1] += s0 * x1, o[4 * t + 2] += s1 * x0, o[4 * t + 3] += s1 * x1;
    }
  }
  // Its row of the state becomes past times it and c, the sums of rows first + lane / 4, first + lane / 4 + 8.
  SUPRA_FN void keep_sums(const A (&c)[4], int first, bool keep, A past, int lane) const {
    if (lane % 4 != 0) return;
    A *const l = row + first + lane / 4, old[2] = {keep ? l[0] * past : A(0), keep ? l[8] * past : A(0)};
    l[0] = old[0] + (c[0] + c[1]), l[8] = old[1] + (c[2] + c[3]);
  }
  // The same where y has no such column but z: its numbers times update, 16 features of y a warp.
  template <class Team>
  SUPRA_FN void advance(Team& team, tile<E> y, tile<E> z, const A* update, bool keep, A past) const {
    const int lane = team.lane();
    for (int f = 16 * team.warp(); f < depth; f += 16 * Shape::warps) {
      A c[4] = {};
#pragma unroll
      for (int t = 0; t < chunk; t += 16) {
        std::uint32_t a[4];
        load_blocks_transposed(a, column_of<chunk>(y.row(t + lane / 16 * 8 + lane % 8), f + lane / 8 % 2 * 8));
        const int q = t + lane % 4 * 2;
        const A* const u = &lone_number(z, q, Shape::value);
        multiply_add(c, a, in_two(update[q] * u[0], update[q + 1] * u[1], lane),
                     in_two(update[q + 8] * u[8], update[q + 9] * u[9], lane));
      }
      keep_sums(c, f, keep, past, lane);
    }
  }
  // Two numbers as a product's operand b: in columns of even number rounded to bf16, in the others what rounding left.
  static SUPRA_INLINE std::uint32_t in_two(A x, A y, int lane) {
    const std::uint32_t near = pack(x, y);
    return lane / 4 % 2 == 0 ? near : pack(x - first_of(near), y - second_of(near));
  }
};

}  // namespace supra::cuda
