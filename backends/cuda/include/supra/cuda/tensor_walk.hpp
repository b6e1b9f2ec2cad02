// The walk (core/walk.hpp) on tensor cores, bf16 operands and float sums, for any team of whole warps. The state never leaves
// the registers: it is kept transposed, a slice of 16 columns to each warp, so that its packed accumulators are an operand of
// the next product, and each warp makes the same 16 columns of the output:
//   O^T = S^T X^T + Z^T W^T,  W = mask(X Y^T),  S^T = exp(b_last) S^T + (update Z)^T Y.
// dv and dk are two such walks side by side, half of the warps each, the second with the state transposed.
#pragma once

#include "supra/core/walk.hpp"
#include "supra/cuda/instructions.hpp"

namespace supra::cuda {

SUPRA_FN constexpr int round_up(int n, int to) { return (n + to - 1) / to * to; }

// Given: d and e; Mapped: F; Columns: e, and one where the normalizer wants the denominator.
template <walk_role Role, int Given, int Mapped, int Columns>
struct tensor_shape {
  static constexpr walk_role role = Role;
  static constexpr int given = Given, mapped = Mapped, columns = Columns, wide = round_up(Columns, 16);
  static constexpr bool keys = Role == walk_role::keys;
  static constexpr int output_warps = wide / 16, query_warps = mapped / 16;
  static constexpr int warps = keys ? output_warps + query_warps : Role == walk_role::output ? output_warps : query_warps;
  // Bytes that tiles take with chunks of n tokens; rows stand 16 bytes further apart than they are long (see stride).
  static constexpr int bytes(int n) {
    const int q = n * (mapped + 8) * 2, v = n * (wide + 8) * 2, w = n * (n + 8) * 2, small = 4 * 4 * n + 1024;
    if (keys) return 2 * q + 2 * v + 2 * w + n * (mapped + wide + 8) * 4 + small;
    return Role == walk_role::output ? 2 * q + v + w + n * (wide + 4) * 4 + small
                                     : q + 2 * v + w + n * (mapped + 4) * 4 + small;
  }
  static constexpr int chunk(int most) { return bytes(64) <= most ? 64 : bytes(32) <= most ? 32 : 16; }
  // Rows of eight neighbouring tokens then lie in different banks.
  template <class E>
  static SUPRA_FN constexpr int stride(int cols) {
    return round_up(cols, 16) + (sizeof(E) == 2 ? 8 : 4);
  }
};

template <class Team, class Shape, int Chunk>
struct tensor_walk {
  using A = float;
  using E = bf16;
  static constexpr int mapped = Shape::mapped, columns = Shape::columns, wide = Shape::wide;
  static constexpr int depth = Shape::role == walk_role::output    ? mapped
                               : Shape::role == walk_role::queries ? wide
                               : mapped > wide                     ? mapped
                                                                   : wide;
  static constexpr int threads = 32 * Shape::warps;

  chunk_decay<A> decay;
  tile<E> weights, other_weights;  // the second: of dk's walk
  A* partial = nullptr;            // one number a warp
  A* states = nullptr;             // of the heads of a group, where there is more than one
  int heads = 1;
  A s[depth / 8][4];  // this thread's part of the state's slice: accumulators of 16 x 8 blocks

  template <class Alloc>
  SUPRA_FN void lay(Alloc& alloc, int, int, int, int group) {
    heads = group;
    decay.lay(alloc, Chunk);
    weights = take_tile<Alloc, E>(alloc, Chunk, Chunk);
    if constexpr (Shape::keys) other_weights = take_tile<Alloc, E>(alloc, Chunk, Chunk);
    partial = alloc.template scratch<A>(Shape::warps);
    if (group > 1) states = alloc.template far<A>(static_cast<std::int64_t>(group) * threads * (depth / 2));
  }

  SUPRA_FN void load(Team& team, int j, const A* from) {
    each_number(team,
                [&](A& x, int f, int e) { x = from && e < columns ? from[static_cast<std::int64_t>(f) * columns + e] : A(0); });
    if (heads > 1) keep(team, j);
  }
  SUPRA_FN void store(Team& team, int j, A* to) {
    if (to == nullptr) return;
    if (heads > 1) fetch(team, j);
    if (Shape::keys && team.warp() >= Shape::output_warps) return;  // the same state a second time
    each_number(team, [&](A& x, int f, int e) {
      if (e < columns) to[static_cast<std::int64_t>(f) * columns + e] = x;
    });
  }
  SUPRA_FN void dot(Team& team, const A* d, A* to) {
    A sum = 0;
    each_number(team, [&](A& x, int f, int e) {
      if (e < columns) sum += x * d[static_cast<std::int64_t>(f) * columns + e];
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
  SUPRA_FN void step(Team& team, tile<A> o, tile<E> x, tile<E> y, tile<E> z, bool on) {
    clear(team, y), clear(team, z);
    if constexpr (columns != wide) clear(team, x);
    if (columns != wide || x.rows < Chunk) team.sync();
    constexpr int deep = Shape::role == walk_role::output ? mapped : wide;
    weigh<direction::forward, deep>(team.warp(), Shape::warps, team.lane(), x, y, weights);
    team.sync();
    slice<direction::forward, deep>(team.warp(), team.lane(), o, x, y, z, weights, on);
    team.sync();
  }
  SUPRA_FN void back(Team& team, int j, tile<A> dk, tile<A> dv, tile<E> q, tile<E> d, tile<E> k, tile<E> v, bool on) {
    clear(team, q), clear(team, d);
    if constexpr (columns != wide) clear(team, v);
    if (heads > 1) fetch(team, j);
    if (columns != wide || q.rows < Chunk) team.sync();
    const bool second = team.warp() >= Shape::output_warps;
    const int warp = second ? team.warp() - Shape::output_warps : team.warp(), lane = team.lane();
    if constexpr (mapped == wide) {  // one code for both
      const tile<E> x = second ? v : k, y = second ? d : q, z = second ? q : d, w = second ? other_weights : weights;
      weigh<direction::reverse, mapped>(warp, Shape::query_warps, lane, x, y, w);
      team.sync();
      slice<direction::reverse, mapped>(warp, lane, second ? dk : dv, x, y, z, w, on);
    } else {
      if (second)
        weigh<direction::reverse, wide>(warp, Shape::query_warps, lane, v, d, other_weights);
      else
        weigh<direction::reverse, mapped>(warp, Shape::output_warps, lane, k, q, weights);
      team.sync();
      if (second)
        slice<direction::reverse, wide>(warp, lane, dk, v, d, q, other_weights, on);
      else
        slice<direction::reverse, mapped>(warp, lane, dv, k, q, d, weights, on);
    }
    if (heads > 1) keep(team, j);
    team.sync();
  }
  template <direction Dir>
  SUPRA_FN void gather(Team& team, tile<E> y, tile<E> z, bool keep) {
    clear(team, y), clear(team, z);
    team.sync();
    const A past = keep ? total(y.rows) : A(0);
    const A* update = Dir == direction::forward ? decay.down : decay.up;
#pragma unroll
    for (auto& b : s)
      for (A& x : b) x = keep ? x * past : A(0);
#pragma unroll
    for (int t = 0; t < Chunk; t += 16) {
      std::uint32_t a[4];
      columns_of(a, z, t, 16 * team.warp(), team.lane());
      advance<mapped>(scaled(a, update + t, y.rows - t, team.lane()), y, t, team.lane());
    }
    team.sync();
  }
  SUPRA_FN A total(int n) const { return decay.up[n - 1]; }

 private:
  struct operand {
    std::uint32_t r[4];
  };
  // f(number, feature, column) of every number of the state that this thread holds.
  template <class F>
  SUPRA_FN void each_number(Team& team, F f) {
    const int g = team.lane() / 4, q = team.lane() % 4;
    const bool second = Shape::keys && team.warp() >= Shape::output_warps;
    const int first = 16 * (second ? team.warp() - Shape::output_warps : team.warp());
    const bool along_features = Shape::role == walk_role::output || (Shape::keys && !second);
    const int deep = along_features ? mapped : wide;
#pragma unroll
    for (int b = 0; b < depth / 8; ++b)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int across = first + g + (i / 2) * 8, along = 8 * b + 2 * q + i % 2;
        if (along < deep) along_features ? f(s[b][i], along, across) : f(s[b][i], across, along);
      }
  }
  SUPRA_FN void keep(Team& team, int j) {
    swap_with(team, j, [](A& mine, A& far) { far = mine; });
  }
  SUPRA_FN void fetch(Team& team, int j) {
    swap_with(team, j, [](A& mine, A& far) { mine = far; });
  }
  template <class F>
  SUPRA_FN void swap_with(Team& team, int j, F f) {
    A* const far = states + static_cast<std::int64_t>(j) * threads * (depth / 2) + 32 * team.warp() + team.lane();
#pragma unroll
    for (int b = 0; b < depth / 8; ++b)
#pragma unroll
      for (int i = 0; i < 4; ++i) f(s[b][i], far[(4 * b + i) * threads]);
  }

  // Rows beyond the chunk's tokens and columns beyond the row's: zero, so that whole blocks can be multiplied.
  SUPRA_FN void clear(Team& team, tile<E> t) const {
    const int end = round_up(t.cols, 16), me = 32 * team.warp() + team.lane();
    if (t.rows < Chunk)
      for (int i = me; i < (Chunk - t.rows) * end; i += threads) t.row(t.rows + i / end)[i % end] = E();
    if (t.cols < end)
      for (int i = me; i < t.rows * (end - t.cols); i += threads) t.row(i / (end - t.cols))[t.cols + i % (end - t.cols)] = E();
  }

  // The operand a of 16 tokens from t (rows of the product) and 16 features from f.
  static SUPRA_FN void rows_of(std::uint32_t (&a)[4], tile<E> x, int t, int f, int lane) {
    load_blocks(a, x.row(t + lane % 16) + f + lane / 16 * 8);
  }
  // The operand a of 16 columns from c (rows of the product) and 16 tokens from t.
  static SUPRA_FN void columns_of(std::uint32_t (&a)[4], tile<E> z, int t, int c, int lane) {
    load_blocks_transposed(a, z.row(t + lane / 16 * 8 + lane % 8) + c + lane / 8 % 2 * 8);
  }
  // Two operands b: tokens t .. t + 15 as columns of the product, 16 features from f: r[0], r[1] of the first eight tokens.
  static SUPRA_FN void tokens_of(std::uint32_t (&b)[4], tile<E> x, int t, int f, int lane) {
    load_blocks(b, x.row(t + lane / 16 * 8 + lane % 8) + f + lane / 8 % 2 * 8);
  }
  // Two operands b: features f .. f + 15 as columns of the product, 16 tokens from t.
  static SUPRA_FN void features_of(std::uint32_t (&b)[4], tile<E> y, int t, int f, int lane) {
    load_blocks_transposed(b, y.row(t + lane % 16) + f + lane / 16 * 8);
  }

  // Two operands b: eight tokens from t as columns of the product, 16 features from f, then 16 from f + 16.
  static SUPRA_FN void few_tokens_of(std::uint32_t (&b)[4], tile<E> y, int t, int f, int lane) {
    load_blocks(b, y.row(t + lane % 8) + f + lane / 8 * 8);
  }

  // W = mask(X Y^T) in blocks of 16 x 8, shared out among `warps` warps. Of each block of 16 x 16 that holds a pair that sees.
  template <direction Dir, int Deep>
  SUPRA_FN void weigh(int warp, int warps, int lane, tile<E> x, tile<E> y, tile<E> w) const {
    constexpr int down = Chunk / 16, across = Chunk / 8;
    const int n = x.rows;
    for (int u = warp; u < down * across; u += warps) {
      const int i = u / across * 16, j = u % across * 8;
      if (Dir == direction::forward ? j >= i + 16 : j < i) continue;
      float c[4] = {}, more[4] = {};
#pragma unroll
      for (int f = 0; f < Deep; f += 32) {
        std::uint32_t a[4], b[4];
        few_tokens_of(b, y, j, f, lane), rows_of(a, x, i, f, lane);
        multiply_add(c, a, b[0], b[1]);
        if (f + 16 == Deep) break;
        rows_of(a, x, i, f + 16, lane);
        multiply_add(more, a, b[2], b[3]);
      }
      const int row = i + lane / 4, col = j + lane % 4 * 2;
#pragma unroll
      for (int k = 0; k < 2; ++k)
        *reinterpret_cast<std::uint32_t*>(w.row(row + 8 * k) + col) =
            pack(weight<Dir>(c[2 * k] + more[2 * k], row + 8 * k, col, n),
                 weight<Dir>(c[2 * k + 1] + more[2 * k + 1], row + 8 * k, col + 1, n));
    }
  }
  template <direction Dir>
  SUPRA_FN float weight(float w, int i, int j, int n) const {
    const bool seen = Dir == direction::forward ? j <= i && i < n : j >= i && j < n;
    if (!seen) return 0;
    return w * math::exp(Dir == direction::forward ? decay.between(i, j) : decay.between(j, i));
  }

  // This warp's 16 columns of the output, and its slice of the state.
  template <direction Dir, int Deep>
  SUPRA_FN void slice(int warp, int lane, tile<A> out, tile<E> x, tile<E> y, tile<E> z, tile<E> w, bool on) {
    const int n = x.rows, q = lane % 4, first = 16 * warp;
    const A* carry = Dir == direction::forward ? decay.up : decay.down;
    const A* update = Dir == direction::forward ? decay.down : decay.up;
    float o[Chunk / 8][4] = {};
#pragma unroll
    for (int f = 0; f < Deep; f += 16) {
      const auto &left = s[f / 8], &right = s[f / 8 + 1];
      const std::uint32_t a[4] = {pack(left[0], left[1]), pack(left[2], left[3]), pack(right[0], right[1]),
                                  pack(right[2], right[3])};
#pragma unroll
      for (int t = 0; t < Chunk; t += 16) {
        std::uint32_t b[4];
        tokens_of(b, x, t, f, lane);
        multiply_add(o[t / 8], a, b[0], b[1]), multiply_add(o[t / 8 + 1], a, b[2], b[3]);
      }
    }
#pragma unroll
    for (int t = 0; t < Chunk / 8; ++t)
#pragma unroll
      for (int i = 0; i < 4; ++i) o[t][i] *= 8 * t + 2 * q + i % 2 < n ? carry[8 * t + 2 * q + i % 2] : A(0);
    const A past = on ? total(n) : A(1);
#pragma unroll
    for (int b = 0; b < Deep / 8; ++b)
#pragma unroll
      for (int i = 0; i < 4; ++i) s[b][i] *= past;
#pragma unroll
    for (int j = 0; j < Chunk; j += 16) {
      std::uint32_t a[4];
      columns_of(a, z, j, first, lane);
#pragma unroll
      for (int t = 0; t < Chunk; t += 16) {
        if (Dir == direction::forward ? t < j : t > j) continue;
        std::uint32_t b[4];
        tokens_of(b, w, t, j, lane);
        multiply_add(o[t / 8], a, b[0], b[1]), multiply_add(o[t / 8 + 1], a, b[2], b[3]);
      }
      if (on) advance<Deep>(scaled(a, update + j, n - j, lane), y, j, lane);
    }
#pragma unroll
    for (int t = 0; t < Chunk / 8; ++t)
#pragma unroll
      for (int i = 0; i < 4; ++i) out.row(8 * t + 2 * q + i % 2)[first + lane / 4 + i / 2 * 8] = o[t][i];
  }
  // Columns of 16 tokens, each times its token's factor; tokens from n on: zero.
  static SUPRA_FN operand scaled(const std::uint32_t (&a)[4], const A* factor, int n, int lane) {
    const int q = 2 * (lane % 4);
    auto at = [&](int t) { return t < n ? factor[t] : A(0); };
    const A u0 = at(q), u1 = at(q + 1), u2 = at(q + 8), u3 = at(q + 9);
    return {{pack(first_of(a[0]) * u0, second_of(a[0]) * u1), pack(first_of(a[1]) * u0, second_of(a[1]) * u1),
             pack(first_of(a[2]) * u2, second_of(a[2]) * u3), pack(first_of(a[3]) * u2, second_of(a[3]) * u3)}};
  }
  template <int Deep>
  SUPRA_FN void advance(const operand& a, tile<E> y, int t, int lane) {
#pragma unroll
    for (int f = 0; f < Deep; f += 16) {
      std::uint32_t b[4];
      features_of(b, y, t, f, lane);
      multiply_add(s[f / 8], a.r, b[0], b[1]), multiply_add(s[f / 8 + 1], a.r, b[2], b[3]);
    }
  }
};

}  // namespace supra::cuda
