// Where there are fewer sequences and heads than a backend can work on side by side: sequences are cut into parts, each walked
// for itself. First each part's own contribution to the state, then a scan over the parts that turns contributions into the
// states before them, then the same kernels as ever from those states. Where a part is one chunk, these are the same sums in
// the same order as the whole walk: the same bits.
#pragma once

#include "supra/core/backward.hpp"
#include "supra/core/forward.hpp"

namespace supra {

// states[s, h, part] = what the part adds to the state that the walk in direction Dir carries; totals beside it.
template <direction Dir, class Call>
struct contribution_kernel {
  using A = typename Call::A;
  using T = typename Call::storage;
  using call_type = Call;
  static constexpr bool reverse = Dir == direction::reverse;
  static constexpr walk_role role = walk_role::output;
  static constexpr int rows_loaded = 2, rows_given = 2, plain_given = 1;  // of a token: k, v, or q, d
  strided<const T> source(int i) const { return i == 0 ? call.input_of(!reverse) : plain(); }
  SUPRA_FN strided<const T> plain() const {
    if constexpr (reverse)
      return call.d;
    else
      return call.in.v;
  }
  static SUPRA_FN constexpr bool of_key(int) { return !reverse; }
  static SUPRA_FN constexpr bool of_value(int i) { return i > 0; }
  bool rows_aligned(int bytes) const { return call.rows_aligned(bytes); }
  Call call;

  template <class Team>
  struct scratch {
    walk_t<Team, T, role> step;
    tile<operand_t<Team, T>> y, z;
    tile<A> angles;
    template <class Alloc>
    SUPRA_FN scratch(Alloc& a, const Call& c) {
      const int n = c.shape.chunk, f = c.features(), e = c.columns();
      using E = operand_t<Team, T>;
      step.lay(a, n, f, e, 1);
      y = take_tile<Alloc, E>(a, n, f), z = take_tile<Alloc, E>(a, n, e);
      if (Call::turns && !c.angles) angles = take_far_tile<Alloc, A>(a, n, f);
    }
  };

  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    decltype(auto) p = keep(team, call.part_of(index, call.shape.heads));
    const int n = call.shape.chunk;
    scratch<Team> m(team, call);
    if (p.begin >= p.end) m.step.load(team, 0, nullptr);  // beyond the end of a shorter sequence
    call.template bring_first<Dir>(team, p, p.head, p.key_head);
    call.template bring_first_plain<Dir>(team, m.z, p, p.head, p.key_head);
    A total = 1;
    const std::int64_t chunks = p.begin < p.end ? (p.end - p.begin + n - 1) / n : 0;
    for (std::int64_t i = 0; i < chunks; ++i) {
      const std::int64_t t = p.begin + (reverse ? chunks - 1 - i : i) * n;
      const int tokens = load(team, m, p, t);
      m.step.template gather<Dir>(team, m.y.top(tokens), m.z.top(tokens), i > 0);
      call.bring_next_plain(team, m.z, call.template chunk_from<Dir>(p, t), p.head, p.key_head);
      total *= m.step.total(tokens);
      team.sync();
    }
    m.step.store(team, 0, call.parts.states + index * call.state_size());
    team.rows(1, [&](auto lanes, int) { lanes.once([&] { call.parts.totals[index] = total; }); });
  }

 private:
  template <class Team, class M, class Part>
  SUPRA_INLINE int load(Team& team, M& m, const Part& p, std::int64_t t) const {
    const auto c = call.template chunk_from<Dir>(p, t);
    const int h = p.head, g = p.key_head;
    call.fill_decay(team, m.step.decay, c, h), call.await(team);
    const auto angles = call.angles_of(team, m.angles, c);
    team.rows(c.n, [&, this](auto lanes, int r) {
      auto turn = call.turn_row(lanes, angles, r);
      mapped_load row(call, lanes, m.y, c, r, reverse ? h : g, !reverse);
      plain_load other(call, lanes, row_slot<2>{}, plain(), m.z, c, r, reverse ? h : g);
      row.load(1), call.fetch_turn(lanes, turn, angles, c, r), other.load();
      row.finish(turn.view());
      if constexpr (reverse)
        other.finish(call.d_denominator(c, r, h));
      else
        other.finish(A(1));
    });
    call.await_plain(team), team.sync();
    call.bring_next(team, c, h, g);
    return c.n;
  }
};

// Contributions become the states before each part, in the walk's order; carry goes from before the first to after the last.
template <direction Dir, class A>
struct scan_kernel {
  sequence_parts<A> parts;
  A* carry;                                      // (sequences, H, F, E)
  std::int64_t size;                             // numbers of a state, whatever their rows: all are scanned alike
  static constexpr int piece = 128, pieces = 8;  // a team's
  SUPRA_FN std::int64_t blocks() const { return (size + piece * pieces - 1) / (piece * pieces); }
  std::size_t scratch_bytes() const {
    scratch_counter count;
    take_tile<scratch_counter, A>(count, 2 * pieces, piece);
    return count.bytes;
  }

  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    const std::int64_t row = index / blocks(), begin = index % blocks() * piece * pieces, left = size - begin;
    const auto numbers = take_tile<Team, A>(team, 2 * pieces, piece);
    team.rows(left < piece * pieces ? static_cast<int>((left + piece - 1) / piece) : pieces, [&, this](auto lanes, int r) {
      const std::int64_t first = begin + r * piece;
      const int n = size - first < piece ? static_cast<int>(size - first) : piece;
      A *const running = numbers.row(2 * r), *const scaled = numbers.row(2 * r + 1), *const state = carry + row * size + first;
      each_of(
          lanes, n, [](A& to, A from) { to = from; }, running, static_cast<const A*>(state));
      for (std::int64_t i = 0; i < parts.count; ++i) {
        const std::int64_t part = row * parts.count + (Dir == direction::forward ? i : parts.count - 1 - i);
        const A total = parts.totals[part];
        // rounded after the product, as the walk does it: two loops, so that no compiler makes one fused operation of it
        each_of(
            lanes, n, [=](A& to, A s) { to = s * total; }, scaled, static_cast<const A*>(running));
        each_of(
            lanes, n,
            [](A& s, A& own, A past) {
              const A before = s;
              s = past + own, own = before;
            },
            kept<A>{running}, kept<A>{parts.states + part * size + first}, static_cast<const A*>(scaled));
      }
      each_of(
          lanes, n, [](A& to, A from) { to = from; }, state, static_cast<const A*>(running));
    });
  }
};

// to = from, or zero; n rows of a state. In place where they are the same.
template <class A>
struct begin_state {
  const A* from;
  A* to;
  int columns;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t row) const {
    lanes.each(columns, [&, this](auto j) { to[row * columns + int(j)] = from ? from[row * columns + int(j)] : A(0); });
  }
};

}  // namespace supra
