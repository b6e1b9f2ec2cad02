// The one skeleton: a walk over a sequence's chunks, from the first token to the last or back. In a chunk of n tokens, with
// b_i the sum of log gamma over tokens 0..i of the chunk, three tiles X, Y (n x a), Z (n x b) and a state S give
//   attend:   O_i = carry_i X_i S + sum over j of exp(+-(b_i - b_j)) (X_i . Y_j) Z_j      (j <= i forward, j >= i in reverse)
//   advance:  S = exp(b_last) S + sum over i of update_i Y_i^T Z_i
// The forward pass is attend(Q, K, V), advance(K, V); dq is attend(dO, V, K) with S transposed and the same advance; in reverse
// dv is attend(K, Q, dO), dk is attend(V, dO, Q) with S transposed, advance(Q, dO). Derivation: docs/design.md.
// tile_walk keeps states and sums as tiles in memory. A team whose multipliers keep them (registers of tensor cores) names a
// walk of its own with the same verbs.
#pragma once

#include "supra/core/backend.hpp"
#include "supra/core/concepts.hpp"
#include "supra/core/types.hpp"

namespace supra {

enum class direction { forward, reverse };

// What a walk is for: the output (and contributions to states), dq, dv, or dk (and dv, where both can be made together).
enum class walk_role { output, queries, values, keys };

// What a team multiplies for storage type T: by default the accumulation type; a backend with tensor cores says bf16.
template <class Team, class T>
struct operand {
  using type = accumulator_t<T>;
};
template <class Team, class T>
requires requires { typename Team::template operand<T>; }
struct operand<Team, T> {
  using type = typename Team::template operand<T>;
};
template <class Team, class T>
using operand_t = typename operand<Team, T>::type;

// x, or a reference to it where a team keeps such things for a kernel: before the kernel's scratch is laid out.
template <class Team, class P>
SUPRA_INLINE decltype(auto) keep(Team& team, const P& x) {
  if constexpr (requires { team.keep(x); })
    return team.keep(x);
  else
    return P(x);
}
// What a step's result is stored as: the accumulation type, unless a team says otherwise.
template <class Team, class T>
struct result {
  using type = accumulator_t<T>;
};
template <class Team, class T>
requires requires { typename Team::template result<T>; }
struct result<Team, T> {
  using type = typename Team::template result<T>;
};
template <class Team, class T>
using result_t = typename result<Team, T>::type;

// A team may lay out tiles its own way, and keep what is seldom touched in larger, farther memory.
template <class Alloc, class A>
SUPRA_FN tile<A> take_tile(Alloc& alloc, int rows, int cols) {
  if constexpr (requires { alloc.template lay<A>(rows, cols); })
    return alloc.template lay<A>(rows, cols);
  else
    return {alloc.template scratch<A>(static_cast<std::int64_t>(rows) * cols), rows, cols, cols};
}
template <class Alloc, class A>
SUPRA_FN tile<A> take_far_tile(Alloc& alloc, int rows, int cols) {
  if constexpr (requires { alloc.template lay_far<A>(rows, cols); })
    return alloc.template lay_far<A>(rows, cols);
  else
    return take_tile<Alloc, A>(alloc, rows, cols);
}
// A tile for a step's result R. A team may let it take the place of the step's x, which is spent by then.
template <class R, class Alloc, class E>
SUPRA_FN tile<R> take_result(Alloc& alloc, int rows, int cols, tile<E> x) {
  if constexpr (requires { alloc.template lay_result<R>(rows, cols, x); })
    return alloc.template lay_result<R>(rows, cols, x);
  else
    return take_tile<Alloc, R>(alloc, rows, cols);
}
// The number of row r in column c, the last one, which stands alone after the features of a head: of ones, of their gradients,
// of sums of weights. For tiles that keep it beside their rows, a function of the same name stands next to their type.
template <class E>
SUPRA_INLINE E& lone_number(tile<E> t, int r, int c) {
  return t.row(r)[c];
}
template <class A, class E>
SUPRA_INLINE void set_lone_number(tile<E> t, int r, int c, A x) {
  auto& number = lone_number(t, r, c);
  number = std::remove_reference_t<decltype(number)>(x);
}

// A sum as two numbers: rounded, and what rounding left.
template <class A>
struct two_numbers {
  A near = 0, rest = 0;
  friend SUPRA_INLINE two_numbers operator+(two_numbers x, two_numbers y) {
    const A s = x.near + y.near, added = s - x.near;
    return {s, x.rest + y.rest + ((x.near - (s - added)) + (y.near - added))};  // exactly what s lacks (Knuth's two-sum)
  }
};

// The decay inside one chunk. Exponents are differences inside the chunk, at most 0: nothing overflows, whatever the slope.
// Each b_i is kept as a sum of two numbers, so that differences keep their digits behind a gate that forgot everything.
template <class A>
struct chunk_decay {
  A* sum = nullptr;                  // b_i, rounded
  A* rest = nullptr;                 // what rounding left
  A* up = nullptr;                   // exp(b_i)
  A* down = nullptr;                 // exp(b_last - b_i)
  int known_n = 0, known_head = -1;  // what they stand for now, where that is all there is to know
  int room = 0;

  template <class Alloc>
  SUPRA_FN void lay(Alloc& alloc, int n) {
    room = n, sum = alloc.template scratch<A>(n), rest = alloc.template scratch<A>(n), up = alloc.template scratch<A>(n),
    down = alloc.template scratch<A>(n);
  }
  // log_gamma(i) of the chunk's tokens; n at least 1. Tokens that the chunk does not have: up and down are 0, differences
  // finite. A team may have a way of its own (fill); what it wrote is seen once the team has met.
  template <class Team, class F>
  SUPRA_FN void fill(Team& team, int n, F log_gamma) const {
    if constexpr (requires { team.fill(*this, n, log_gamma); }) return team.fill(*this, n, log_gamma);
    team.rows(1, [&, this](auto lanes, int) {
      lanes.each(n, [&](auto i) { up[int(i)] = log_gamma(int(i)); });
      lanes.sync();
      lanes.once([&] {
        two_numbers<A> b;
        for (int i = 0; i < n; ++i) b = b + two_numbers<A>{up[i]}, sum[i] = b.near, rest[i] = b.rest;
        for (int i = n; i < room; ++i) sum[i] = b.near, rest[i] = b.rest, up[i] = down[i] = 0;
      });
      lanes.sync();
      lanes.each(n, [&](auto i) {
        up[int(i)] = math::exp(sum[int(i)] + rest[int(i)]), down[int(i)] = math::exp(between(n - 1, int(i)));
      });
    });
    team.sync();
  }
  SUPRA_INLINE A between(int i, int j) const { return (sum[i] - sum[j]) + (rest[i] - rest[j]); }  // b_i - b_j
};

template <class Team, class T>
struct tile_walk {
  using A = accumulator_t<T>;
  using E = operand_t<Team, T>;
  static constexpr bool same = std::is_same_v<A, E>;

  chunk_decay<A> decay;
  tile<A> states;         // of `heads` heads, one after another (heads * F, E)
  tile<A> weights;        // X Y^T, masked
  tile<E> operands;       // the same as the product wants it
  tile<E> state_operand;  // the state as the product wants it
  int features = 0;

  template <class Alloc>
  SUPRA_FN void lay(Alloc& alloc, int chunk, int f, int columns, int heads) {
    features = f;
    decay.lay(alloc, chunk);
    states = take_tile<Alloc, A>(alloc, heads * f, columns);
    weights = take_tile<Alloc, A>(alloc, chunk, chunk);
    if constexpr (!same) operands = take_tile<Alloc, E>(alloc, chunk, chunk);
    if constexpr (!same) state_operand = take_tile<Alloc, E>(alloc, f, columns);
  }

  // State j from (F, E) numbers, or zero; and to them. Null: not wanted.
  SUPRA_FN void load(Team& team, int j, const A* from) const {
    const auto s = state(j);
    team.rows(s.rows, [&](auto lanes, int f) {
      lanes.each(s.cols,
                 [&](auto i) { s.row(f)[int(i)] = from ? from[static_cast<std::int64_t>(f) * s.cols + int(i)] : A(0); });
    });
    team.sync();
  }
  SUPRA_FN void store(Team& team, int j, A* to) const {
    if (to == nullptr) return;
    const auto s = state(j);
    team.rows(s.rows, [&](auto lanes, int f) {
      lanes.each(s.cols, [&](auto i) { to[static_cast<std::int64_t>(f) * s.cols + int(i)] = s.row(f)[int(i)]; });
    });
  }
  // to = <S_0, d>, d as load takes it.
  SUPRA_FN void dot(Team& team, const A* d, A* to) const {
    const auto s = state(0);
    team.rows(1, [&](auto lanes, int) {
      A sum = 0;
      for (int f = 0; f < s.rows; ++f)
        sum += lanes.sum(s.cols, [&](auto j) { return s.row(f)[int(j)] * d[static_cast<std::int64_t>(f) * s.cols + int(j)]; });
      lanes.once([&] { *to = sum; });
    });
  }

  // One chunk: o = attend(x, y, z), and, where the walk goes on, the state after it. Rows of k may be scaled in place. `with`,
  // where there is one, has the rows that those of o are multiplied with afterwards (dot_of).
  template <walk_role Role>
  SUPRA_FN void step(Team& team, tile<A> o, tile<E> x, tile<E> y, tile<E> z, bool on, tile<E> = {}) const {
    if constexpr (Role == walk_role::output) {
      attend<direction::forward, op::plain>(team, o, x, y, z, state(0));
      if (on) advance<direction::forward>(team, state(0), y, z);
    } else {
      attend<direction::forward, op::transposed>(team, o, x, y, z, state(0));
      if (on) advance<direction::forward>(team, state(0), z, y);
    }
  }
  // One chunk in reverse, of query head j of the key head. Rows of q may be scaled in place.
  SUPRA_FN void back(Team& team, int j, tile<A> dk, tile<A> dv, tile<E> q, tile<E> d, tile<E> k, tile<E> v, bool on,
                     tile<E> = {}) const {
    attend<direction::reverse, op::plain>(team, dv, k, q, d, state(j));
    attend<direction::reverse, op::transposed>(team, dk, v, d, q, state(j));
    if (on) advance<direction::reverse>(team, state(j), q, d);
  }
  // Row r of the last step's o, before anything was rounded, times that of `with`.
  template <class Lanes>
  SUPRA_INLINE A dot_of(Lanes lanes, tile<A> o, tile<E> with, int r) const {
    return lanes.sum(o.cols, [x = with.row(r), y = o.row(r)](auto i) { return A(x[int(i)]) * y[int(i)]; });
  }
  // The state becomes exp(b_last) S + the chunk's own part of it; without `keep`, that part alone.
  template <direction Dir>
  SUPRA_FN void gather(Team& team, tile<E> y, tile<E> z, bool keep) const {
    keep ? advance<Dir>(team, state(0), y, z) : contribute<Dir>(team, state(0), y, z, false);
  }
  // What a chunk of n tokens leaves of the state before it.
  SUPRA_FN A total(int n) const { return decay.up[n - 1]; }

 private:
  SUPRA_FN tile<A> state(int j) const { return states.part(j * features, features); }

  template <direction Dir, op State>
  SUPRA_FN void attend(Team& team, tile<A> o, tile<E> x, tile<E> y, tile<E> z, tile<A> s) const {
    const int n = x.rows;
    tile<A> w{weights.data, n, n, n};
    tile<E> we;
    if constexpr (same)
      we = w;
    else
      we = {operands.data, n, n, n};
    team.template multiply<op::plain, State>(o, x, state_for_product(team, s), false);
    for (int r = 0; r < n; r += strip) {
      const auto [rows, first, count] = seen<Dir>(n, r);
      team.template multiply<op::plain, op::transposed>(tile<A>{w.row(r) + first, rows, count, n}, x.part(r, rows),
                                                        y.part(first, count), false);
    }
    team.sync();
    team.rows(n, [&, this](auto lanes, int i) {
      const A carry = Dir == direction::forward ? decay.up[i] : decay.down[i];
      lanes.each(o.cols, [&](auto j) { o.row(i)[int(j)] *= carry; });
      mask<Dir>(lanes, n, i, w.row(i), we.row(i));
    });
    team.sync();
    for (int r = 0; r < n; r += strip) {
      const auto [rows, first, count] = seen<Dir>(n, r);
      team.template multiply<op::plain, op::plain>(o.part(r, rows), tile<E>{we.row(r) + first, rows, count, n},
                                                   z.part(first, count), true);
    }
    team.sync();
  }

  // Scales the rows of y in place: y is not needed afterwards.
  template <direction Dir>
  SUPRA_FN void advance(Team& team, tile<A> s, tile<E> y, tile<E> z) const {
    const A past = total(y.rows);
    team.rows(s.rows, [&](auto lanes, int f) { lanes.each(s.cols, [&](auto j) { s.row(f)[int(j)] *= past; }); });
    contribute<Dir>(team, s, y, z, true);
  }
  template <direction Dir>
  SUPRA_FN void contribute(Team& team, tile<A> s, tile<E> y, tile<E> z, bool keep) const {
    team.rows(y.rows, [&, this](auto lanes, int i) {
      const A update = Dir == direction::forward ? decay.down[i] : decay.up[i];
      lanes.each(y.cols, [&](auto j) { y[i][int(j)] *= update; });
    });
    team.sync();
    team.template multiply<op::transposed, op::plain>(s, y, z, keep);
    team.sync();
  }

  // The weights are a triangle: products go over strips of rows, each with the columns that a row of it can see.
  static constexpr int strip = 32;
  struct strip_columns {
    int rows, first, count;
  };
  template <direction Dir>
  static SUPRA_FN strip_columns seen(int n, int r) {
    const int rows = n - r < strip ? n - r : strip;
    return Dir == direction::forward ? strip_columns{rows, 0, r + rows} : strip_columns{rows, r, n - r};
  }
  template <direction Dir, class Lanes>
  SUPRA_FN void mask(Lanes lanes, int n, int i, const A* w, E* out) const {
    const A b = decay.sum[i], r = decay.rest[i];
    const A *sum = decay.sum, *rest = decay.rest;
    if constexpr (Dir == direction::forward) {
      lanes.each(i + 1, [&](auto j) { out[int(j)] = E(w[int(j)] * math::exp((b - sum[int(j)]) + (r - rest[int(j)]))); });
      const int end = (i / strip + 1) * strip < n ? (i / strip + 1) * strip : n;
      lanes.each(end - i - 1, [&](auto j) { out[i + 1 + int(j)] = E(A(0)); });
    } else {
      const int begin = i / strip * strip;
      lanes.each(i - begin, [&](auto j) { out[begin + int(j)] = E(A(0)); });
      lanes.each(n - i, [&](auto j) {
        out[i + int(j)] = E(w[i + int(j)] * math::exp((sum[i + int(j)] - b) + (rest[i + int(j)] - r)));
      });
    }
  }
  SUPRA_FN tile<E> state_for_product(Team& team, tile<A> s) const {
    if constexpr (same) {
      return s;
    } else {
      const tile<E> e{state_operand.data, s.rows, s.cols, s.cols};
      team.rows(s.rows,
                [&](auto lanes, int f) { lanes.each(s.cols, [&](auto j) { e.row(f)[int(j)] = E(s.row(f)[int(j)]); }); });
      team.sync();
      return e;
    }
  }
};

// A tile of the rows that a step's result is multiplied with: near where the team's own walk does that itself, before it
// rounds.
template <class Team, class Alloc, class E>
SUPRA_FN tile<E> take_along(Alloc& alloc, int rows, int cols) {
  if constexpr (requires { requires Team::sums_rows; })
    return take_tile<Alloc, E>(alloc, rows, cols);
  else
    return take_far_tile<Alloc, E>(alloc, rows, cols);
}

template <class Team, class T, walk_role Role>
struct walk_of {
  using type = tile_walk<Team, T>;
};
template <class Team, class T, walk_role Role>
requires requires { typename Team::template walk<T, Role>; }
struct walk_of<Team, T, Role> {
  using type = typename Team::template walk<T, Role>;
};
template <class Team, class T, walk_role Role>
using walk_t = typename walk_of<Team, T, Role>::type;

}  // namespace supra
