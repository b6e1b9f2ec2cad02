// The walk (core/walk.hpp) by whole warpgroups (sm_90a), bf16 operands and float sums. The state never leaves the registers: it
// is kept transposed, 64 columns and at most 128 of their depth to each warpgroup, so that its packed accumulators are an
// operand of the next product,
//   O^T = S^T X^T + Z^T W^T,  W = mask(X Y^T),  S^T = exp(b_last) S^T + (update Z)^T Y.
// All are read from shared memory where they lie, but for Z times its tokens' update: that is made in registers.
// The result takes X's place, rounded to bf16; where its rows are to be multiplied with others (the decay's gradient), that is
// done before, in registers, each warp its 16 columns. Where the depth is shared by several warpgroups, all give their sums to
// the first. Where one warpgroup could hold the state, two do, and each makes half of the result's tokens (Shape::halves).
// A denominator's column is no part of the tiles: it stands beside them as float, and so does its row of the state, in shared
// memory. Where z has it (lone_across), the sums of its column are those of the weights' rows and X times that row;
// where x and y have it (lone_along), it adds x_i y_j to the weights and x_i times that row to the output (warpgroup_lone.hpp).
#pragma once

#include "supra/cuda/warpgroup_lone.hpp"
#include "supra/cuda/warpgroup_shape.hpp"

namespace supra::cuda {

template <class Team, class Shape>
struct warpgroup_walk {
  using A = float;
  using E = placed;
  using R = typename Shape::result;
  static constexpr int chunk = Shape::chunk, depth = Shape::depth, own_depth = Shape::own_depth;
  static constexpr direction way = Shape::reverse ? direction::reverse : direction::forward;
  static constexpr int own_columns = chunk / Shape::groups;  // of the weights, that a warpgroup makes
  static constexpr int own_tokens = Shape::own_tokens;       // of the result

  chunk_decay<A> decay;
  tile<E> weights;
  A* partial = nullptr;   // one number a warp
  warpgroup_lone<Shape> lone;
  A* exchange = nullptr;  // sums over the other shares of the depth
  A* dots = nullptr;      // rows of the result times others: each warp's columns of every token
  static constexpr int share_threads = Shape::threads / Shape::shares;
  static constexpr int wide_depth = round_up(own_depth, panel_columns);
  // This thread's part of the state, as a product's sums; beyond its columns and depth: anything. Zero before it is loaded:
  // where a chunk might find nothing there, the compiler would keep it in memory.
  A s[wide_depth / 2] = {};

  template <class Alloc>
  SUPRA_FN void lay(Alloc& alloc, int, int, int, int) {
    weights = take_tile<Alloc, E>(alloc, chunk, chunk);
    decay.lay(alloc, chunk);
    partial = alloc.template scratch<A>(Shape::warps);
    lone.lay(alloc);
    if constexpr (Shape::sums_rows) dots = alloc.template scratch<A>(Shape::warps * chunk);
    if constexpr (Shape::shares > 1) exchange = alloc.template scratch<A>((Shape::shares - 1) * share_threads * (chunk / 2));
  }

  SUPRA_FN void load(Team& team, int, const A* from) {
    const auto put = [&](A& x, int i) { x = from ? from[i] : A(0); };
    each_number(team, put), lone.each_number(team, put);
    if constexpr (Shape::lone) team.sync();
  }
  SUPRA_FN void store(Team& team, int, A* to) {
    if (to == nullptr) return;
    const auto take = [&](A& x, int i) { to[i] = x; };
    if (own_half(own_group(team)) == 0) each_number(team, take);
    lone.each_number(team, take);
  }
  SUPRA_FN void dot(Team& team, const A* d, A* to) {
    A sum = 0;
    const auto add = [&](A& x, int i) { sum += x * d[i]; };
    if (own_half(own_group(team)) == 0) each_number(team, add);
    lone.each_number(team, add);
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
  SUPRA_FN void step(Team& team, tile<R> out, tile<E> x, tile<E> y, tile<E> z, bool, tile<E> with = {}) {
    const int n = x.rows, lane = team.lane(), group = own_group(team), first = own_half(group) * own_tokens;
    if (n < chunk) {
      clear(team, x), clear(team, y), clear(team, z);
      team.sync();
    }
    weigh(team, group, x, y);
    A o[own_tokens / 2];
    from_state(o, x, first, own_share(group) * own_depth);
    if constexpr (Shape::lone_along) lone.add_to(o, x, first, own_row(team) + lane / 4, lane);
    scale_columns(o, carry() + first, lane);
    team.sync();  // the weights are whole; x has been read
    const int begin = own_share(group) * (chunk / Shape::shares);
    const std::uint64_t from_z = across<chunk>(z.data, begin, 64 * own_slice(group)),
                        from_w = along<chunk>(weights.data, first, begin);
    begin_products();
#pragma unroll
    for (int t = 0; t < chunk / Shape::shares; t += 16)
      warpgroup_product<own_tokens>::a_across(o, across_from<chunk>(from_z, t), along_from<chunk>(from_w, t), true);
    end_of_products();
    wait_for_products<0>();
    const bool whole = add_shares(team, group, o);
    if constexpr (Shape::sums_rows)
      if (whole && with.data != nullptr) multiply_rows(o, with, first, own_row(team), lane);
    if (whole) put(o, out, first, own_row(team), lane);
    if constexpr (Shape::lone_across) {
      const int t = 32 * team.warp() + lane;
      if (t < chunk) {
        A all = lone.sums[t];
        for (int i = 1; i < Shape::groups; ++i) all += lone.sums[i * chunk + t];
        set_lone_number(out, t, Shape::value, all);
      }
    }
    advance<way>(team, group, y, z, true, total(n));
    team.sync();
  }
  // One of dv and dk, as the team's role says.
  SUPRA_FN void back(Team& team, int, tile<R> dk, tile<R> dv, tile<E> q, tile<E> d, tile<E> k, tile<E> v, bool on,
                     tile<E> with = {}) {
    if constexpr (Shape::role == walk_role::values)
      step<Shape::role>(team, dv, k, q, d, on);
    else
      step<Shape::role>(team, dk, v, d, q, on, with);
  }
  template <class Lanes>
  SUPRA_INLINE A dot_of(Lanes, tile<R>, tile<E>, int r) const {
    A all = dots[r];
    for (int w = 1; w < Shape::across / 16; ++w) all += dots[w * chunk + r];
    return all;
  }
  template <direction Dir>
  SUPRA_FN void gather(Team& team, tile<E> y, tile<E> z, bool keep) {
    const int n = y.rows;
    if (n < chunk) {
      clear(team, y), clear(team, z);
      team.sync();
    }
    advance<Dir>(team, own_group(team), y, z, keep, total(n));
    team.sync();
  }
  SUPRA_FN A total(int n) const { return decay.up[n - 1]; }

 private:
  SUPRA_INLINE const A* carry() const { return Shape::reverse ? decay.down : decay.up; }
  // This warpgroup's number, and what it has: of the state, 64 columns and a share of their depth; of the result's tokens, all
  // or a half. The first of the columns that are this warp's.
  static SUPRA_INLINE int own_group(const Team& team) { return of_first_lane(team.warp() / 4); }
  static SUPRA_INLINE int own_slice(int group) {
    return Shape::slices == 1 ? 0 : Shape::shares == 1 ? group : group % Shape::slices;
  }
  static SUPRA_INLINE int own_share(int group) { return Shape::shares == 1 ? 0 : group / Shape::slices; }
  static SUPRA_INLINE int own_half(int group) { return Shape::halves == 1 ? 0 : group; }
  static SUPRA_INLINE int own_row(const Team& team) {
    return Shape::groups == Shape::slices ? 16 * team.warp() : 64 * own_slice(team.warp() / 4) + 16 * (team.warp() % 4);
  }

  // f(number, its place in an (F, columns) array) of every number of the state that this thread holds.
  template <class F>
  SUPRA_FN void each_number(Team& team, F f) {
    const int c = own_row(team) + team.lane() / 4, d = own_share(team.warp() / 4) * own_depth + team.lane() % 4 * 2;
    constexpr int over = Shape::by_value ? 1 : Shape::columns, under = Shape::by_value ? Shape::columns : 1;
#pragma unroll
    for (int i = 0; i < own_depth / 2; ++i)
      if (Shape::across % 64 == 0 || c + i / 2 % 2 * 8 < Shape::across)
        f(s[i], (c + i / 2 % 2 * 8) * over + (d + i / 4 * 8 + i % 2) * under);
  }
  // Tokens that the chunk does not have become zero, so that whole tiles can be multiplied.
  static SUPRA_FN void clear(Team& team, tile<E> t) {
    const int me = 32 * team.warp() + team.lane(), pieces = t.cols / 2;
    for (int i = me; i < (chunk - t.rows) * pieces; i += Shape::threads)
      *reinterpret_cast<std::uint32_t*>(column_of<chunk>(t.row(t.rows + i / pieces), i % pieces * 2)) = 0;
    if (t.cols == Shape::value + 1)
      for (int i = t.rows + me; i < chunk; i += Shape::threads) lone_number(t, i, Shape::value) = 0;
  }
  // W = mask(X Y^T): all rows of some columns are a warpgroup's, 16 of them this warp's. Where all of eight columns are seen by
  // all of those rows, a token m between them halves the decay: exp(b_i - b_m) exp(b_m - b_j), both at most 1.
  SUPRA_FN void weigh(Team& team, int group, tile<E> x, tile<E> y) const {
    const int lane = team.lane(), first = group * own_columns;
    const std::uint64_t from_x = along<chunk>(x.data, 0, 0), from_y = along<chunk>(y.data, first, 0);
    A w[own_columns / 2];
    begin_products();
#pragma unroll
    for (int k = 0; k < depth; k += 16)
      warpgroup_product<own_columns>::both_along(w, along_from<chunk>(from_x, k), along_from<chunk>(from_y, k), k > 0);
    end_of_products();
    const int top = team.warp() % 4 * 16, i = top + lane / 4;
    const int m = Shape::reverse ? top + 15 : top > 0 ? top - 1 : 0;
    const decay_at between = at(m), rows[2] = {at(i), at(i + 8)};
    const A row[2] = {kept(rows[0], between), kept(rows[1], between)};
    A lone_sums[2] = {};
    if constexpr (Shape::lone_across) lone.from_state(lone_sums, x, carry(), top, group, lane);
    wait_for_products<0>();
    if constexpr (Shape::lone_along) {
      const A* const over = &lone_number(y, 0, Shape::value);
      const A across[2] = {lone_number(x, i, Shape::value), lone_number(x, i + 8, Shape::value)};
#pragma unroll
      for (int k = 0; k < own_columns / 2; ++k) w[k] += across[k / 2 % 2] * over[first + k / 4 * 8 + lane % 4 * 2 + k % 2];
    }
    // Eight columns at a time: those of a row lie where the row's own bits say (column_of), in rows i and i + 8 alike.
    placed* const to = weights.row(i) + lane % 4 * 2;
    const int eight = group * (own_columns / 8) ^ swizzle_of(weights.row(i));
#pragma unroll
    for (int k = 0; k < own_columns / 8; ++k) {
      const int c = first + 8 * k, j = c + lane % 4 * 2;
      A f[4] = {};
      if (Shape::reverse ? c >= top + 16 : c + 8 <= top) {
        const A column[2] = {kept(between, at(j)), kept(between, at(j + 1))};
        f[0] = row[0] * column[0], f[1] = row[0] * column[1], f[2] = row[1] * column[0], f[3] = row[1] * column[1];
      } else if (Shape::reverse ? c + 8 > top : c < top + 16) {
        const decay_at columns[2] = {at(j), at(j + 1)};
#pragma unroll
        for (int h = 0; h < 4; ++h) {
          const int r = i + h / 2 * 8, q = j + h % 2;
          const A all = kept(rows[h / 2], columns[h % 2]);  // beyond the mask it may be infinite
          f[h] = (Shape::reverse ? q >= r : q <= r) ? all : A(0);
        }
      }
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const A left = w[4 * k + 2 * h] * f[2 * h], right = w[4 * k + 2 * h + 1] * f[2 * h + 1];
        *reinterpret_cast<std::uint32_t*>(to + (eight ^ k) * 8 + h * 8 * panel_columns) = pack(left, right);
        if constexpr (Shape::lone_across) lone_sums[h] += left + right;
      }
    }
    if constexpr (Shape::lone_across)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        A sum = lone_sums[h];
        sum += shuffle_xor(0xffffffffu, sum, 1), sum += shuffle_xor(0xffffffffu, sum, 2);
        if (lane % 4 == 0) lone.sums[group * chunk + i + 8 * h] = sum;
      }
  }
  // The decay's sum up to a token, as chunk_decay keeps it; and what is left of token j where the walk has come to i.
  struct decay_at {
    A sum, rest;
  };
  SUPRA_INLINE decay_at at(int i) const { return {decay.sum[i], decay.rest[i]}; }
  static SUPRA_INLINE A kept(decay_at i, decay_at j) {
    return math::exp(Shape::reverse ? (j.sum - i.sum) + (j.rest - i.rest) : (i.sum - j.sum) + (i.rest - j.rest));
  }

  // Where warpgroups share the depth, the first has the sums of all; false for the others.
  SUPRA_FN bool add_shares(Team& team, int group, A (&o)[own_tokens / 2]) const {
    if constexpr (Shape::shares == 1) return true;
    const int share = own_share(group);
    A* const there = exchange + (32 * team.warp() + team.lane()) % share_threads;
    constexpr int each = share_threads * (chunk / 2);
    if (share > 0)
#pragma unroll
      for (int i = 0; i < chunk / 2; ++i) there[(share - 1) * each + i * share_threads] = o[i];
    sync_threads(1 + own_slice(group), 128 * Shape::shares);
    if (share == 0)
#pragma unroll
      for (int s = 0; s < Shape::shares - 1; ++s)
#pragma unroll
        for (int i = 0; i < chunk / 2; ++i) o[i] += there[s * each + i * share_threads];
    return share == 0;
  }

  // O^T = S^T X^T of x's tokens from `first`, over its columns from `c`, a few operands at a time: registers are scarce.
  SUPRA_FN void from_state(A (&o)[own_tokens / 2], tile<E> x, int first, int c) const {
    constexpr int steps = own_depth / 16, batch = 2;
    const std::uint64_t from_x = along<chunk>(x.data, first, c);
#pragma unroll
    for (int k = 0; k < steps; k += batch) {
      std::uint32_t a[batch][4];
#pragma unroll
      for (int i = 0; i < batch && k + i < steps; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) a[i][j] = pack(s[8 * (k + i) + 2 * j], s[8 * (k + i) + 2 * j + 1]);
      begin_products();
#pragma unroll
      for (int i = 0; i < batch && k + i < steps; ++i)
        warpgroup_product<own_tokens>::b_along(o, a[i], along_from<chunk>(from_x, 16 * (k + i)), k + i > 0);
      end_of_products();
      wait_for_products<0>();
    }
  }
  static SUPRA_FN void scale_columns(A (&o)[own_tokens / 2], const A* by, int lane) {
#pragma unroll
    for (int t = 0; t < own_tokens / 8; ++t) {
      const A b0 = by[8 * t + lane % 4 * 2], b1 = by[8 * t + lane % 4 * 2 + 1];
      o[4 * t] *= b0, o[4 * t + 1] *= b1, o[4 * t + 2] *= b0, o[4 * t + 3] *= b1;
    }
  }
  // S^T = past S^T + (update Z)^T Y; without `keep`, S was zero. This warp's 16 columns of Z are operands in
  // registers, 16 tokens a step.
  template <direction Dir>
  SUPRA_FN void advance(Team& team, int group, tile<E> y, tile<E> z, bool keep, A past) {
    const int lane = team.lane(), c = own_row(team) + lane / 8 % 2 * 8;
    const std::uint64_t from_y = across<chunk>(y.data, 0, own_share(group) * own_depth);
    const A* const update = Dir == direction::forward ? decay.down : decay.up;
    const bf16* const from_z = column_of<chunk>(z.row(lane / 16 * 8 + lane % 8), c);
    std::uint32_t a[chunk / 16][4];
#pragma unroll
    for (int t = 0; t < chunk / 16; ++t) {
      load_blocks_transposed(a[t], from_z + 16 * t * panel_columns);
      const int q = 16 * t + 2 * (lane % 4);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int at = q + i / 2 * 8;
        a[t][i] = pack(first_of(a[t][i]) * update[at], second_of(a[t][i]) * update[at + 1]);
      }
    }
#pragma unroll
    for (A& x : s) x *= past;
    begin_products();
#pragma unroll
    for (int t = 0; t < chunk / 16; ++t)
      warpgroup_product<wide_depth>::b_across(s, a[t], across_from<chunk>(from_y, 16 * t), true);
    end_of_products();
    if constexpr (Shape::lone_across) lone.advance(team, y, z, update, keep, past);
    if constexpr (Shape::lone_along) {
      A c[4] = {};
#pragma unroll
      for (int t = 0; t < chunk / 16; ++t) {
        const A* const u = &lone_number(y, 16 * t + lane % 4 * 2, Shape::value);
        multiply_add(c, a[t], lone.in_two(u[0], u[1], lane), lone.in_two(u[8], u[9], lane));
      }
      if (own_half(group) == 0) lone.keep_sums(c, own_row(team), keep, past, lane);
    }
    wait_for_products<0>();
  }

  // O times the rows of `with`, the 16 columns from c of every token from `begin`.
  SUPRA_FN void multiply_rows(const A (&o)[own_tokens / 2], tile<E> with, int begin, int c, int lane) const {
    if (c >= Shape::across) return;  // nothing is in the rest of a panel
    const bf16* const from = column_of<chunk>(with.row(begin + lane / 16 * 8 + lane % 8), c + lane / 8 % 2 * 8);
#pragma unroll
    for (int t = 0; t < own_tokens / 8; t += 2) {
      std::uint32_t r[4];
      load_blocks_transposed(r, from + 8 * t * panel_columns);
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const int at = 4 * (t + i);
        A first = o[at] * first_of(r[2 * i]) + o[at + 2] * first_of(r[2 * i + 1]),
          second = o[at + 1] * second_of(r[2 * i]) + o[at + 3] * second_of(r[2 * i + 1]);
#pragma unroll
        for (int m = 4; m < 32; m *= 2)
          first += shuffle_xor(0xffffffffu, first, m), second += shuffle_xor(0xffffffffu, second, m);
        A* const to = dots + c / 16 * chunk + begin + 8 * (t + i) + 2 * lane;
        if (lane < 4) to[0] = first, to[1] = second;
      }
    }
  }
  // O to its tile: 16 columns from c of every token from `first`.
  static SUPRA_FN void put(const A (&o)[own_tokens / 2], tile<E> out, int first, int c, int lane) {
    bf16* const to = column_of<chunk>(out.row(first + lane / 16 * 8 + lane % 8), c + lane / 8 % 2 * 8);
#pragma unroll
    for (int t = 0; t < own_tokens / 8; t += 2) {
      const std::uint32_t r[4] = {pack(o[4 * t], o[4 * t + 1]), pack(o[4 * t + 2], o[4 * t + 3]),
                                  pack(o[4 * t + 4], o[4 * t + 5]), pack(o[4 * t + 6], o[4 * t + 7])};
      store_blocks_transposed(r, to + 8 * t * panel_columns);
    }
  }
};

}  // namespace supra::cuda
