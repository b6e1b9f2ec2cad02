// The walk (core/walk.hpp) on tensor cores, bf16 operands and float sums. The state never leaves the registers: it is kept
// transposed, 16 columns and half of their depth to each warp, so that its packed accumulators are an operand of the next
// product, and two warps make 16 columns of the output:
//   O^T = S^T X^T + Z^T W^T,  W = mask(X Y^T),  S^T = exp(b_last) S^T + (update Z)^T Y.
// For teams of Shape::warps whole warps; verbs are called by all of them.
#pragma once

#include "supra/core/walk.hpp"
#include "supra/cuda/instructions.hpp"

namespace supra::cuda {

template <class Team, class Shape>
struct tensor_walk;
template <class Shape>
struct staging_lanes;

// Head: d and e; Mapped: F; Columns: e, and one where the normalizer wants the denominator; Rows: what a kernel loads of each
// token; Turns: and its angles.
template <walk_role Role, int Head, int Mapped, int Columns, int Rows, bool Turns>
struct tensor_shape {
  static constexpr int rows = Rows;
  static constexpr bool turns = Turns;
  static constexpr walk_role role = Role;
  static constexpr bool reverse = Role == walk_role::values || Role == walk_role::keys;
  // The state's columns are those of z, its depth the columns of x and y.
  static constexpr bool by_value = Role == walk_role::output || Role == walk_role::values;
  static constexpr int head = Head, value = Head, mapped = Mapped, columns = Columns, wide = round_up(Columns, 16);
  static constexpr int across = by_value ? wide : Mapped, depth = by_value ? Mapped : wide;
  static constexpr int slices = across / 16, halves = 2, warps = halves * slices, threads = 32 * warps;
  static constexpr int chunk = 64, blocks = threads > 288 ? 1 : 2;
  static constexpr int lanes_a_row = 8, piece = (Head < Mapped ? Head : Mapped) / 16;
  static constexpr bool engine = false;
  using lanes = staging_lanes<tensor_shape>;
  using operand = bf16;
  using result = float;
  template <class Team>
  using walk = tensor_walk<Team, tensor_shape>;
};

template <class Team, class Shape>
struct tensor_walk {
  using A = float;
  using E = bf16;
  static constexpr int columns = Shape::columns, chunk = Shape::chunk;
  static constexpr direction way = Shape::reverse ? direction::reverse : direction::forward;
  // Steps of 16 along the depth that a warp owns: the first half of the warps has the odd one.
  static constexpr int steps = Shape::depth / 16, own_steps = (steps + 1) / 2;

  chunk_decay<A> decay;
  tile<E> weights;
  A* partial = nullptr;   // one number a warp
  A s[2 * own_steps][4];  // this thread's part of the state: accumulators of 16 x 8 blocks

  template <class Alloc>
  SUPRA_FN void lay(Alloc& alloc, int, int, int, int) {
    decay.lay(alloc, chunk);
    weights = take_tile<Alloc, E>(alloc, chunk, chunk);
    partial = alloc.template scratch<A>(Shape::warps);
  }

  SUPRA_FN void load(Team& team, int, const A* from) {
    each_number(team, [&](A& x, int f, int e) { x = from && e < columns ? from[f * columns + e] : A(0); });
  }
  SUPRA_FN void store(Team& team, int, A* to) {
    if (to == nullptr) return;
    each_number(team, [&](A& x, int f, int e) {
      if (e < columns) to[f * columns + e] = x;
    });
  }
  SUPRA_FN void dot(Team& team, const A* d, A* to) {
    A sum = 0;
    each_number(team, [&](A& x, int f, int e) {
      if (e < columns) sum += x * d[f * columns + e];
    });
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
  SUPRA_FN void step(Team& team, tile<A> o, tile<E> x, tile<E> y, tile<E> z, bool on, tile<E> = {}) {
    const bool changed = clear(team, x) | clear(team, y) | clear(team, z);
    if (changed) team.sync();
    weigh(team, x, y);
    team.sync();
    slice(team, o, x, y, z, on);
    team.sync();
  }
  // One of dv and dk, as the team's role says.
  SUPRA_FN void back(Team& team, int, tile<A> dk, tile<A> dv, tile<E> q, tile<E> d, tile<E> k, tile<E> v, bool on,
                     tile<E> = {}) {
    if constexpr (Shape::role == walk_role::values)
      step<Shape::role>(team, dv, k, q, d, on);
    else
      step<Shape::role>(team, dk, v, d, q, on);
  }
  template <class Lanes>
  SUPRA_INLINE A dot_of(Lanes lanes, tile<A> o, tile<E> with, int r) const {
    auto x = hold<Shape::by_value ? width::head : width::mapped>(lanes, memory_row<E, A>{with.row(r), o.cols});
    auto y = hold<Shape::by_value ? width::head : width::mapped>(lanes, memory_row<A, A>{o.row(r), o.cols});
    x.load(), y.load();
    return lanes.sum(o.cols, [a = x.view(), b = y.view()](auto i) { return a[i] * b[i]; });
  }
  template <direction Dir>
  SUPRA_FN void gather(Team& team, tile<E> y, tile<E> z, bool keep) {
    const bool changed = clear(team, y) | clear(team, z);
    if (changed) team.sync();
    const A past = keep ? total(y.rows) : A(0);
#pragma unroll
    for (auto& b : s)
#pragma unroll
      for (A& x : b) x = keep ? x * past : A(0);
#pragma unroll
    for (int t = 0; t < chunk; t += 16) {
      const auto a = columns_of(z, t, 16 * own_slice(team), team.lane());
      advance(team, scaled(a, (Dir == direction::forward ? decay.down : decay.up) + t, y.rows - t, team.lane()), y, t);
    }
    team.sync();
  }
  SUPRA_FN A total(int n) const { return decay.up[n - 1]; }

 private:
  struct operand {
    std::uint32_t r[4];
  };
  static SUPRA_FN int own_slice(const Team& team) { return team.warp() / 2; }
  static SUPRA_FN int own_half(const Team& team) { return team.warp() % 2; }

  // f(number, feature, column) of every number of the state that this thread holds.
  template <class F>
  SUPRA_FN void each_number(Team& team, F f) {
    const int first = own_slice(team) * 16 + team.lane() / 4, along = own_half(team) * own_steps * 16 + team.lane() % 4 * 2;
#pragma unroll
    for (int b = 0; b < 2 * own_steps; ++b)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int c = first + i / 2 * 8, d = along + 8 * b + i % 2;
        if (d < Shape::depth) Shape::by_value ? f(s[b][i], d, c) : f(s[b][i], c, d);
      }
  }
  // Rows beyond the chunk's tokens and columns beyond the row's become zero, so that whole blocks can be multiplied.
  SUPRA_FN bool clear(Team& team, tile<E> t) const {
    const int end = round_up(t.cols, 16), me = 32 * team.warp() + team.lane();
    if (t.rows < chunk)
      for (int i = me; i < (chunk - t.rows) * end; i += Shape::threads) t.row(t.rows + i / end)[i % end] = E();
    if (t.cols < end)
      for (int i = me; i < t.rows * (end - t.cols); i += Shape::threads)
        t.row(i / (end - t.cols))[t.cols + i % (end - t.cols)] = E();
    return t.rows < chunk || t.cols < end;
  }

  // The operand a of 16 tokens from t (rows of the product) and 16 features from f.
  static SUPRA_FN operand rows_of(tile<E> x, int t, int f, int lane) {
    operand a;
    load_blocks(a.r, x.row(t + lane % 16) + f + lane / 16 * 8);
    return a;
  }
  // The operand a of 16 columns from c (rows of the product) and 16 tokens from t.
  static SUPRA_FN operand columns_of(tile<E> z, int t, int c, int lane) {
    operand a;
    load_blocks_transposed(a.r, z.row(t + lane / 16 * 8 + lane % 8) + c + lane / 8 % 2 * 8);
    return a;
  }
  // Two operands b: tokens t .. t + 15 as columns of the product, 16 features from f; r[0], r[1] of the first eight tokens.
  static SUPRA_FN operand tokens_of(tile<E> x, int t, int f, int lane) {
    operand b;
    load_blocks(b.r, x.row(t + lane / 16 * 8 + lane % 8) + f + lane / 8 % 2 * 8);
    return b;
  }
  // Two operands b: features f .. f + 15 as columns of the product, 16 tokens from t.
  static SUPRA_FN operand features_of(tile<E> y, int t, int f, int lane) {
    operand b;
    load_blocks_transposed(b.r, y.row(t + lane % 16) + f + lane / 16 * 8);
    return b;
  }

  // W = mask(X Y^T) in blocks of 16 x 16, shared out among the warps. Only blocks that hold a pair that sees.
  SUPRA_FN void weigh(Team& team, tile<E> x, tile<E> y) const {
    constexpr int blocks = chunk / 16, all = blocks * (blocks + 1) / 2;
    const int lane = team.lane(), n = x.rows;
    for (int u = team.warp(); u < all; u += Shape::warps) {
      int i = 0, j = u;
      while (j > i) j -= ++i;  // row i of the triangle has i + 1 blocks
      if (Shape::reverse) i = blocks - 1 - i, j = blocks - 1 - j;
      float c[2][4] = {};
#pragma unroll
      for (int f = 0; f < Shape::depth; f += 16) {
        const auto a = rows_of(x, 16 * i, f, lane), b = tokens_of(y, 16 * j, f, lane);
        multiply_add(c[0], a.r, b.r[0], b.r[1]), multiply_add(c[1], a.r, b.r[2], b.r[3]);
      }
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        const int row = 16 * i + lane / 4 + k % 2 * 8, col = 16 * j + k / 2 * 8 + lane % 4 * 2;
        const float* from = &c[k / 2][k % 2 * 2];
        *reinterpret_cast<std::uint32_t*>(weights.row(row) + col) =
            pack(weight(from[0], row, col, n), weight(from[1], row, col + 1, n));
      }
    }
  }
  SUPRA_FN float weight(float w, int i, int j, int n) const {
    const bool seen = Shape::reverse ? j >= i && j < n : j <= i && i < n;
    return seen ? w * math::exp(Shape::reverse ? decay.between(j, i) : decay.between(i, j)) : 0.0f;
  }

  // Two warps' 16 columns of the output, each from its half of the depth and of the tokens, and their parts of the state.
  SUPRA_FN void slice(Team& team, tile<A> out, tile<E> x, tile<E> y, tile<E> z, bool on) {
    const int n = x.rows, lane = team.lane(), q = lane % 4 * 2, first = 16 * own_slice(team), half = own_half(team);
    const A* carry = Shape::reverse ? decay.down : decay.up;
    const A* update = Shape::reverse ? decay.up : decay.down;
    float o[chunk / 8][4] = {};
#pragma unroll
    for (int k = 0; k < own_steps; ++k) {
      const int step = half * own_steps + k;
      if (step >= steps) break;
      const auto &left = s[2 * k], &right = s[2 * k + 1];
      const std::uint32_t a[4] = {pack(left[0], left[1]), pack(left[2], left[3]), pack(right[0], right[1]),
                                  pack(right[2], right[3])};
#pragma unroll
      for (int t = 0; t < chunk; t += 16) {
        const auto b = tokens_of(x, t, 16 * step, lane);
        multiply_add(o[t / 8], a, b.r[0], b.r[1]), multiply_add(o[t / 8 + 1], a, b.r[2], b.r[3]);
      }
    }
#pragma unroll
    for (int t = 0; t < chunk / 8; ++t)
#pragma unroll
      for (int i = 0; i < 4; ++i) o[t][i] *= 8 * t + q + i % 2 < n ? carry[8 * t + q + i % 2] : A(0);
    if (on) {
      const A past = total(n);
#pragma unroll
      for (auto& b : s)
#pragma unroll
        for (A& v : b) v *= past;
    }
#pragma unroll
    for (int j = 0; j < chunk / 16; ++j) {
      const auto a = columns_of(z, 16 * j, first, lane);
      if ((j % 3 == 0) == (half == 0)) {  // blocks 0, 3 and 1, 2: as many pairs each
#pragma unroll
        for (int t = 0; t < chunk / 16; ++t) {
          if (Shape::reverse ? t > j : t < j) continue;
          const auto b = tokens_of(weights, 16 * t, 16 * j, lane);
          multiply_add(o[2 * t], a.r, b.r[0], b.r[1]), multiply_add(o[2 * t + 1], a.r, b.r[2], b.r[3]);
        }
      }
      if (on) advance(team, scaled(a, update + 16 * j, n - 16 * j, lane), y, 16 * j);
    }
    // The second warp's sums first, then the first warp's on top.
    A* const to = out.row(q) + first + lane / 4;
    if (half == 1) put(o, to, out.stride, [](A& there, A x) { there = x; });
    team.sync_pair(own_slice(team));
    if (half == 0) put(o, to, out.stride, [](A& there, A x) { there += x; });
  }
  template <class F>
  static SUPRA_FN void put(const float (&o)[chunk / 8][4], A* to, std::int64_t stride, F f) {
#pragma unroll
    for (int t = 0; t < chunk / 8; ++t)
#pragma unroll
      for (int i = 0; i < 4; ++i) f(to[(8 * t + i % 2) * stride + i / 2 * 8], o[t][i]);
  }
  // Columns of 16 tokens, each times its token's factor; tokens from n on: zero.
  static SUPRA_FN operand scaled(const operand& a, const A* factor, int n, int lane) {
    const int q = 2 * (lane % 4);
    auto at = [&](int t) { return t < n ? factor[t] : A(0); };
    const A u0 = at(q), u1 = at(q + 1), u2 = at(q + 8), u3 = at(q + 9);
    return {{pack(first_of(a.r[0]) * u0, second_of(a.r[0]) * u1), pack(first_of(a.r[1]) * u0, second_of(a.r[1]) * u1),
             pack(first_of(a.r[2]) * u2, second_of(a.r[2]) * u3), pack(first_of(a.r[3]) * u2, second_of(a.r[3]) * u3)}};
  }
  SUPRA_FN void advance(Team& team, const operand& a, tile<E> y, int t) {
#pragma unroll
    for (int k = 0; k < own_steps; ++k) {
      const int step = own_half(team) * own_steps + k;
      if (step >= steps) break;
      const auto b = features_of(y, t, 16 * step, team.lane());
      multiply_add(s[2 * k], a.r, b.r[0], b.r[1]), multiply_add(s[2 * k + 1], a.r, b.r[2], b.r[3]);
    }
  }
};

}  // namespace supra::cuda
