// The gradient of a normalizer's own numbers, from the outputs and their gradients alone, so that walks need not keep a row of them
// for each token. One team for a block of a sequence's tokens and a head.
#pragma once

#include "supra/core/backward.hpp"

namespace supra {

template <class Composition, class T>
struct normalizer_gradient_kernel {
  using call_type = backward_call<Composition, T>;
  using A = accumulator_t<T>;
  call_type call;
  std::int64_t turns;  // teams of a sequence and head, which take its blocks in turn
  A* partial;          // (sequences, H, turns, P)

  static constexpr std::int64_t block = 256;
  static constexpr int at_once = 64;
  // One team a block where all sequences are of one length; of packed ones the longest may have all tokens, and most have few.
  static std::int64_t turns_of(const call_type& call) {
    const std::int64_t blocks = ((call.seq.begin ? call.shape.tokens : call.seq.length) + block - 1) / block;
    return call.seq.begin && blocks > 16 ? 16 : blocks;
  }

  template <class Team>
  struct scratch {
    tile<A> unused;  // the gradient of the sums, which walks make themselves
    parameter_sums<A> own;
    template <class Alloc>
    SUPRA_FN scratch(Alloc& a, const call_type& c) {
      unused = take_tile<Alloc, A>(a, at_once, c.columns());
      own.lay(a, at_once, parameters_of<typename call_type::normalizer_stage>(c.shape.e));
    }
  };

  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    const std::int64_t row = index / turns, s = row / call.shape.heads, tokens = call.seq.tokens(s);
    scratch<Team> m(team, call);
    m.own.clear(team);
    for (std::int64_t first = index % turns * block; first < tokens; first += turns * block)
      add(team, m, s, static_cast<int>(row % call.shape.heads), first, first + block < tokens ? first + block : tokens);
    m.own.store(team, partial + index * m.own.rows.cols);
  }

 private:
  template <class Team, class M>
  SUPRA_FN void add(Team& team, M& m, std::int64_t s, int h, std::int64_t first, std::int64_t end) const {
    for (std::int64_t t = first; t < end; t += at_once) {
      const int n = static_cast<int>(end - t < at_once ? end - t : at_once);
      const typename call_type::chunk c{s, call.seq.first(s), t, n};
      team.rows(n, [&, this](auto lanes, int r) {
        sums_gradient_load gradient(call, lanes, m.unused, c, r, h, m.own.row(lanes, r));
        gradient.load(1), gradient.finish();
      });
      m.own.add(team, n);
    }
  }
};

}  // namespace supra
