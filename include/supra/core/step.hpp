// One recurrent step, S = gamma S + k^T v, o = q S: constant work and memory a token. A kernel for one sequence and head each.
#pragma once

#include "supra/core/ends.hpp"

namespace supra {

// The state (F, E) of one sequence and head while a token passes. A team may have one of its own, Team::recurrence<A>:
//   lay(team, f, e)                       its scratch
//   load(team, state)                     its rows may be on their way from here on
//   update(team, gamma, q, k, v)          S = gamma S + k^T v; whole rows q, k (F), v (E)
//   finish(team, f)                       f(lanes, sums) once, with the whole row sums = q S (E)
template <class A>
class plain_recurrence {
 public:
  template <class Alloc>
  SUPRA_FN void lay(Alloc& a, int f, int e) {
    f_ = f, e_ = e, sums_ = a.template scratch<A>(e);
  }
  template <class Team>
  SUPRA_FN void load(Team&, A* state) {
    state_ = state;
  }
  template <class Team>
  SUPRA_FN void update(Team& team, A gamma, const A* q, const A* k, const A* v) {
    team.rows(1, [&, this](auto lanes, int) {
      lanes.each(e_, [&](auto j) { sums_[int(j)] = 0; });
      int i = 0;
      for (; i + 4 <= f_; i += 4) rows<4>(lanes, i, gamma, q, k, v);
      for (; i < f_; ++i) rows<1>(lanes, i, gamma, q, k, v);
    });
    team.sync();
  }
  template <class Team, class F>
  SUPRA_FN void finish(Team& team, F f) {
    team.rows(1, [&, this](auto lanes, int) { f(lanes, sums_); });
  }

 private:
  // N rows of the state, from feature i on: their sums stay in registers meanwhile.
  template <int N, class Lanes>
  SUPRA_INLINE void rows(Lanes lanes, int i, A gamma, const A* q, const A* k, const A* v) const {
    A *const rows = state_ + static_cast<std::int64_t>(i) * e_, *const sums = sums_;
    const int e = e_;
    q += i, k += i;
    lanes.each(e, [&](auto j) {
      const A value = v[int(j)];
      A sum = sums[int(j)];
      for (int r = 0; r < N; ++r) {
        A& x = rows[r * e + int(j)];
        x = gamma * x + k[r] * value, sum += q[r] * x;
      }
      sums[int(j)] = sum;
    });
  }
  A *state_ = nullptr, *sums_ = nullptr;
  int f_ = 0, e_ = 0;
};

template <class Team, class A>
struct recurrence_of {
  using type = plain_recurrence<A>;
};
template <class Team, class A>
requires requires { typename Team::template recurrence<A>; }
struct recurrence_of<Team, A> {
  using type = typename Team::template recurrence<A>;
};

template <class Composition, class T>
struct step_kernel {
  using call_type = attention_call<Composition, T>;
  using A = accumulator_t<T>;
  call_type call;  // angles (sequences, F); null: computed here
  A* state;
  strided<T> o;

  static constexpr int rows = 3;  // of a token: q, k, v
  bool rows_aligned(int bytes) const { return call.rows_aligned(bytes) && o.aligned(bytes); }

  template <class Team>
  struct scratch {
    typename recurrence_of<Team, A>::type memory;
    tile<A> mapped, angles;  // q, k
    tile<A> v;
    template <class Alloc>
    SUPRA_FN scratch(Alloc& a, const call_type& c) {
      const int f = c.features(), e = c.columns();
      memory.lay(a, f, e);
      mapped = take_tile<Alloc, A>(a, 2, f), v = take_tile<Alloc, A>(a, 1, e);
      if (call_type::turns && !c.angles) angles = take_far_tile<Alloc, A>(a, 2, f);
    }
  };

  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    const std::int64_t s = index / call.shape.heads;
    const int h = static_cast<int>(index % call.shape.heads), g = h / call.group();
    scratch<Team> m(team, call);
    m.memory.load(team, state + index * call.state_size());
    const A gamma = math::exp(call.decay_at(s, h));
    const typename call_type::chunk c{s, s, 0, 1};
    team.rows(rows, [&, this](auto lanes, int r) {
      if (r == 2) {
        plain_load value(call, lanes, row_slot<3>{}, call.in.v, m.v, c, 0, g);
        value.load(), value.finish(A(1));
      } else {
        map(lanes, c, r, r == 0 ? h : g, m.mapped.part(r, 1), m.angles);
      }
    });
    team.sync();
    m.memory.update(team, gamma, m.mapped.row(0), m.mapped.row(1), m.v.data);
    m.memory.finish(team, [&, this](auto all, const A* sums) {
      const auto lanes = of_values(all);
      const int e = call.shape.e;
      auto row = hold<width::head>(lanes, memory_row<const A, A>{sums, e});
      auto y = call.given_row(lanes, o, c, 0, h, e);
      row.load();
      const A z = call_type::denominator ? sums[e] : A(0);
      call.stages.normalizer.forward(lanes, call.at_normalizer(s, 0, h), row.view(), z, y.view());
      y.store();
    });
  }

 private:
  // Query (r = 0) or key (1).
  template <class Lanes>
  SUPRA_INLINE void map(Lanes lanes, const typename call_type::chunk& c, int r, int head, tile<A> to, tile<A> angles) const {
    mapped_load row(call, lanes, to, c, 0, head, r == 1);
    row.load(r + 1);
    if constexpr (call_type::turns) {
      if (!call.angles) {
        auto turn = hold<width::mapped>(lanes, angles[r]);
        call.stages.position.prepare(lanes, call.at(c.s, 0, 0, false), turn.view());
        return row.finish(turn.view());
      }
    }
    const int f = call.features();
    auto turn = call.turn_row(lanes, tile<const A>{call.angles ? call.angles + c.s * f : nullptr, 1, f, f}, 0);
    turn.load();
    row.finish(turn.view());
  }
};

}  // namespace supra
