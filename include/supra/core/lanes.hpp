// A row and the lanes that own it: all that a stage sees of a machine. Stages index rows by the slots that lanes hand out.
//   each(n, f)        f(i) once for every feature 0..n-1, by the lane that owns it
//   each_half(n, f)   f(i, i + n/2), i < n/2; the last of an odd n is in no pair
//   each_pair(n, f)   f(2i, 2i + 1), i < n/2
//   sum, max(n, f)    of f(i) over all features, the same on every lane
//   once(f)           f() by one lane
//   sync()            what lanes wrote before is seen by all after; needed only by random access
//   int(i)            the feature's number
//   hold<W>(row)      optional: the row in the lanes' own registers (see hold below)
//   fetch(...)        optional: a held row loaded, and the next one asked for (see fetch below)
//   of_values()       optional: lanes for rows of v's width (see width below)
//   each_of, sum_of, max_of, fold_of, column_sums   optional: rows that lie in memory from end to end, several features at a time (see below)
// The same lane owns a feature in each, each_half and each_pair of rows whose widths are n and 2n.
// Here: the serial lanes, whose slot is a plain index and whose loops a compiler vectorises.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "supra/core/config.hpp"
#include "supra/core/math.hpp"

namespace supra {

// A row of n features in memory, stored as S and computed with as A. On assignment an A becomes an S. Where they differ, an
// element that may be written is a `reference`, not a number: const A u = y[i] is one.
template <class S, class A>
struct memory_row {
  using value_type = A;
  S* data = nullptr;
  int n = 0;

  SUPRA_INLINE int size() const { return n; }
  SUPRA_INLINE decltype(auto) operator[](int i) const {
    if constexpr (std::is_same_v<S, A>)
      return (data[i]);  // a reference
    else if constexpr (std::is_const_v<S>)
      return static_cast<A>(data[i]);
    else
      return reference{data + i};
  }
  struct reference {
    S* p;
    SUPRA_INLINE operator A() const { return static_cast<A>(*p); }
    SUPRA_INLINE const reference& operator=(A x) const { return *p = S(x), *this; }
    SUPRA_INLINE const reference& operator=(const reference& x) const { return *this = A(x); }
    SUPRA_INLINE const reference& operator+=(A x) const { return *this = A(*this) + x; }
    SUPRA_INLINE const reference& operator-=(A x) const { return *this = A(*this) - x; }
    SUPRA_INLINE const reference& operator*=(A x) const { return *this = A(*this) * x; }
    SUPRA_INLINE const reference& operator/=(A x) const { return *this = A(*this) / x; }
  };
};

// A row while stages work on it: where it lies in memory, unless the lanes hold rows themselves. Then load fetches it, store
// puts it back, and width says which of a head's two widths it has: that of q, k, v and the output, or that of mapped rows.
// Where rows of v and of the output are narrower than those of q and k, a team may have lanes of their own for them
// (of_values), to which they are as wide as a head.
enum class width { head, mapped };

template <class Lanes>
SUPRA_INLINE auto of_values(const Lanes& lanes) {
  if constexpr (requires { lanes.of_values(); })
    return lanes.of_values();
  else
    return lanes;
}
template <class Lanes>
using lanes_of_values = decltype(of_values(std::declval<Lanes>()));

template <class Row>
struct memory_held {
  Row row;
  SUPRA_INLINE void load() {}
  SUPRA_INLINE Row view() { return row; }
  SUPRA_INLINE void store() {}
};
template <width W, class Lanes, class Row>
SUPRA_INLINE auto hold(const Lanes& lanes, Row row) {
  if constexpr (requires { lanes.template hold<W>(row); })
    return lanes.template hold<W>(row);
  else
    return memory_held<Row>{row};
}

// Loads a held row. Lanes that can (fetch) keep the row that will be held here next, at `next` (null: none), on its way
// meanwhile: `slot` numbers the rows that are loaded together, and `fetched` says that this one was `next` before.
template <class Lanes, class Held, class S>
SUPRA_INLINE void fetch(const Lanes& lanes, Held& row, int slot, int r, bool fetched, const S* next) {
  if constexpr (requires { lanes.fetch(row, slot, r, fetched, next); })
    lanes.fetch(row, slot, r, fetched, next);
  else
    row.load();
}

// Features of rows that lie in memory: f(x...) with x what is read from each array of P const, or a reference to what goes to
// each other one; `kept` marks one that is read and written. Lanes that can move several at a time.
//   each_of(lanes, n, [](A& y, A x, A z) { y = x * z; }, y, x, z)
template <class T>
struct kept {
  T* data;
};
namespace lanes_detail {
template <class T>
SUPRA_INLINE T* where(T* p) {
  return p;
}
template <class T>
SUPRA_INLINE T* where(kept<T> p) {
  return p.data;
}
template <class P>
struct element;  // what f sees of an array
template <class T>
struct element<const T*> {
  using type = accumulator_t<T>;
  static constexpr bool reads = true, writes = false;
  static SUPRA_INLINE type load(const T& x) { return static_cast<type>(x); }
  static SUPRA_INLINE void store(const T&, type) {}
};
template <class T>
struct element<T*> {
  using type = accumulator_t<T>;
  static constexpr bool reads = false, writes = true;
  static SUPRA_INLINE type load(const T&) { return type(0); }
  static SUPRA_INLINE void store(T& to, type x) { to = T(x); }
};
template <class T>
struct element<kept<T>> : element<T*> {
  using type = accumulator_t<T>;
  static constexpr bool reads = true;
  static SUPRA_INLINE type load(const T& x) { return static_cast<type>(x); }
};
template <class F, class... P>
SUPRA_INLINE void apply(F& f, int i, P... p) {
  [&](typename element<P>::type... x) {
    f(x...);
    (element<P>::store(where(p)[i], x), ...);
  }(element<P>::load(where(p)[i])...);
}
}  // namespace lanes_detail
template <class Lanes, class F, class... P>
SUPRA_INLINE void each_of(const Lanes& lanes, int n, F f, P... p) {
  if constexpr (requires { lanes.each_of(n, f, p...); })
    lanes.each_of(n, f, p...);
  else
    lanes.each(n, [&](auto i) { lanes_detail::apply(f, int(i), p...); });
}
// The sum of f(x...).
template <class Lanes, class F, class... T>
SUPRA_INLINE auto sum_of(const Lanes& lanes, int n, F f, const T*... x) {
  if constexpr (requires { lanes.sum_of(n, f, x...); })
    return lanes.sum_of(n, f, x...);
  else
    return lanes.sum(n, [&](auto i) { return f(static_cast<accumulator_t<T>>(x[int(i)])...); });
}
// The largest f(x...).
template <class Lanes, class F, class... T>
SUPRA_INLINE auto max_of(const Lanes& lanes, int n, F f, const T*... x) {
  if constexpr (requires { lanes.max_of(n, f, x...); })
    return lanes.max_of(n, f, x...);
  else
    return lanes.max(n, [&](auto i) { return f(static_cast<accumulator_t<T>>(x[int(i)])...); });
}
// What fold_of (below) makes of a row: several numbers.
template <class A, int N>
struct folded {
  A x[N];
};
// to[i] += f(r, i) for r = 0, 1, ... rows - 1 in this order, for each feature: sums over rows.
template <class Lanes, class F, class A>
SUPRA_INLINE void column_sums(const Lanes& lanes, std::int64_t rows, int n, F f, A* to) {
  if constexpr (requires { lanes.column_sums(rows, n, f, to); })
    lanes.column_sums(rows, n, f, to);
  else
    for (std::int64_t r = 0; r < rows; ++r) lanes.each(n, [&](auto i) { to[int(i)] += f(r, int(i)); });
}

// One lane owns the whole row. Reductions run in eight partial sums: the order is fixed, and vector units fit it.
struct serial_lanes {
  static constexpr int width = 8;

  template <class F>
  SUPRA_INLINE void each(int n, F f) const {
    SUPRA_INDEPENDENT
    for (int i = 0; i < n; ++i) f(i);
  }
  template <class F>
  SUPRA_INLINE void each_half(int n, F f) const {
    const int half = n / 2;
    SUPRA_INDEPENDENT
    for (int i = 0; i < half; ++i) f(i, i + half);
  }
  template <class F>
  SUPRA_INLINE void each_pair(int n, F f) const {
    SUPRA_INDEPENDENT
    for (int i = 0; i < n - 1; i += 2) f(i, i + 1);
  }
  template <class F>
  SUPRA_INLINE auto sum(int n, F f) const {
    return reduce(n, f, decltype(f(0) + f(0))(0), [](auto x, auto y) { return x + y; });
  }
  template <class F>
  SUPRA_INLINE auto max(int n, F f) const {
    using A = decltype(f(0) + f(0));
    return reduce(n, f, -infinity<A>, [](auto x, auto y) { return x > y ? x : y; });
  }
  template <class F>
  SUPRA_INLINE void once(F f) const {
    f();
  }
  // Each number's eight parts lie side by side.
  template <class A, int N, class Step, class Join, class... T>
  SUPRA_INLINE folded<A, N> fold_of(int n, folded<A, N> start, Step step, Join join, const T*... x) const {
    return fold(std::make_integer_sequence<int, N>(), n, start, step, join, x...);
  }
  SUPRA_INLINE void sync() const {}

 private:
  template <class A, int N, int... K>
  struct parts {
    A x[N][width];
    SUPRA_INLINE folded<A, N> of(int j) const { return {{x[K][j]...}}; }
    SUPRA_INLINE void set(int j, folded<A, N> to) { ((x[K][j] = to.x[K]), ...); }
  };
  template <class A, int N, class Step, class Join, int... K, class... T>
  static SUPRA_INLINE folded<A, N> fold(std::integer_sequence<int, K...>, int n, folded<A, N> start, Step step, Join join,
                                        const T*... x) {
    parts<A, N, K...> all;
    int i = 0;  // no part begins as a constant: what a compiler would make of that keeps it from vectorising the loop
    for (; i < width; ++i) all.set(i, i < n ? step(start, static_cast<accumulator_t<T>>(x[i])...) : start);
    for (; i + width <= n; i += width)
      for (int j = 0; j < width; ++j) all.set(j, step(all.of(j), static_cast<accumulator_t<T>>(x[i + j])...));
    for (; i < n; ++i) all.set(i % width, step(all.of(i % width), static_cast<accumulator_t<T>>(x[i])...));
    for (int half = width / 2; half > 0; half /= 2)
      for (int j = 0; j < half; ++j) all.set(j, join(all.of(j), all.of(j + half)));
    return all.of(0);
  }
  template <class A, class F, class Op>
  static SUPRA_INLINE A reduce(int n, F f, A start, Op op) {
    A part[width];
    for (int j = 0; j < width; ++j) part[j] = start;
    int i = 0;
    for (; i + width <= n; i += width)
      for (int j = 0; j < width; ++j) part[j] = op(part[j], static_cast<A>(f(i + j)));
    for (; i < n; ++i) part[i % width] = op(part[i % width], static_cast<A>(f(i)));
    for (int step = width / 2; step > 0; step /= 2)
      for (int j = 0; j < step; ++j) part[j] = op(part[j], part[j + step]);
    return part[0];
  }
};

// Several sums at once: `start` is those of no feature, step(s, x...) those with one more, join(s, t) those of all features of
// both. join must not depend on the order of its two, to the bit: then the numbers are the same on every lane. Both are structs
// whose operator is SUPRA_INLINE: else a CPU may not vectorise them. Lanes that have no fold read the whole row each.
template <class Lanes, class A, int N, class Step, class Join, class... T>
SUPRA_INLINE folded<A, N> fold_of(const Lanes& lanes, int n, folded<A, N> start, Step step, Join join, const T*... x) {
  if constexpr (requires { lanes.fold_of(n, start, step, join, x...); }) {
    return lanes.fold_of(n, start, step, join, x...);
  } else {
    lanes.sync();
    const folded<A, N> all = serial_lanes{}.fold_of(n, start, step, join, x...);
    lanes.sync();
    return all;
  }
}

}  // namespace supra
