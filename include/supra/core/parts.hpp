// Where there are fewer sequences and heads than a backend can work on side by side: every chunk of a sequence is walked for
// itself. First each chunk's own contribution to the state, then a scan over the chunks that turns contributions into the
// states before them, then the same kernels as ever from those states. The same sums in the same order as the whole walk: the
// same bits.
#pragma once

#include "supra/core/backward.hpp"
#include "supra/core/forward.hpp"

namespace supra {

// states[s, h, part] = what the chunk adds to the state that the walk in direction Dir carries; totals beside it.
template <direction Dir, class Call>
struct contribution_kernel {
  using A = typename Call::A;
  static constexpr bool reverse = Dir == direction::reverse;
  Call call;

  template <class Team>
  struct scratch {
    walk<Team, typename Call::storage> step;
    tile<operand_t<Team, typename Call::storage>> y, z;
    tile<A> state, angles;
    parameter_sums<A> unused;
    template <class Alloc>
    SUPRA_FN scratch(Alloc& a, const Call& c) {
      const int n = c.shape.chunk, f = c.features(), e = c.columns();
      using E = operand_t<Team, typename Call::storage>;
      step.lay(a, n, f, e);
      y = take_tile<Alloc, E>(a, n, f), z = take_tile<Alloc, E>(a, n, e);
      state = take_tile<Alloc, A>(a, f, e);
      if constexpr (Call::turns) angles = take_tile<Alloc, A>(a, n, f);
      if constexpr (reverse) unused.lay(a, n, parameters_of<typename Call::normalizer_stage>(c.shape.e));
    }
  };

  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    const auto p = call.part_of(index, call.shape.heads);
    const int h = p.head, g = h / call.group();
    const scratch<Team> m(team, call);
    A* const to = call.parts.states + index * call.state_size();
    A* const total = call.parts.totals + index;
    if (p.begin >= p.end) {  // beyond the end of a shorter sequence
      load_state<Team, A>(team, m.state, nullptr);
      store_state(team, m.state, to);
      team.rows(1, [&](auto lanes, int) { lanes.once([&] { *total = A(1); }); });
      return;
    }
    const auto c = call.chunk_from(p.s, p.begin);
    const auto y = m.y.top(c.n), z = m.z.top(c.n);
    call.fill_decay(team, m.step.decay, c, h);
    const auto angles = call.angles_of(team, m.angles, c);
    call.load_mapped(team, y, c, reverse ? h : g, !reverse, angles);
    if constexpr (reverse)
      call.load_sums_gradient(team, z, c, h, m.unused);
    else
      call.load_values(team, z, c, g);
    team.sync();
    m.step.template contribute<Dir>(team, m.state, y, z, false);
    store_state(team, m.state, to);
    team.rows(1, [&](auto lanes, int) { lanes.once([&] { *total = m.step.total(c.n); }); });
  }
};

// Contributions become the states before each part, in the walk's order; carry goes from before the first to after the last.
template <direction Dir, class A>
struct scan_kernel {
  sequence_parts<A> parts;
  A* carry;  // (sequences, H, F, E)
  int features, columns;
  static constexpr int block = 16;  // rows of a state that a team scans
  std::int64_t blocks() const { return (features + block - 1) / block; }
  std::size_t scratch_bytes() const {
    scratch_counter count;
    take_tile<scratch_counter, A>(count, block, columns);
    return count.bytes;
  }

  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    const std::int64_t of_head = (features + block - 1) / block, row = index / of_head;
    const int first = static_cast<int>(index % of_head) * block, left = features - first;
    const std::int64_t size = static_cast<std::int64_t>(features) * columns;
    const auto scaled = take_tile<Team, A>(team, block, columns);
    team.rows(left < block ? left : block, [&, this](auto lanes, int r) {
      A* const running = carry + row * size + static_cast<std::int64_t>(first + r) * columns;
      for (std::int64_t i = 0; i < parts.count; ++i) {
        const std::int64_t part = row * parts.count + (Dir == direction::forward ? i : parts.count - 1 - i);
        A* const own = parts.states + part * size + static_cast<std::int64_t>(first + r) * columns;
        const A total = parts.totals[part];
        // rounded after the product, as the walk does it: two loops, so that no compiler makes one fused operation of it
        lanes.each(columns, [&](auto j) { scaled.row(r)[int(j)] = running[int(j)] * total; });
        lanes.each(columns, [&](auto j) {
          const A before = running[int(j)];
          running[int(j)] = scaled.row(r)[int(j)] + own[int(j)], own[int(j)] = before;
        });
      }
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
