// The forward pass in chunks, and one recurrent step: kernels for one sequence and head each.
#pragma once

#include "supra/core/ends.hpp"

namespace supra {

template <class Composition, class T>
struct forward_kernel {
  using call_type = attention_call<Composition, T>;
  using A = accumulator_t<T>;
  call_type call;
  attention_outputs<T> out;

  template <class Team>
  struct scratch {
    walk<Team, T> step;
    tile<operand_t<Team, T>> q, k, v;
    tile<A> o, state, angles;
    template <class Alloc>
    SUPRA_FN scratch(Alloc& a, const call_type& c) {
      const int n = c.shape.chunk, f = c.features(), e = c.columns();
      using E = operand_t<Team, T>;
      step.lay(a, n, f, e);
      q = take_tile<Alloc, E>(a, n, f), k = take_tile<Alloc, E>(a, n, f), v = take_tile<Alloc, E>(a, n, e);
      o = take_tile<Alloc, A>(a, n, e), state = take_tile<Alloc, A>(a, f, e);
      if constexpr (call_type::turns) angles = take_tile<Alloc, A>(a, n, f);
    }
  };

  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    const auto p = call.part_of(index, call.shape.heads);
    const int h = p.head, g = h / call.group();
    const scratch<Team> m(team, call);
    load_state(team, m.state, call.state_before(p, h, call.in.initial_state));
    for (std::int64_t t = p.begin; t < p.end; t += call.shape.chunk) {
      const auto c = call.chunk_from(p.s, t);
      const auto q = m.q.top(c.n), k = m.k.top(c.n);
      const auto v = m.v.top(c.n);
      const auto o = m.o.top(c.n);
      call.fill_decay(team, m.step.decay, c, h);
      const auto angles = call.angles_of(team, m.angles, c);
      call.load_mapped(team, q, c, h, false, angles);
      call.load_mapped(team, k, c, g, true, angles);
      call.load_values(team, v, c, g);
      team.sync();
      m.step.template attend<direction::forward, op::plain>(team, o, q, k, v, m.state);
      store(team, o, c, h);
      if (out.final_state || t + c.n < p.end) m.step.template advance<direction::forward>(team, m.state, k, v);
    }
    store_state(team, m.state, out.final_state ? out.final_state + index * call.state_size() : nullptr);
  }

 private:
  template <class Team>
  SUPRA_FN void store(Team& team, tile<A> o, const typename call_type::chunk& c, int h) const {
    team.rows(c.n, [&, this](auto lanes, int r) {
      const std::int64_t token = c.token(r);
      const memory_row<const A, A> row{o.row(r), call.shape.e};
      const A z = call_type::denominator ? o.row(r)[call.shape.e] : A(0);
      const memory_row<T, A> y{out.o.row(token, h), call.shape.e};
      const A number = call.stages.normalizer.forward(lanes, call.at_normalizer(c.s, c.t0 + r, h), row, z, y);
      if (out.saved) lanes.once([&] { out.saved[token * call.shape.heads + h] = number; });
    });
    team.sync();
  }
};

// S = gamma S + k^T v, o = q S: constant work and memory a token.
template <class Composition, class T>
struct step_kernel {
  using call_type = attention_call<Composition, T>;
  using A = accumulator_t<T>;
  call_type call;
  A* state;
  strided<T> o;

  template <class Team>
  struct scratch {
    tile<A> rows;  // q, k
    A* v;
    A* sums;
    template <class Alloc>
    SUPRA_FN scratch(Alloc& a, const call_type& c) {
      rows = take_tile<Alloc, A>(a, 2, c.features());
      v = a.template scratch<A>(c.columns()), sums = a.template scratch<A>(c.columns());
    }
  };

  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    const std::int64_t s = index / call.shape.heads;
    const int h = static_cast<int>(index % call.shape.heads), g = h / call.group();
    const scratch<Team> m(team, call);
    const int f = call.features(), e = call.columns();
    const typename call_type::chunk c{s, s, 0, 1};
    const tile<const A> angles{call.angles ? call.angles + s * f : nullptr, 1, f, f};  // none: no positions
    team.rows(2, [&, this](auto lanes, int r) {
      call.map_row(lanes, c, 0, r == 0 ? h : g, r == 1, angles, memory_row<A, A>{m.rows.row(r), f});
    });
    call.load_values(team, tile<A>{m.v, 1, e, e}, c, g);
    team.sync();
    const A gamma = math::exp(call.decay_at(s, h));
    A* const st = state + index * f * e;
    team.rows(1, [&, this](auto lanes, int) {
      lanes.each(e, [&](auto j) { m.sums[int(j)] = 0; });
      int i = 0;
      for (; i + 4 <= f; i += 4) update<4>(lanes, m, st + static_cast<std::int64_t>(i) * e, i, e, gamma);
      for (; i < f; ++i) update<1>(lanes, m, st + static_cast<std::int64_t>(i) * e, i, e, gamma);
      lanes.sync();
      const A z = call_type::denominator ? m.sums[call.shape.e] : A(0);
      call.stages.normalizer.forward(lanes, call.at_normalizer(s, 0, h), memory_row<const A, A>{m.sums, call.shape.e}, z,
                                     memory_row<T, A>{o.row(s, h), call.shape.e});
    });
  }

 private:
  // N rows of the state, from feature i on: their sums stay in registers meanwhile.
  template <int N, class Lanes, class Scratch>
  static SUPRA_INLINE void update(Lanes lanes, const Scratch& m, A* rows, int i, int e, A gamma) {
    const A *const q = m.rows.row(0) + i, *const k = m.rows.row(1) + i;
    lanes.each(e, [&](auto j) {
      const A v = m.v[int(j)];
      A sum = m.sums[int(j)];
      for (int r = 0; r < N; ++r) {
        A& x = rows[r * e + int(j)];
        x = gamma * x + k[r] * v, sum += q[r] * x;
      }
      m.sums[int(j)] = sum;
    });
  }
};

}  // namespace supra
