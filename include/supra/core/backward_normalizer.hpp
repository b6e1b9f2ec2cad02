// The gradient of a normalizer's own numbers, from the outputs and their gradients alone, so that walks need not keep a row of
// them for each token. One team for a few chunks of a sequence and a head, which it takes one after another as a walk does.
#pragma once

#include "supra/core/backward.hpp"

namespace supra {

template <class Composition, class T>
struct normalizer_gradient_kernel {
  using call_type = backward_call<Composition, T>;
  using A = accumulator_t<T>;
  using part = typename call_type::part;
  static constexpr walk_role role = walk_role::output;
  static constexpr int rows_loaded = 2, rows_given = 2, plain_given = -1;  // of a token: O, dO
  static constexpr bool loads_turns = false;                               // no angles
  strided<const T> source(int i) const { return i == 0 ? call.grad.o : call.grad.d_o; }
  static SUPRA_FN constexpr bool of_key(int) { return false; }
  static SUPRA_FN constexpr bool of_value(int) { return true; }
  bool rows_aligned(int bytes) const { return call.rows_aligned(bytes); }
  call_type call;
  std::int64_t pieces;  // of a sequence and head, a team each
  A* partial;           // (sequences, H, pieces, P)

  // Few tokens a piece where all sequences are of one length; of packed ones the longest may have all tokens, most have few.
  static std::int64_t pieces_of(const call_type& call) {
    constexpr std::int64_t tokens = 256;
    const std::int64_t pieces = ((call.seq.begin ? call.shape.tokens : call.seq.length) + tokens - 1) / tokens;
    return call.seq.begin && pieces > 16 ? 16 : pieces;
  }

  template <class Team>
  struct scratch {
    tile<operand_t<Team, T>> unused;  // the gradient of the sums, which walks make themselves
    parameter_sums<A> own;
    template <class Alloc>
    SUPRA_FN scratch(Alloc& a, const call_type& c) {
      unused = take_tile<Alloc, operand_t<Team, T>>(a, c.shape.chunk, c.columns());
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
      team.rows(c.n, [&, this](auto lanes, int r) {
        sums_gradient_load gradient(call, lanes, m.unused, c, r, h, m.own.row(lanes, r));
        gradient.load(1), gradient.finish();
      });
      team.sync();
      call.bring_next(team, c, h, g);
      m.own.add(team, c.n);
    }
    m.own.store(team, partial + index * m.own.rows.cols);
  }

 private:
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
