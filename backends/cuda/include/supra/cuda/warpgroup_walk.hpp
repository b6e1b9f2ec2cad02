// The walk (core/walk.hpp) by whole warpgroups (sm_90a), bf16 operands and float sums. The state never leaves the registers: it
// is kept transposed, 64 columns to each warpgroup, so that its packed accumulators are an operand of the next product,
//   O^T = S^T X^T + Z^T W^T,  W = mask(X Y^T),  S^T = exp(b_last) S^T + (update Z)^T Y.
// All are read from shared memory where they lie, but for Z times its tokens' update: that is made in registers.
// The result takes X's place, rounded to bf16, where its rows are not wanted wider.
#pragma once

#include "supra/core/walk.hpp"
#include "supra/cuda/warpgroup.hpp"

namespace supra::cuda {

template <class Team, class Shape>
struct warpgroup_walk;
template <class Shape>
struct engine_lanes;

// Head: d and e; Mapped: F; Exact: results as float.
template <class Kernel, int Head, int Mapped, bool Exact>
struct warpgroup_shape {
  static constexpr walk_role role = Kernel::role;
  static constexpr bool reverse = role == walk_role::values || role == walk_role::keys;
  // The state's columns are those of z, its depth the columns of x and y.
  static constexpr bool by_value = role == walk_role::output || role == walk_role::values;
  static constexpr int head = Head, mapped = Mapped, columns = Head;
  static constexpr int across = by_value ? Head : Mapped, depth = by_value ? Mapped : Head;
  static constexpr int groups = across / 64, warps = 4 * groups, threads = 32 * warps, chunk = 64;
  static constexpr int blocks = Exact ? 1 : 512 / threads;  // side by side on a multiprocessor, 128 registers a thread
  static constexpr int lanes_a_row = (Head < Mapped ? Head : Mapped) / 16, piece = 8;
  // What of a token's rows has room in shared memory, beside three tiles and the weights.
  static constexpr int rows = Kernel::rows_given, plain = Kernel::plain_given;
  static constexpr int staged = plain >= 0 && plain < 3 ? plain : rows < 3 ? rows : 3;
  static SUPRA_FN constexpr bool of_key(int slot) { return Kernel::of_key(slot); }
  static constexpr bool engine = true;  // rows are brought by the copy engine
  using lanes = engine_lanes<warpgroup_shape>;
  using operand = placed;
  using result = std::conditional_t<Exact, float, placed>;
  template <class Team>
  using walk = warpgroup_walk<Team, warpgroup_shape>;
};

template <class Team, class Shape>
struct warpgroup_walk {
  using A = float;
  using E = placed;
  using R = typename Shape::result;
  static constexpr int chunk = Shape::chunk, across = Shape::across, depth = Shape::depth;
  static constexpr direction way = Shape::reverse ? direction::reverse : direction::forward;
  static constexpr int own_columns = chunk / Shape::groups;  // of the weights, that a warpgroup makes

  chunk_decay<A> decay;
  tile<E> weights;
  A* partial = nullptr;  // one number a warp
  A s[depth / 2];        // this thread's part of the state, as a product's sums

  template <class Alloc>
  SUPRA_FN void lay(Alloc& alloc, int, int, int, int) {
    weights = take_tile<Alloc, E>(alloc, chunk, chunk);
    decay.lay(alloc, chunk);
    partial = alloc.template scratch<A>(Shape::warps);
  }

  SUPRA_FN void load(Team& team, int, const A* from) {
    each_number(team, [&](A& x, int i) { x = from ? from[i] : A(0); });
  }
  SUPRA_FN void store(Team& team, int, A* to) {
    if (to) each_number(team, [&](A& x, int i) { to[i] = x; });
  }
  SUPRA_FN void dot(Team& team, const A* d, A* to) {
    A sum = 0;
    each_number(team, [&](A& x, int i) { sum += x * d[i]; });
#pragma unroll
    for (int m = 16; m > 0; m /= 2) sum += shuffle_xor(0xffffffffu, sum, m);
    if (team.lane() == 0) partial[team.warp()] = sum;
    team.sync();
    if (team.warp() == 0 && team.lane() == 0) {
      A all = 0;
      for (int w = 0; w < Shape::warps; ++w) all += partial[w];
      *to = all;
    }
  }

  template <walk_role>
  SUPRA_FN void step(Team& team, tile<R> out, tile<E> x, tile<E> y, tile<E> z, bool) {
    const int n = x.rows, lane = team.lane(), group = team.warp() / 4;
    if (n < chunk) {
      clear(team, x), clear(team, y), clear(team, z);
      publish(), team.sync();
    }
    weigh(team, x, y);
    A o[chunk / 2];
    from_state(o, x);
    scale_columns(o, Shape::reverse ? decay.down : decay.up, lane);
    team.sync();  // the weights are whole, and published by those that made them; x has been read
    begin_products();
#pragma unroll
    for (int t = 0; t < chunk; t += 16)
      warpgroup_product<chunk>::a_across(o, cuda::across<chunk>(z.data, t, 64 * group), cuda::along<chunk>(weights.data, 0, t),
                                         true);
    end_of_products();
    wait_for_products<0>();
    put(o, out, 64 * group + 16 * (team.warp() % 4), lane);
    advance<way>(team, y, z, true, total(n));
    team.sync();
  }
  // One of dv and dk, as the team's role says.
  SUPRA_FN void back(Team& team, int, tile<R> dk, tile<R> dv, tile<E> q, tile<E> d, tile<E> k, tile<E> v, bool on) {
    if constexpr (Shape::role == walk_role::values)
      step<Shape::role>(team, dv, k, q, d, on);
    else
      step<Shape::role>(team, dk, v, d, q, on);
  }
  template <direction Dir>
  SUPRA_FN void gather(Team& team, tile<E> y, tile<E> z, bool keep) {
    const int n = y.rows;
    if (n < chunk) {
      clear(team, y), clear(team, z);
      publish(), team.sync();
    }
    advance<Dir>(team, y, z, keep, total(n));
    team.sync();
  }
  SUPRA_FN A total(int n) const { return decay.up[n - 1]; }

 private:
  // f(number, its place in an (F, e) array) of every number of the state that this thread holds.
  template <class F>
  SUPRA_FN void each_number(Team& team, F f) {
    const int c = 16 * team.warp() + team.lane() / 4, d = team.lane() % 4 * 2;
    constexpr int over = Shape::by_value ? 1 : depth, under = Shape::by_value ? across : 1;
#pragma unroll
    for (int i = 0; i < depth / 2; ++i) f(s[i], (c + i / 2 % 2 * 8) * over + (d + i / 4 * 8 + i % 2) * under);
  }
  // Tokens that the chunk does not have become zero, so that whole tiles can be multiplied.
  static SUPRA_FN void clear(Team& team, tile<E> t) {
    const int me = 32 * team.warp() + team.lane(), pieces = t.cols / 2;
    for (int i = me; i < (chunk - t.rows) * pieces; i += Shape::threads)
      *reinterpret_cast<std::uint32_t*>(column_of<chunk>(t.row(t.rows + i / pieces), i % pieces * 2)) = 0;
  }
  // W = mask(X Y^T): all rows of some columns are a warpgroup's, 16 of them this warp's. Where all of eight columns are seen by
  // all of those rows, a token m between them halves the decay: exp(b_i - b_m) exp(b_m - b_j), both at most 1.
  SUPRA_FN void weigh(Team& team, tile<E> x, tile<E> y) const {
    const int lane = team.lane(), first = team.warp() / 4 * own_columns;
    A w[own_columns / 2];
    begin_products();
#pragma unroll
    for (int k = 0; k < depth; k += 16)
      warpgroup_product<own_columns>::both_along(w, cuda::along<chunk>(x.data, 0, k), cuda::along<chunk>(y.data, first, k),
                                                 k > 0);
    end_of_products();
    const int top = team.warp() % 4 * 16, i = top + lane / 4;
    const int m = Shape::reverse ? top + 15 : top > 0 ? top - 1 : 0;
    const A row[2] = {kept_over(i, m), kept_over(i + 8, m)};
    wait_for_products<0>();
#pragma unroll
    for (int k = 0; k < own_columns / 8; ++k) {
      const int c = first + 8 * k, j = c + lane % 4 * 2;
      A f[4] = {};
      if (Shape::reverse ? c >= top + 16 : c + 8 <= top) {
        const A column[2] = {kept_over(m, j), kept_over(m, j + 1)};
        f[0] = row[0] * column[0], f[1] = row[0] * column[1], f[2] = row[1] * column[0], f[3] = row[1] * column[1];
      } else if (Shape::reverse ? c + 8 > top : c < top + 16) {
#pragma unroll
        for (int h = 0; h < 4; ++h) {
          const int r = i + h / 2 * 8, q = j + h % 2;
          f[h] = (Shape::reverse ? q >= r : q <= r) ? kept_over(r, q) : A(0);
        }
      }
#pragma unroll
      for (int h = 0; h < 2; ++h)
        *reinterpret_cast<std::uint32_t*>(column_of<chunk>(weights.row(i + 8 * h), j)) =
            pack(w[4 * k + 2 * h] * f[2 * h], w[4 * k + 2 * h + 1] * f[2 * h + 1]);
    }
    publish();
  }
  // What is left of token j where the walk has come to i.
  SUPRA_INLINE A kept_over(int i, int j) const { return exp_fast(Shape::reverse ? decay.between(j, i) : decay.between(i, j)); }

  // O^T = S^T X^T, a few of the depth's operands at a time: registers are scarce.
  SUPRA_FN void from_state(A (&o)[chunk / 2], tile<E> x) const {
    constexpr int steps = depth / 16, batch = 2;
#pragma unroll
    for (int k = 0; k < steps; k += batch) {
      std::uint32_t a[batch][4];
#pragma unroll
      for (int i = 0; i < batch; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) a[i][j] = pack(s[8 * (k + i) + 2 * j], s[8 * (k + i) + 2 * j + 1]);
      begin_products();
#pragma unroll
      for (int i = 0; i < batch; ++i)
        warpgroup_product<chunk>::b_along(o, a[i], cuda::along<chunk>(x.data, 0, 16 * (k + i)), k + i > 0);
      end_of_products();
      wait_for_products<0>();
    }
  }
  static SUPRA_FN void scale_columns(A (&o)[chunk / 2], const A* by, int lane) {
#pragma unroll
    for (int t = 0; t < chunk / 8; ++t) {
      const A b0 = by[8 * t + lane % 4 * 2], b1 = by[8 * t + lane % 4 * 2 + 1];
      o[4 * t] *= b0, o[4 * t + 1] *= b1, o[4 * t + 2] *= b0, o[4 * t + 3] *= b1;
    }
  }
  // S^T = past S^T + (update Z)^T Y, without `keep` the latter alone. This warp's 16 columns of Z are operands in
  // registers, 16 tokens a step.
  template <direction Dir>
  SUPRA_FN void advance(Team& team, tile<E> y, tile<E> z, bool keep, A past) {
    const int lane = team.lane(), c = 16 * team.warp() + lane / 8 % 2 * 8;
    const A* const update = Dir == direction::forward ? decay.down : decay.up;
    std::uint32_t a[chunk / 16][4];
#pragma unroll
    for (int t = 0; t < chunk / 16; ++t) {
      load_blocks_transposed(a[t], column_of<chunk>(z.row(16 * t + lane / 16 * 8 + lane % 8), c));
      const int q = 16 * t + 2 * (lane % 4);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int at = q + i / 2 * 8;
        a[t][i] = pack(first_of(a[t][i]) * update[at], second_of(a[t][i]) * update[at + 1]);
      }
    }
#pragma unroll
    for (A& x : s) x = keep ? x * past : A(0);
    begin_products();
#pragma unroll
    for (int t = 0; t < chunk / 16; ++t)
      warpgroup_product<depth>::b_across(s, a[t], cuda::across<chunk>(y.data, 16 * t, 0), true);
    end_of_products();
    wait_for_products<0>();
  }

  // O to its tile: 16 columns from c of every token.
  static SUPRA_FN void put(const A (&o)[chunk / 2], tile<E> out, int c, int lane) {
#pragma unroll
    for (int t = 0; t < chunk / 8; t += 2) {
      const std::uint32_t r[4] = {pack(o[4 * t], o[4 * t + 1]), pack(o[4 * t + 2], o[4 * t + 3]),
                                  pack(o[4 * t + 4], o[4 * t + 5]), pack(o[4 * t + 6], o[4 * t + 7])};
      store_blocks_transposed(r, column_of<chunk>(out.row(8 * (t + lane / 16) + lane % 8), c + lane / 8 % 2 * 8));
    }
  }
  static SUPRA_FN void put(const A (&o)[chunk / 2], tile<A> out, int c, int lane) {
    A* const to = out.row(lane % 4 * 2) + c + lane / 4;
#pragma unroll
    for (int t = 0; t < chunk / 8; ++t)
#pragma unroll
      for (int i = 0; i < 4; ++i) to[(8 * t + i % 2) * out.stride + i / 2 * 8] = o[4 * t + i];
  }
};

}  // namespace supra::cuda
