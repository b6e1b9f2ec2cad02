// The forward pass in chunks: a kernel for one sequence and head each.
#pragma once

#include "supra/core/ends.hpp"

namespace supra {

template <class Composition, class T>
struct forward_kernel {
  using call_type = attention_call<Composition, T>;
  using A = accumulator_t<T>;
  call_type call;
  attention_outputs<T> out;

  static constexpr walk_role role = walk_role::output;
  static constexpr int rows_loaded = 3, rows_given = 3, plain_given = 2;  // of a token: q, k, v
  strided<const T> source(int i) const { return i == 0 ? call.in.q : i == 1 ? call.in.k : call.in.v; }
  static SUPRA_FN constexpr bool of_key(int i) { return i > 0; }
  static SUPRA_FN constexpr bool of_value(int i) { return i == 2; }
  bool rows_aligned(int bytes) const { return call.rows_aligned(bytes) && out.o.aligned(bytes); }

  template <class Team>
  struct scratch {
    walk_t<Team, T, role> step;
    tile<operand_t<Team, T>> q, k, v;
    tile<result_t<Team, T>> o;
    tile<A> angles;
    template <class Alloc>
    SUPRA_FN scratch(Alloc& a, const call_type& c) {
      const int n = c.shape.chunk, f = c.features(), e = c.columns();
      using E = operand_t<Team, T>;
      step.lay(a, n, f, e, 1);
      q = take_tile<Alloc, E>(a, n, f), k = take_tile<Alloc, E>(a, n, f), v = take_tile<Alloc, E>(a, n, e);
      o = take_result<result_t<Team, T>>(a, n, e, q);
      if (call_type::turns && !c.angles) angles = take_far_tile<Alloc, A>(a, n, f);
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
    for (std::int64_t t = p.begin; t < p.end; t += call.shape.chunk) {
      const int n = load(team, m, p, t);
      m.step.template step<role>(team, m.o.top(n), m.q.top(n), m.k.top(n), m.v.top(n), out.final_state || t + n < p.end);
      store(team, m, p, t);
    }
    m.step.store(team, 0, out.final_state ? out.final_state + index * call.state_size() : nullptr);
  }

 private:
  // What a chunk brings to the step, and what becomes of its result. Each says for itself where the chunk stands: while a step
  // runs, a team may have registers for nothing else.
  template <class Team, class M, class Part>
  SUPRA_INLINE int load(Team& team, M& m, const Part& p, std::int64_t t) const {
    const auto c = call.template chunk_from<direction::forward>(p, t);
    const int h = p.head, g = p.key_head;
    call.fill_decay(team, m.step.decay, c, h), call.await(team);
    const auto angles = call.angles_of(team, m.angles, c);
    team.rows(c.n, [&, this](auto lanes, int r) { load(lanes, c, r, h, g, m.q, m.k, m.v, angles); });
    call.await_plain(team), team.sync();
    call.bring_next(team, c, h, g);
    return c.n;
  }
  template <class Team, class M, class Part>
  SUPRA_INLINE void store(Team& team, M& m, const Part& p, std::int64_t t) const {
    const auto c = call.template chunk_from<direction::forward>(p, t);
    call.bring_next_plain(team, m.v, c, p.head, p.key_head);
    store(team, m.o, c, p.head);
  }
  template <class Lanes, class E>
  SUPRA_INLINE void load(Lanes lanes, const typename call_type::chunk& c, int r, int h, int g, tile<E> q, tile<E> k, tile<E> v,
                         tile<const A> angles) const {
    mapped_load query(call, lanes, q, c, r, h, false), key(call, lanes, k, c, r, g, true);
    plain_load value(call, lanes, row_slot<3>{}, call.in.v, v, c, r, g);
    auto turn = call.turn_row(lanes, angles, r);
    query.load(1), key.load(2), call.fetch_turn(lanes, turn, angles, c, r), value.load();
    query.finish(turn.view()), key.finish(turn.view()), value.finish(A(1));
  }
  template <class Team, class R>
  SUPRA_FN void store(Team& team, tile<R> o, const typename call_type::chunk& c, int h) const {
    team.rows(c.n, [&, this](auto all, int r) {
      const auto lanes = of_values(all);
      const std::int64_t token = c.token(r);
      auto row = hold<width::head>(lanes, memory_row<R, A>{o.row(r), call.shape.e});
      auto y = call.given_row(lanes, out.o, c, r, h, call.shape.e);
      row.load();
      const A z = call_type::denominator ? A(lone_number(o, r, call.shape.e)) : A(0);
      const A number = call.stages.normalizer.forward(lanes, call.at_normalizer(c.s, c.t0 + r, h), row.view(), z, y.view());
      y.store();
      if (out.saved) lanes.once([&] { out.saved[token * call.shape.heads + h] = number; });
    });
    // Where o lies in q's place, other lanes may bring the next chunk's q there.
    if constexpr (requires { requires Team::outputs_cross_lanes; }) team.sync();
  }
};

}  // namespace supra
