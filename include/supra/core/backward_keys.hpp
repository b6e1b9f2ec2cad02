// dk and dv: the walk from the last token to the first.
#pragma once

#include "supra/core/backward.hpp"

namespace supra {

// Which of dk and dv a kernel makes: a walk that keeps one state only makes one, and that of one query head.
enum class keys_part { both, values, keys };

// Both: one team for a key head, and the heads that read it are walked side by side, so that dk and dv are summed before they
// are stored. Else one team for a query head: grad.dk and grad.dv have rows for each of those.
template <class Composition, class T, keys_part Part = keys_part::both>
struct backward_kv_kernel {
  using call_type = backward_call<Composition, T>;
  using A = accumulator_t<T>;
  using chunk = typename call_type::chunk;
  static constexpr bool by_key_head = Part == keys_part::both;
  static constexpr bool makes_dk = Part != keys_part::values, makes_dv = Part != keys_part::keys;
  static constexpr walk_role role = Part == keys_part::values ? walk_role::values : walk_role::keys;
  static constexpr bool sums_rows = makes_dk && call_type::decay_gradient;  // k . dk
  static constexpr int rows_loaded = Part == keys_part::both ? 4 : 3;   // of a token: q, k or v, d, and v for both
  static constexpr int rows_given = Part == keys_part::values ? 3 : 4;  // and k in the end
  static constexpr int plain_given = 2;
  static constexpr int value_row = Part == keys_part::keys ? 1 : 3;
  strided<const T> source(int i) const {
    return i == 0 ? call.in.q : i == 2 ? call.d : i == value_row ? call.in.v : call.in.k;
  }
  static SUPRA_FN constexpr bool of_key(int i) { return i == 1 || i == 3; }
  static SUPRA_FN constexpr bool of_value(int i) { return i == 2 || i == value_row; }
  call_type call;
  SUPRA_FN int heads() const { return by_key_head ? call.shape.kv_heads : call.shape.heads; }
  bool rows_aligned(int bytes) const { return call.rows_aligned(bytes); }

  template <class Team>
  struct scratch {
    walk_t<Team, T, role> step;
    tile<operand_t<Team, T>> q, d, k, v;
    tile<result_t<Team, T>> dk, dv, head_dk, head_dv;
    tile<A> angles;
    parameter_sums<A> feature;
    template <class Alloc>
    SUPRA_FN scratch(Alloc& a, const call_type& c) {
      const int n = c.shape.chunk, f = c.features(), e = c.columns();
      using E = operand_t<Team, T>;
      const int walked = by_key_head ? c.group() : 1;
      step.lay(a, n, f, e, walked);
      q = take_tile<Alloc, E>(a, n, f), d = take_tile<Alloc, E>(a, n, e);
      if constexpr (makes_dv) k = take_tile<Alloc, E>(a, n, f);
      if constexpr (!makes_dv && sums_rows) k = take_along<Team, Alloc, E>(a, n, f);
      if constexpr (makes_dk) v = take_tile<Alloc, E>(a, n, e);
      using R = result_t<Team, T>;
      if constexpr (makes_dk) dk = head_dk = take_result<R>(a, n, f, v);
      if constexpr (makes_dv) dv = head_dv = take_result<R>(a, n, e, k);
      if (makes_dk && walked > 1) head_dk = take_far_tile<Alloc, R>(a, n, f);
      if (makes_dv && walked > 1) head_dv = take_far_tile<Alloc, R>(a, n, e);
      if (call_type::turns && !c.angles) angles = take_far_tile<Alloc, A>(a, n, f);
      if constexpr (makes_dk) feature.lay(a, n, parameters_of<typename call_type::feature_map>(c.shape.d));
    }
  };

  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    decltype(auto) p = keep(team, call.part_of(index, heads()));
    const int walked = by_key_head ? call.group() : 1, h = p.head * walked, g = p.key_head;
    scratch<Team> m(team, call);
    for (int j = 0; j < walked; ++j) m.step.load(team, j, call.state_before(p, h + j, call.grad.d_final_state));
    m.feature.clear(team);
    const std::int64_t chunks = (p.end - p.begin + call.shape.chunk - 1) / call.shape.chunk;
    call.template bring_first<direction::reverse>(team, p, h, g);
    call.template bring_first_plain<direction::reverse>(team, m.d, p, h, g);
    for (std::int64_t i = chunks - 1; i >= 0; --i) {
      auto c = call.template chunk_from<direction::reverse>(p, p.begin + i * call.shape.chunk);
      if (walked > 1) c.next = 0, c.fetched = false;  // several heads take turns
      const auto angles = call.angles_of(team, m.angles, c);
      for (int j = 0; j < walked; ++j) one_head(team, m, c, angles, h + j, p.key_head, j, i > 0 || call.grad.d_initial_state);
      store(team, m, c, angles, p.head, p.key_head);
    }
    if constexpr (makes_dk) m.feature.store(team, call.own_sums(call.work.feature_k, p, m.feature.rows.cols, heads()));
    A* const to = makes_dk ? call.grad.d_initial_state : nullptr;
    for (int j = 0; to && j < walked; ++j) m.step.store(team, j, to + (p.s * call.shape.heads + h + j) * call.state_size());
  }

 private:
  // What head h brings and, for the first head of a group, keys and values of key head g (else -1).
  template <class Lanes, class M>
  SUPRA_INLINE void load(Lanes lanes, const M& m, const chunk& c, int r, int h, int g, tile<const A> angles) const {
    const int of = g < 0 ? 0 : g;
    mapped_load query(call, lanes, m.q, c, r, h, false), key(call, lanes, m.k, c, r, of, true);
    plain_load value(call, lanes, row_slot<value_row + 1>{}, call.in.v, m.v, c, r, of);
    plain_load gradient(call, lanes, row_slot<3>{}, call.d, m.d, c, r, h);
    auto turn = call.turn_row(lanes, angles, r);
    query.load(1), call.fetch_turn(lanes, turn, angles, c, r), gradient.load();
    if (makes_dv && g >= 0) key.load(2);
    if (makes_dk && g >= 0) value.load();
    query.finish(turn.view()), gradient.finish(makes_dk ? call.d_denominator(c, r, h) : A(0));  // dv has no use for it
    if (makes_dv && g >= 0) key.finish(turn.view());
    if (makes_dk && g >= 0) value.finish(A(1));
  }
  template <class Team, class M>
  SUPRA_FN void one_head(Team& team, M& m, const chunk& c, tile<const A> angles, int h, int g, int j, bool on) const {
    const auto q = m.q.top(c.n), d = m.d.top(c.n), k = m.k.top(c.n), v = m.v.top(c.n);
    const bool first = j == 0;
    const auto dk = (first ? m.dk : m.head_dk).top(c.n), dv = (first ? m.dv : m.head_dv).top(c.n);
    call.fill_decay(team, m.step.decay, c, h), call.await(team);
    team.rows(c.n, [&, this](auto lanes, int r) { load(lanes, m, c, r, h, first ? g : -1, angles); });
    if constexpr (!makes_dv && sums_rows)
      if (call.work.decay)
        team.rows(c.n, [&, this](auto lanes, int r) { call.map_again(lanes, m.k, c, r, g, true, angles); });
    call.await_plain(team), team.sync();
    call.bring_next(team, c, h, g);
    m.step.back(team, j, dk, dv, q, d, k, v, on, sums_rows && call.work.decay ? k : decltype(k){});
    if constexpr (sums_rows)
      if (call.work.decay)
        team.rows(c.n, [&, this](auto lanes, int r) {
          const A dot = m.step.dot_of(lanes, dk, k, r);
          lanes.once([&] { call.work.decay[c.token(r) * call.shape.heads + h] -= dot; });
        });
    if (!first)
      team.rows(c.n, [&, this](auto lanes, int r) {
        if constexpr (makes_dk) add_row(lanes, m.dk, dk, r);
        if constexpr (makes_dv) add_row(lanes, m.dv, dv, r);
      });
    team.sync();
  }
  template <class Lanes, class R>
  static SUPRA_INLINE void add_row(Lanes lanes, tile<R> to, tile<R> from, int r) {
    const auto x = call_type::y_row(from, r, from.cols), y = call_type::y_row(to, r, to.cols);
    lanes.each(to.cols, [=](auto i) { y[int(i)] += x[int(i)]; });
  }
  template <class Team, class M>
  SUPRA_FN void store(Team& team, const M& m, const chunk& c, tile<const A> angles, int to_head, int g) const {
    call.bring_next_plain(team, m.d, c, to_head, g);
    team.rows(c.n, [&, this](auto lanes, int r) {
      if constexpr (makes_dv) {
        const auto own = of_values(lanes);
        auto from = hold<width::head>(own, call.y_row(m.dv, r, call.shape.e));
        auto to = call.given_row(own, call.grad.dv, c, r, to_head, call.shape.e);
        from.load();
        own.each(call.shape.e, [x = from.view(), y = to.view()](auto i) { y[i] = x[i]; });
        to.store();
      }
      if constexpr (makes_dk)
        call.map_back(lanes, c, r, g, true, angles, call.y_row(m.dk, r, m.dk.cols), m.feature.row(lanes, r), call.in.k,
                      call.grad.dk, to_head);
    });
    if constexpr (makes_dk) m.feature.add(team, c.n);
    team.sync();
  }
};

}  // namespace supra
