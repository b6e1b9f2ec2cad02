// The normalizer by itself, on whole rows of sums, where these are made by slices of their columns (value_slices.hpp).
#pragma once

#include "supra/core/ends.hpp"
#include "supra/core/rows.hpp"

namespace supra {

// Every token's rows of every query head of a call: row(lanes, sequence, head, token of the sequence).
template <class Row>
struct every_row {
  Row row;
  SUPRA_FN token_blocks blocks() const { return {row.call.seq, row.call.shape.tokens, row.call.shape.heads}; }
  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    blocks().each(index, [&, this](std::int64_t s, int h, std::int64_t t, int n) {
      team.rows(n, [&, this](auto lanes, int r) { row(lanes, s, h, t + r); });
    });
  }
};

// The normalizer on whole rows: out.o and out.saved from sums (tokens, H, e).
template <class Composition, class T>
struct normalize_row {
  using A = accumulator_t<T>;
  attention_call<Composition, T> call;
  strided<const T> sums;
  attention_outputs<T> out;
  template <class Lanes>
  SUPRA_INLINE void operator()(Lanes lanes, std::int64_t s, int h, std::int64_t t) const {
    const std::int64_t token = call.seq.first(s) + t;
    const memory_row<const T, A> x{sums.row(token, h), call.shape.e};
    const memory_row<T, A> y{out.o.row(token, h), call.shape.e};
    const A number = call.stages.normalizer.forward(lanes, call.at_normalizer(s, t, h), x, A(0), y);
    if (out.saved) lanes.once([&] { out.saved[token * call.shape.heads + h] = number; });
  }
};

}  // namespace supra
