// The normalizer's gradient, from the outputs and their gradients alone: that of the sums that it was given, which the walks
// read, and that of its own numbers. One team for a few chunks of a sequence and a head, which it takes one after another as a
// walk does.
#pragma once

#include "supra/core/backward.hpp"

namespace supra {

template <class Composition, class T>
struct normalizer_gradient_kernel {
  using call_type = backward_call<Composition, T>;
  using A = accumulator_t<T>;
  using part = typename call_type::part;
  using chunk = typename call_type::chunk;
  static constexpr walk_role role = walk_role::output;
  static constexpr int rows_loaded = 2, rows_given = 2, plain_given = -1;  // of a token: O, dO
  static constexpr bool loads_turns = false;                               // no angles
  strided<const T> source(int i) const { return i == 0 ? call.grad.o : call.grad.d_o; }
  static SUPRA_FN constexpr bool of_key(int) { return false; }
  static SUPRA_FN constexpr bool of_value(int) { return true; }
  bool rows_aligned(int bytes) const { return call.grad.o.aligned(bytes) && call.grad.d_o.aligned(bytes) && to.aligned(bytes); }
  call_type call;
  strided<T> to;        // (tokens, H, e), beside it work.denominator
  std::int64_t pieces;  // of a sequence and head, a team each
  A* partial;           // (sequences, H, pieces, P); null: not wanted

  // Few tokens a piece where all sequences are of one length; of packed ones the longest may have all tokens, most have few,
  // and pieces without any should not be more than chunks.
  static std::int64_t pieces_of(const call_type& call) {
    constexpr std::int64_t tokens = 256;
    const std::int64_t pieces = ((call.seq.begin ? call.shape.tokens : call.seq.length) + tokens - 1) / tokens;
    if (!call.seq.begin || call.seq.count == 0) return pieces;
    const std::int64_t chunks = call.shape.tokens / (call.seq.count * call.shape.chunk), most = chunks < 16 ? chunks : 16;
    return pieces < most ? pieces : most > 1 ? most : 1;
  }

  template <class Team>
  struct scratch {
    parameter_sums<A> own;
    template <class Alloc>
    SUPRA_FN scratch(Alloc& a, const call_type& c) {
      own.lay_near(a, c.shape.chunk, parameters_of<typename call_type::normalizer_stage>(c.shape.e));
    }
  };

  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    decltype(auto) p = keep(team, piece(index));
    const int h = p.head, g = p.key_head;
    scratch<Team> m(team, call);
    call.template bring_first<direction::forward>(team, p, h, g);
    m.own.clear(team);
    for (std::int64_t t = p.begin; t < p.end; t += call.shape.chunk) {
      const auto c = call.template chunk_from<direction::forward>(p, t);
      call.await(team);
      team.rows(c.n, [&, this](auto lanes, int r) { row(lanes, c, r, h, partial ? m.own.row(lanes, r) : nullptr); });
      team.sync();
      call.bring_next(team, c, h, g);
      if (partial) m.own.add(team, c.n);
    }
    if (partial) m.own.store(team, partial + index * m.own.rows.cols);
  }

 private:
  // own: where the stage's numbers have this row's gradients.
  template <class Lanes>
  SUPRA_INLINE void row(Lanes all, const chunk& c, int r, int h, A* own) const {
    const auto lanes = of_values(all);
    const int e = call.shape.e;
    const std::int64_t number = c.token(r) * call.shape.heads + h;
    auto y = call.given_row(lanes, call.grad.o, c, r, h, e), dy = call.given_row(lanes, call.grad.d_o, c, r, h, e);
    auto dx = call.given_row(lanes, to, c, r, h, e);
    call.fetch_row(lanes, y, 1, call.grad.o, c, r, h), call.fetch_row(lanes, dy, 2, call.grad.d_o, c, r, h);
    const A saved = call.grad.saved[number];
    const auto where = call.at_normalizer(c.s, c.t0 + r, h, own);
    const A dz = call.stages.normalizer.vjp(lanes, where, y.view(), saved, dy.view(), dx.view());
    dx.store();
    if constexpr (call_type::denominator) lanes.once([&] { call.work.denominator[number] = dz; });
  }
  // Whole chunks, as many as the sequence's other pieces have.
  SUPRA_FN part piece(std::int64_t index) const {
    const std::int64_t row = index / pieces, s = row / call.shape.heads, number = index % pieces, tokens = call.seq.tokens(s);
    const std::int64_t length = (tokens + pieces * call.shape.chunk - 1) / (pieces * call.shape.chunk) * call.shape.chunk;
    const auto at = [=](std::int64_t t) { return t < tokens ? t : tokens; };
    const std::int64_t begin = at(number * length), end = at(begin + length);
    const int head = static_cast<int>(row % call.shape.heads);
    return {s, index, begin, end, head, number, end == tokens, head / call.group()};
  }
};

}  // namespace supra
