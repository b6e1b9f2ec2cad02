// The backward pass: one walk forward for dq, one in reverse for dk and dv, then small sums for the decay and for the stages'
// own parameters. Saved from the forward: the layer's inputs, its output, one number a row.
#pragma once

#include "supra/core/ends.hpp"

namespace supra {

// Room that the backward needs beside its outputs; each array only where a stage has learned numbers or the decay a gradient.
template <class A>
struct backward_workspace {
  A* decay = nullptr;       // (tokens, H): q . dq - k . dk
  A* last = nullptr;        // (count, H): <dS_T, S_T>
  A* feature_q = nullptr;   // (count, H, parts, P)
  A* feature_k = nullptr;   // (count, G, parts, P)
  A* normalizer = nullptr;  // (count, H, parts, P)
};

template <class Composition, class T>
struct backward_call : attention_call<Composition, T> {
  using base = attention_call<Composition, T>;
  using A = accumulator_t<T>;
  using chunk = typename base::chunk;
  static constexpr bool decay_gradient = base::kind != decay_kind::constant;
  attention_gradients<T> grad;
  backward_workspace<A> work;

  bool rows_aligned(int bytes) const {
    return base::rows_aligned(bytes) && grad.o.aligned(bytes) && grad.d_o.aligned(bytes) && grad.dq.aligned(bytes) &&
           grad.dk.aligned(bytes) && grad.dv.aligned(bytes);
  }
  // Where a part's sums of a stage's parameter gradients go: (sequences, heads, all parts, P).
  SUPRA_FN A* own_sums(A* all, const typename base::part& p, int size, int heads) const {
    return all ? all + ((p.s * heads + p.head) * this->parts.all + p.number) * size : nullptr;
  }

  // From a mapped row's gradient, which is used up, to that of the layer's q or k.
  template <class Lanes>
  SUPRA_FN void map_back(Lanes lanes, const chunk& c, int r, int head, bool key, tile<const A> angles, memory_row<A, A> mapped,
                         A* own, strided<const T> x, strided<T> dx) const {
    const auto where = this->at(c.s, c.t0 + r, head, key, own);
    auto held = hold<width::mapped>(lanes, mapped);
    auto from = this->given_row(lanes, x, c, r, head, this->shape.d);
    auto to = this->given_row(lanes, dx, c, r, head, this->shape.d);
    auto turn = this->turn_row(lanes, angles, r);
    from.load(), turn.load(), held.load();
    const auto row = held.view();
    if (key) {
      const A scale = this->key_scale();
      lanes.each(row.size(), [&](auto i) { row[i] *= scale; });
    }
    if constexpr (base::turns) this->stages.position.vjp(lanes, where, turn.view(), row);
    lanes.sync();
    this->stages.feature.vjp(lanes, where, from.view(), row, to.view());
    to.store();
  }
};

// The gradient of the unnormalized sums, from the output, the saved number and the output's gradient.
template <class Call, class Lanes, class E>
struct sums_gradient_load {
  using A = typename Call::A;
  using chunk = typename Call::chunk;
  using given = decltype(std::declval<Call>().given_row(std::declval<Lanes>(), Call().grad.o, chunk(), 0, 0, 0));
  const Call& call;
  const chunk& c;
  Lanes lanes;
  int r, head;
  A* own;
  A saved = 0;
  E* row;
  given y, dy;
  decltype(hold<width::head>(lanes, memory_row<E, A>())) dx;
  SUPRA_FN sums_gradient_load(const Call& call, Lanes lanes, tile<E> to, const chunk& c, int r, int h,
                              const parameter_sums<A>& sums)
      : call(call),
        c(c),
        lanes(lanes),
        r(r),
        head(h),
        own(sums.row(lanes, r)),
        row(to.row(r)),
        y(call.given_row(lanes, call.grad.o, c, r, h, call.shape.e)),
        dy(call.given_row(lanes, call.grad.d_o, c, r, h, call.shape.e)),
        dx(hold<width::head>(lanes, call.y_row(to, r, call.shape.e))) {}
  SUPRA_FN void load(int slot) {  // and slot + 1
    call.fetch_row(lanes, y, slot, call.grad.o, c, r, head), call.fetch_row(lanes, dy, slot + 1, call.grad.d_o, c, r, head);
    saved = call.grad.saved[c.token(r) * call.shape.heads + head];
  }
  SUPRA_FN void finish() {
    const auto where = call.at_normalizer(c.s, c.t0 + r, head, own);
    const A dz = call.stages.normalizer.vjp(lanes, where, y.view(), saved, dy.view(), dx.view());
    dx.store();
    if constexpr (Call::denominator) lanes.once([&] { row[call.shape.e] = E(dz); });
  }
};

template <class Composition, class T>
struct backward_q_kernel {
  using call_type = backward_call<Composition, T>;
  using A = accumulator_t<T>;
  call_type call;

  static constexpr walk_role role = walk_role::queries;
  static constexpr int rows_loaded = 4;  // of a token: O, dO, k, v
  bool rows_aligned(int bytes) const { return call.rows_aligned(bytes); }

  template <class Team>
  struct scratch {
    walk_t<Team, T, role> step;
    tile<operand_t<Team, T>> d, k, v;
    tile<A> dq, angles, q;
    parameter_sums<A> feature, normalizer;
    template <class Alloc>
    SUPRA_FN scratch(Alloc& a, const call_type& c) {
      const int n = c.shape.chunk, f = c.features(), e = c.columns();
      using E = operand_t<Team, T>;
      step.lay(a, n, f, e, 1);
      d = take_tile<Alloc, E>(a, n, e), k = take_tile<Alloc, E>(a, n, f), v = take_tile<Alloc, E>(a, n, e);
      dq = take_tile<Alloc, A>(a, n, f);
      if (call_type::turns && !c.angles) angles = take_far_tile<Alloc, A>(a, n, f);
      if constexpr (call_type::decay_gradient) q = take_far_tile<Alloc, A>(a, n, f);
      feature.lay(a, n, parameters_of<typename call_type::feature_map>(c.shape.d));
      normalizer.lay(a, n, parameters_of<typename call_type::normalizer_stage>(c.shape.e));
    }
  };

  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    const auto p = call.part_of(index, call.shape.heads);
    const int h = p.head, g = h / call.group();
    scratch<Team> m(team, call);
    m.step.load(team, 0, call.state_before(p, h, call.in.initial_state));
    m.feature.clear(team), m.normalizer.clear(team);
    const bool wants_end = call_type::decay_gradient && p.last;
    for (std::int64_t t = p.begin; t < p.end; t += call.shape.chunk) {
      const auto c = call.template chunk_from<direction::forward>(p, t);
      const auto d = m.d.top(c.n), k = m.k.top(c.n), v = m.v.top(c.n);
      const auto dq = m.dq.top(c.n);
      call.fill_decay(team, m.step.decay, c, h);
      const auto angles = call.angles_of(team, m.angles, c);
      team.rows(c.n, [&, this](auto lanes, int r) { load(lanes, m, c, r, h, g, angles); });
      m.normalizer.add(team, c.n);
      team.sync();
      m.step.template step<role>(team, dq, d, v, k, t + c.n < p.end || wants_end);
      store(team, m, dq, c, angles, h);
    }
    m.feature.store(team, call.own_sums(call.work.feature_q, p, m.feature.rows.cols, call.shape.heads));
    m.normalizer.store(team, call.own_sums(call.work.normalizer, p, m.normalizer.rows.cols, call.shape.heads));
    if constexpr (call_type::decay_gradient)
      if (wants_end && call.work.last) last_state(team, m, p.s * call.shape.heads + h);
  }

 private:
  template <class Lanes, class M>
  SUPRA_FN void load(Lanes lanes, const M& m, const typename call_type::chunk& c, int r, int h, int g,
                     tile<const A> angles) const {
    sums_gradient_load gradient(call, lanes, m.d, c, r, h, m.normalizer);
    mapped_load key(call, lanes, m.k, c, r, g, true);
    value_load value(call, lanes, m.v, c, r, g);
    auto turn = call.turn_row(lanes, angles, r);
    gradient.load(1), key.load(3), call.fetch_turn(lanes, turn, angles, c, r), value.load(4);
    gradient.finish(), key.finish(turn.view()), value.finish();
  }
  template <class Team, class M>
  SUPRA_FN void store(Team& team, const M& m, tile<A> dq, const typename call_type::chunk& c, tile<const A> angles,
                      int h) const {
    team.rows(c.n, [&, this](auto lanes, int r) {
      if constexpr (call_type::decay_gradient) {
        auto x = call.given_row(lanes, call.in.q, c, r, h, call.shape.d);
        auto turn = call.turn_row(lanes, angles, r);
        auto q = call.mapped_row(lanes, m.q, r);
        auto d = call.mapped_row(lanes, dq, r);
        x.load(), d.load();
        turn.load();
        call.map_row(lanes, call.at(c.s, c.t0 + r, h, false), x.view(), turn.view(), q.view());
        lanes.sync();
        // q as it was multiplied: the sums below and those of k . dk nearly cancel, and so do their roundings then
        using E = operand_t<Team, T>;
        const A dot = lanes.sum(dq.cols, [x = q.view(), y = d.view()](auto i) { return A(E(A(x[i]))) * A(y[i]); });
        if (call.work.decay) lanes.once([&] { call.work.decay[c.token(r) * call.shape.heads + h] = dot; });
      }
      call.map_back(lanes, c, r, h, false, angles, dq[r], m.feature.row(lanes, r), call.in.q, call.grad.dq);
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

// Which of dk and dv a kernel makes: a walk that keeps one state only makes one.
enum class keys_part { both, values, keys };

// One team for a key head: the heads that read it are walked side by side, so that dk and dv are summed before they are stored.
template <class Composition, class T, keys_part Part = keys_part::both>
struct backward_kv_kernel {
  using call_type = backward_call<Composition, T>;
  using A = accumulator_t<T>;
  using chunk = typename call_type::chunk;
  static constexpr bool makes_dk = Part != keys_part::values, makes_dv = Part != keys_part::keys;
  static constexpr walk_role role = Part == keys_part::values ? walk_role::values : walk_role::keys;
  static constexpr int rows_loaded = Part == keys_part::both ? 5 : 4;  // of a token: O, dO, q, and k, v
  call_type call;
  bool rows_aligned(int bytes) const { return call.rows_aligned(bytes); }

  template <class Team>
  struct scratch {
    walk_t<Team, T, role> step;
    tile<operand_t<Team, T>> q, d, k, v;
    tile<A> dk, dv, head_dk, head_dv, angles;
    parameter_sums<A> feature, normalizer;
    template <class Alloc>
    SUPRA_FN scratch(Alloc& a, const call_type& c) {
      const int n = c.shape.chunk, f = c.features(), e = c.columns();
      using E = operand_t<Team, T>;
      step.lay(a, n, f, e, c.group());
      q = take_tile<Alloc, E>(a, n, f), d = take_tile<Alloc, E>(a, n, e);
      if constexpr (makes_dv) k = take_tile<Alloc, E>(a, n, f);
      if constexpr (makes_dk) v = take_tile<Alloc, E>(a, n, e);
      if constexpr (makes_dk) dk = head_dk = take_tile<Alloc, A>(a, n, f);
      if constexpr (makes_dv) dv = head_dv = take_tile<Alloc, A>(a, n, e);
      if (makes_dk && c.group() > 1) head_dk = take_far_tile<Alloc, A>(a, n, f);
      if (makes_dv && c.group() > 1) head_dv = take_far_tile<Alloc, A>(a, n, e);
      if (call_type::turns && !c.angles) angles = take_far_tile<Alloc, A>(a, n, f);
      if constexpr (makes_dk) feature.lay(a, n, parameters_of<typename call_type::feature_map>(c.shape.d));
      normalizer.lay(a, n, parameters_of<typename call_type::normalizer_stage>(c.shape.e));  // not kept: dq's walk has it
    }
  };

  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    const auto p = call.part_of(index, call.shape.kv_heads);
    const int g = p.head, group = call.group();
    scratch<Team> m(team, call);
    for (int j = 0; j < group; ++j) m.step.load(team, j, call.state_before(p, g * group + j, call.grad.d_final_state));
    m.feature.clear(team);
    const std::int64_t chunks = (p.end - p.begin + call.shape.chunk - 1) / call.shape.chunk;
    for (std::int64_t i = chunks - 1; i >= 0; --i) {
      auto c = call.template chunk_from<direction::reverse>(p, p.begin + i * call.shape.chunk);
      if (group > 1) c.next = 0, c.fetched = false;  // several heads take turns
      const auto angles = call.angles_of(team, m.angles, c);
      for (int j = 0; j < group; ++j) one_head(team, m, c, angles, g * group + j, j, i > 0 || call.grad.d_initial_state);
      store(team, m, c, angles, g);
    }
    if constexpr (makes_dk)
      m.feature.store(team, call.own_sums(call.work.feature_k, p, m.feature.rows.cols, call.shape.kv_heads));
    A* const to = makes_dk ? call.grad.d_initial_state : nullptr;
    for (int j = 0; to && j < group; ++j)
      m.step.store(team, j, to + (p.s * call.shape.heads + g * group + j) * call.state_size());
  }

 private:
  // What head h brings and, for the first head of a group, keys and values of key head g (else -1).
  template <class Lanes, class M>
  SUPRA_FN void load(Lanes lanes, const M& m, const chunk& c, int r, int h, int g, tile<const A> angles) const {
    const int of = g < 0 ? 0 : g;
    sums_gradient_load gradient(call, lanes, m.d, c, r, h, m.normalizer);
    mapped_load query(call, lanes, m.q, c, r, h, false), key(call, lanes, m.k, c, r, of, true);
    value_load value(call, lanes, m.v, c, r, of);
    auto turn = call.turn_row(lanes, angles, r);
    gradient.load(1), query.load(3), call.fetch_turn(lanes, turn, angles, c, r);
    if (makes_dv && g >= 0) key.load(4);
    if (makes_dk && g >= 0) value.load(makes_dv ? 5 : 4);
    gradient.finish(), query.finish(turn.view());
    if (makes_dv && g >= 0) key.finish(turn.view());
    if (makes_dk && g >= 0) value.finish();
  }
  template <class Team, class M>
  SUPRA_FN void one_head(Team& team, M& m, const chunk& c, tile<const A> angles, int h, int j, bool on) const {
    const auto q = m.q.top(c.n), d = m.d.top(c.n), k = m.k.top(c.n), v = m.v.top(c.n);
    const bool first = j == 0;
    const auto dk = (first ? m.dk : m.head_dk).top(c.n), dv = (first ? m.dv : m.head_dv).top(c.n);
    call.fill_decay(team, m.step.decay, c, h);
    team.rows(c.n, [&, this](auto lanes, int r) { load(lanes, m, c, r, h, first ? h / call.group() : -1, angles); });
    team.sync();
    m.step.back(team, j, dk, dv, q, d, k, v, on);
    if constexpr (makes_dk && call_type::decay_gradient)
      team.rows(c.n, [&, this](auto lanes, int r) { along_keys(lanes, m, c, r, h, dk, angles); });
    if (!first)
      team.rows(c.n, [&, this](auto lanes, int r) {
        if constexpr (makes_dk) lanes.each(dk.cols, [&](auto i) { m.dk.row(r)[int(i)] += dk.row(r)[int(i)]; });
        if constexpr (makes_dv) lanes.each(dv.cols, [&](auto i) { m.dv.row(r)[int(i)] += dv.row(r)[int(i)]; });
      });
    team.sync();
  }
  // k . dk, k mapped again where its tile is used up or was never there.
  template <class Lanes, class M>
  SUPRA_FN void along_keys(Lanes lanes, const M& m, const chunk& c, int r, int h, tile<A> dk, tile<const A> angles) const {
    if (call.work.decay == nullptr) return;
    A dot;
    if constexpr (makes_dv) {
      dot = lanes.sum(dk.cols, [&](auto i) { return A(m.k[r][int(i)]) * dk.row(r)[int(i)]; });
    } else {
      const int g = h / call.group();
      auto x = call.given_row(lanes, call.in.k, c, r, g, call.shape.d);
      auto turn = call.turn_row(lanes, angles, r);
      auto k = call.mapped_row(lanes, m.k, r);
      auto d = call.mapped_row(lanes, dk, r);
      x.load(), turn.load(), d.load();
      call.map_row(lanes, call.at(c.s, c.t0 + r, g, true), x.view(), turn.view(), k.view());
      using E = std::remove_pointer_t<decltype(m.k.data)>;
      dot = lanes.sum(dk.cols, [x = k.view(), y = d.view()](auto i) { return A(E(A(x[i]))) * A(y[i]); });
    }
    lanes.once([&] { call.work.decay[c.token(r) * call.shape.heads + h] -= dot; });
  }
  template <class Team, class M>
  SUPRA_FN void store(Team& team, const M& m, const chunk& c, tile<const A> angles, int g) const {
    team.rows(c.n, [&, this](auto lanes, int r) {
      if constexpr (makes_dv) {
        auto from = hold<width::head>(lanes, memory_row<const A, A>{m.dv.row(r), call.shape.e});
        auto to = call.given_row(lanes, call.grad.dv, c, r, g, call.shape.e);
        from.load();
        lanes.each(call.shape.e, [x = from.view(), y = to.view()](auto i) { y[i] = x[i]; });
        to.store();
      }
      if constexpr (makes_dk)
        call.map_back(lanes, c, r, g, true, angles, m.dk[r], m.feature.row(lanes, r), call.in.k, call.grad.dk);
    });
    if constexpr (makes_dk) m.feature.add(team, c.n);
    team.sync();
  }
};

// d log gamma_t = sum over s >= t of (q . dq - k . dk)_s + <dS_T, S_T>, then the schedule's derivative. One team a sequence and
// head.
template <class Composition, class T>
struct backward_decay_kernel {
  using call_type = backward_call<Composition, T>;
  using A = accumulator_t<T>;
  call_type call;
  A* partial;  // (count, H), learned schedules

  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    if constexpr (call_type::decay_gradient) {
      const std::int64_t s = index / call.shape.heads;
      const int h = static_cast<int>(index % call.shape.heads);
      team.rows(1, [&, this](auto lanes, int) {
        lanes.once([&] {
          A running = call.work.last[index], total = 0;
          for (std::int64_t t = call.seq.first(s) + call.seq.tokens(s) - 1; t >= call.seq.first(s); --t) {
            const std::int64_t i = t * call.shape.heads + h;
            running += call.work.decay[i];
            if constexpr (call_type::kind == decay_kind::per_token)
              call.grad.d_decay[i] = call.stages.decay.vjp(call.in.decay[i], running);
            else
              total += running;
          }
          if constexpr (call_type::kind == decay_kind::learned) partial[index] = call.stages.decay.vjp(call.in.decay[h], total);
        });
      });
    }
  }
};

// to[i] = sum over s of the sum over parts of from[s, i / width, part, i % width], in the order of the walk that made them.
template <class A>
struct sum_over_sequences {
  const A* from;
  A* to;
  std::int64_t count, parts, width, n;  // n: numbers of a sequence
  direction order;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
    lanes.once([&] {
      A sum = 0;
      for (std::int64_t s = 0; s < count; ++s) {
        A own = 0;
        for (std::int64_t p = 0; p < parts; ++p) {
          const std::int64_t part = order == direction::forward ? p : parts - 1 - p;
          own += from[(s * n + i / width * width) * parts + part * width + i % width];
        }
        sum += own;
      }
      to[i] = sum;
    });
  }
};

}  // namespace supra
