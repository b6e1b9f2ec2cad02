// The teacher's causal softmax attention: o_t = sum over s of softmax(q_t . k_s d^-1/2) v_s over the last `window` tokens (0:
// all). Tiles of queries meet tiles of keys with a running maximum and sum (Milakov and Gimelshein 2018, arXiv 1805.02867); no
// T x T matrix is kept. Saved: the log of each row's sum. Grouped heads read keys where they lie. All sums are kept in A.
#pragma once

#include "supra/core/attention.hpp"
#include "supra/core/walk.hpp"

namespace supra::layer {

template <class T>
struct softmax_call {
  using A = accumulator_t<T>;
  std::int64_t length = 0, window = 0;  // tokens of a sequence; window 0: none
  int heads = 0, kv_heads = 0, d = 0;
  const T *q = nullptr, *k = nullptr, *v = nullptr;  // (count * length, heads | kv_heads, d)
  A* lse = nullptr;                                  // (count * length, heads); none: not kept
  std::int64_t before = 0;    // keys of earlier tokens that stand before these tokens' own (forward only)
  std::int64_t key_rows = 0;  // rows of k and v from one sequence to the next; 0: length
  static constexpr int block = 64;

  SUPRA_FN int group() const { return heads / kv_heads; }
  SUPRA_FN A scale() const { return A(1) / math::sqrt(A(d)); }
  template <class P>
  SUPRA_FN tile<P> rows(P* x, int h, int of, std::int64_t token, int n) const {
    return {x + (token * of + h) * d, n, d, static_cast<std::int64_t>(of) * d};
  }
  SUPRA_FN std::int64_t first_key(std::int64_t t) const { return window > 0 && t >= window ? t - window + 1 : 0; }
  SUPRA_FN std::int64_t first_block(std::int64_t t) const { return first_key(t) / block * block; }
  SUPRA_FN static int within(std::int64_t j, int n) { return static_cast<int>(j < 0 ? 0 : j > n ? n : j); }
  SUPRA_FN static int size(std::int64_t t, std::int64_t end) { return static_cast<int>(end - t < block ? end - t : block); }
};

// A tile of one head's queries that meets tiles of keys, one after another, in any order. Positions are those of the text.
template <class T>
struct softmax_tile {
  using A = accumulator_t<T>;
  static constexpr int block = softmax_call<T>::block;
  softmax_call<T> call;
  A *weights, *sums, *top, *sum;

  static std::size_t scratch_bytes(int d) {
    scratch_counter c;
    c.scratch<A>(block * block), c.scratch<A>(block * d), c.scratch<A>(block), c.scratch<A>(block);
    return c.bytes;
  }
  template <class Team>
  SUPRA_FN softmax_tile(Team& team, const softmax_call<T>& call)
      : call(call), weights(team.template scratch<A>(block * block)), sums(team.template scratch<A>(block * call.d)),
        top(team.template scratch<A>(block)), sum(team.template scratch<A>(block)) {}

  SUPRA_FN tile<A> out(int n) const { return {sums, n, call.d, call.d}; }
  template <class Team>
  SUPRA_FN void begin(Team& team, int n) const {
    team.rows(n, [&, this](auto lanes, int r) {
      lanes.each(call.d, [&](auto i) { out(n).row(r)[int(i)] = A(0); });
      lanes.once([&] { top[r] = -infinity<A>, sum[r] = 0; });
    });
    team.sync();
  }
  // Queries at `at` and after, keys at `s` and after.
  template <class Team>
  SUPRA_FN void meet(Team& team, tile<const T> q, std::int64_t at, tile<const T> k, tile<const T> v, std::int64_t s) const {
    const tile<A> w{weights, q.rows, k.rows, k.rows}, y = out(q.rows);
    team.template multiply<op::plain, op::transposed>(w, q, k, false);
    team.sync();
    team.rows(q.rows, [&, this](auto lanes, int r) { weigh(lanes, w, at + r, s, r, y); });
    team.sync();
    team.template multiply<op::plain, op::plain>(y, w, v, true);
    team.sync();
  }
  // Rows `row` and after of (tokens, heads, d) and of lse.
  template <class Team>
  SUPRA_FN void end(Team& team, int n, int h, std::int64_t row, T* o) const {
    team.rows(n, [&, this](auto lanes, int r) {
      const A z = A(1) / sum[r];
      T* const y = call.rows(o, h, call.heads, row + r, 1).data;
      lanes.each(call.d, [&](auto i) { y[int(i)] = T(out(n).row(r)[int(i)] * z); });
      if (call.lse) lanes.once([&] { call.lse[(row + r) * call.heads + h] = top[r] + math::log(sum[r]); });
    });
    team.sync();
  }

 private:
  template <class Lanes>
  SUPRA_FN void weigh(Lanes lanes, tile<A> w, std::int64_t t, std::int64_t s, int r, tile<A> out) const {
    A* const row = w.row(r);
    const A scale = call.scale(), low = -infinity<A>, before = top[r];
    const int n = w.cols, from = call.within(call.first_key(t) - s, n), to = call.within(t - s + 1, n);
    if (from > 0 || to < n) lanes.each(n, [=](auto j) { row[int(j)] = int(j) >= from && int(j) < to ? row[int(j)] : low; });
    const A m = math::maximum(before, scale * lanes.max(n, [=](auto j) { return row[int(j)]; }));
    const A safe = m > low ? m : A(0), old = math::exp(before - safe);
    lanes.each(n, [=](auto j) { row[int(j)] = math::exp(row[int(j)] * scale - safe); });
    const A added = lanes.sum(n, [=](auto j) { return row[int(j)]; });
    A* const y = out.row(r);
    lanes.each(call.d, [=](auto i) { y[int(i)] *= old; });
    lanes.once([&] { top[r] = m, sum[r] = sum[r] * old + added; });
  }
};

// One team a sequence and query head.
template <class T>
struct softmax_forward_kernel {
  using A = accumulator_t<T>;
  using storage = T;
  softmax_call<T> call;
  T* o;  // (count * length, heads, d)

  std::size_t scratch_bytes() const { return softmax_tile<T>::scratch_bytes(call.d); }
  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    constexpr int block = softmax_call<T>::block;
    const std::int64_t base = index / call.heads * call.length,
                       keys = index / call.heads * (call.key_rows > 0 ? call.key_rows : call.length);
    const int h = static_cast<int>(index % call.heads), g = h / call.group();
    const softmax_tile<T> queries(team, call);
    for (std::int64_t t = 0; t < call.length; t += block) {
      const int n = call.size(t, call.length);
      const auto q = call.rows(call.q, h, call.heads, base + t, n);
      const std::int64_t at = call.before + t;  // the first query among the keys
      queries.begin(team, n);
      for (std::int64_t s = call.first_block(at); s < at + n; s += block) {
        const int m = call.size(s, at + n);
        queries.meet(team, q, at, call.rows(call.k, g, call.kv_heads, keys + s, m),
                     call.rows(call.v, g, call.kv_heads, keys + s, m), s);
      }
      queries.end(team, n, h, base + t, o);
    }
  }
};

// dS = P (dO V^T - <dO, O>), dQ = dS K, dK = dS^T Q, dV = P^T dO. One team a sequence and key head; dq, dk, dv are overwritten.
template <class T>
struct softmax_backward_kernel {
  using A = accumulator_t<T>;
  using storage = T;
  softmax_call<T> call;
  const T *o, *d_o;
  A *dq, *dk, *dv;

  static std::size_t scratch_bytes() {
    scratch_counter c;
    c.scratch<A>(softmax_call<T>::block * softmax_call<T>::block),
        c.scratch<A>(softmax_call<T>::block * softmax_call<T>::block);
    return c.bytes + sizeof(A) * softmax_call<T>::block + 64;
  }
  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    constexpr int block = softmax_call<T>::block;
    const std::int64_t base = index / call.kv_heads * call.length;
    const int g = static_cast<int>(index % call.kv_heads);
    A* const weights = team.template scratch<A>(block * block);
    A* const slopes = team.template scratch<A>(block * block);
    A* const along = team.template scratch<A>(block);
    team.rows(static_cast<int>(call.length), [&](auto lanes, int r) {
      lanes.each(call.d, [&](auto i) { call.rows(dk, g, call.kv_heads, base + r, 1).data[int(i)] = A(0); });
      lanes.each(call.d, [&](auto i) { call.rows(dv, g, call.kv_heads, base + r, 1).data[int(i)] = A(0); });
    });
    team.sync();
    for (int h = g * call.group(); h < (g + 1) * call.group(); ++h)
      for (std::int64_t t = 0; t < call.length; t += block) {
        const int n = call.size(t, call.length);
        const auto q = call.rows(call.q, h, call.heads, base + t, n), d = call.rows(d_o, h, call.heads, base + t, n);
        const auto y = call.rows(o, h, call.heads, base + t, n);
        const auto out = call.rows(dq, h, call.heads, base + t, n);
        team.rows(n, [&](auto lanes, int r) {
          const A dot = lanes.sum(call.d, [&](auto i) { return A(d.row(r)[int(i)]) * A(y.row(r)[int(i)]); });
          lanes.once([&] { along[r] = dot; });
          lanes.each(call.d, [&](auto i) { out.row(r)[int(i)] = A(0); });
        });
        team.sync();
        for (std::int64_t s = call.first_block(t); s < t + n; s += block) {
          const int m = call.size(s, t + n);
          const tile<A> w{weights, n, m, m}, ds{slopes, n, m, m};
          const auto k = call.rows(call.k, g, call.kv_heads, base + s, m), v = call.rows(call.v, g, call.kv_heads, base + s, m);
          team.template multiply<op::plain, op::transposed>(w, q, k, false);
          team.template multiply<op::plain, op::transposed>(ds, d, v, false);
          team.sync();
          team.rows(n, [&, this](auto lanes, int r) {
            const A lse = call.lse[(base + t + r) * call.heads + h], scale = call.scale(), a = along[r];
            const int from = call.within(call.first_key(t + r) - s, m), to = call.within(t + r - s + 1, m);
            A *const x = w.row(r), *const y = ds.row(r);
            lanes.each(m, [=](auto j) {
              const A p = int(j) >= from && int(j) < to ? math::exp(x[int(j)] * scale - lse) : A(0);
              x[int(j)] = p, y[int(j)] = p * (y[int(j)] - a) * scale;
            });
          });
          team.sync();
          team.template multiply<op::plain, op::plain>(out, ds, k, true);
          team.template multiply<op::transposed, op::plain>(call.rows(dk, g, call.kv_heads, base + s, m), ds, q, true);
          team.template multiply<op::transposed, op::plain>(call.rows(dv, g, call.kv_heads, base + s, m), w, d, true);
          team.sync();
        }
      }
  }
};

template <class B, class T>
void softmax_forward(B& b, std::int64_t sequences, const softmax_call<T>& call, T* o) {
  const softmax_forward_kernel<T> kernel{call, o};
  if constexpr (requires { b.launch_pairs(sequences, kernel); })
    if (b.launch_pairs(sequences, kernel)) return;
  b.launch(sequences * call.heads, kernel.scratch_bytes(), kernel);
}
template <class B, class T>
void softmax_backward(B& b, std::int64_t sequences, const softmax_backward_kernel<T>& kernel) {
  if constexpr (requires { b.launch_pairs(sequences, kernel); })
    if (b.launch_pairs(sequences, kernel)) return;
  b.launch(sequences * kernel.call.kv_heads, kernel.scratch_bytes(), kernel);
}

}  // namespace supra::layer
