// dq: the walk from the first token to the last, with the state transposed.
#pragma once

#include "supra/core/backward.hpp"

namespace supra {

template <class Composition, class T>
struct backward_q_kernel {
  using call_type = backward_call<Composition, T>;
  using A = accumulator_t<T>;
  call_type call;

  static constexpr walk_role role = walk_role::queries;
  static constexpr bool sums_rows = call_type::decay_gradient;            // q . dq
  static constexpr int rows_loaded = 3, rows_given = 4, plain_given = 2;  // of a token: d, k, v, and q in the end
  strided<const T> source(int i) const { return i == 0 ? call.d : i == 1 ? call.in.k : i == 2 ? call.in.v : call.in.q; }
  static SUPRA_FN constexpr bool of_key(int i) { return i == 1 || i == 2; }
  static SUPRA_FN constexpr bool of_value(int i) { return i == 0 || i == 2; }
  bool rows_aligned(int bytes) const { return call.rows_aligned(bytes); }

  template <class Team>
  struct scratch {
    walk_t<Team, T, role> step;
    tile<operand_t<Team, T>> d, k, v, q;
    tile<result_t<Team, T>> dq;
    tile<A> angles;
    parameter_sums<A> feature;
    template <class Alloc>
    SUPRA_FN scratch(Alloc& a, const call_type& c) {
      const int n = c.shape.chunk, f = c.features(), e = c.columns();
      using E = operand_t<Team, T>;
      step.lay(a, n, f, e, 1);
      d = take_tile<Alloc, E>(a, n, e), k = take_tile<Alloc, E>(a, n, f), v = take_tile<Alloc, E>(a, n, e);
      dq = take_result<result_t<Team, T>>(a, n, f, d);
      if (call_type::turns && !c.angles) angles = take_far_tile<Alloc, A>(a, n, f);
      if constexpr (sums_rows) q = take_along<Team, Alloc, E>(a, n, f);
      feature.lay(a, n, parameters_of<typename call_type::feature_map>(c.shape.d));
    }
  };

  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    decltype(auto) p = keep(team, call.part_of(index, call.shape.heads));
    scratch<Team> m(team, call);
    {
      const int h = p.head, g = p.key_head;
      call.template bring_first<direction::forward>(team, p, h, g);
      call.template bring_first_plain<direction::forward>(team, m.v, p, h, g);
      m.step.load(team, 0, call.state_before(p, h, call.in.initial_state));
    }
    m.feature.clear(team);
    const bool wants_end = call_type::decay_gradient && p.last;
    for (std::int64_t t = p.begin; t < p.end; t += call.shape.chunk) {
      const int n = load(team, m, p, t);
      m.step.template step<role>(team, m.dq.top(n), m.d.top(n), m.v.top(n), m.k.top(n), t + n < p.end || wants_end,
                                 along(m).top(n));
      store(team, m, p, t);
    }
    m.feature.store(team, call.own_sums(call.work.feature_q, p, m.feature.rows.cols, call.shape.heads));
    if constexpr (call_type::decay_gradient)
      if (wants_end && call.work.last) last_state(team, m, p.s * call.shape.heads + p.head);
  }

 private:
  // q as it is multiplied: q . dq and k . dk nearly cancel in the decay's gradient, and so do their roundings then.
  template <class M>
  SUPRA_INLINE auto along(const M& m) const {
    return call.work.decay ? m.q : decltype(m.q){};
  }
  template <class Team, class M, class Part>
  SUPRA_INLINE int load(Team& team, M& m, const Part& p, std::int64_t t) const {
    const auto c = call.template chunk_from<direction::forward>(p, t);
    const int h = p.head, g = p.key_head;
    call.fill_decay(team, m.step.decay, c, h), call.await(team);
    const auto angles = call.angles_of(team, m.angles, c);
    team.rows(c.n, [&, this](auto lanes, int r) { load(lanes, m, c, r, h, g, angles); });
    if constexpr (sums_rows)
      if (call.work.decay) team.rows(c.n, [&, this](auto lanes, int r) { call.map_again(lanes, m.q, c, r, h, false, angles); });
    call.await_plain(team), team.sync();
    call.bring_next(team, c, h, g);
    return c.n;
  }
  template <class Team, class M, class Part>
  SUPRA_INLINE void store(Team& team, M& m, const Part& p, std::int64_t t) const {
    const auto c = call.template chunk_from<direction::forward>(p, t);
    call.bring_next_plain(team, m.v, c, p.head, p.key_head);
    store(team, m, m.dq, c, call.prepared_angles(m.angles, c), p.head);
  }
  template <class Lanes, class M>
  SUPRA_INLINE void load(Lanes lanes, const M& m, const typename call_type::chunk& c, int r, int h, int g,
                         tile<const A> angles) const {
    plain_load gradient(call, lanes, row_slot<1>{}, call.d, m.d, c, r, h);
    mapped_load key(call, lanes, m.k, c, r, g, true);
    plain_load value(call, lanes, row_slot<3>{}, call.in.v, m.v, c, r, g);
    auto turn = call.turn_row(lanes, angles, r);
    gradient.load(), key.load(2), call.fetch_turn(lanes, turn, angles, c, r), value.load();
    gradient.finish(call.d_denominator(c, r, h)), key.finish(turn.view()), value.finish(A(1));
  }
  template <class Team, class M, class R>
  SUPRA_FN void store(Team& team, const M& m, tile<R> dq, const typename call_type::chunk& c, tile<const A> angles,
                      int h) const {
    team.rows(c.n, [&, this](auto lanes, int r) {
      if constexpr (sums_rows)
        if (call.work.decay) {
          const A dot = m.step.dot_of(lanes, dq, m.q, r);
          lanes.once([&] { call.work.decay[c.token(r) * call.shape.heads + h] = dot; });
        }
      call.map_back(lanes, c, r, h, false, angles, call.y_row(dq, r, dq.cols), m.feature.row(lanes, r), call.in.q, call.grad.dq,
                    h);
    });
    m.feature.add(team, c.n);
    team.sync();
  }
  // <dS_T, S_T>; without dS_T nothing.
  template <class Team, class M>
  SUPRA_FN void last_state(Team& team, M& m, std::int64_t row) const {
    const A* const d = call.grad.d_final_state ? call.grad.d_final_state + row * call.state_size() : nullptr;
    A* const to = call.work.last + row;
    if (d)
      m.step.dot(team, d, to);
    else
      team.rows(1, [&](auto lanes, int) { lanes.once([&] { *to = A(0); }); });
  }
};

}  // namespace supra
