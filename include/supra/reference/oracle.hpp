// A whole composition in double, row by row: map, position, scale, decayed sum (by its definition or as an RNN), normalizer.
// Shares the stages with the core and nothing else. An oracle for tests.
#pragma once

#include "supra/core/linear_attention.hpp"
#include "supra/reference/recurrence.hpp"

namespace supra::reference {

// q (tokens, H, d), k (tokens, G, d), v (tokens, G, e); the rest as in attention_inputs, empty where a composition has none.
struct oracle_inputs {
  numbers q, k, v, decay, feature_q, feature_k, normalizer, initial_state;
};

// y (tokens, H, e) normalized, 0 for tokens outside all sequences; state (count, H, F, E).
struct oracle_result {
  numbers y, state;
};

enum class form { quadratic, recurrent };

template <class Composition> class oracle {
 public:
  using feature_map = typename Composition::feature_map;
  using position_stage = typename Composition::position_stage;
  using normalizer_stage = typename Composition::normalizer_stage;
  static constexpr decay_kind kind = Composition::decay_stage::kind;

  oracle(const attention_shape& shape, const sequences& seq, Composition stages = {})
      : stages_(stages), shape_(shape), seq_(seq), features_(feature_map::out_dim(shape.d)) {
    if constexpr (!IsIdentity<position_stage>)
      for (int i = 0; i < stages_.position.table_size(features_); ++i) table_.push_back(stages_.position.table(features_, i));
  }

  oracle_result operator()(const oracle_inputs& in, form f) const {
    sum_inputs x{mapped(in.q, shape_.heads, in.feature_q, false), mapped(in.k, shape_.kv_heads, in.feature_k, true), in.v, {},
                 in.initial_state, normalizer_stage::wants_denominator};
    for (std::int64_t t = 0; t < shape_.tokens; ++t)
      for (int h = 0; h < shape_.heads; ++h) x.log_gamma.push_back(log_gamma(in.decay, t, h));
    attention_shape wide = shape_;
    wide.d = features_;
    const sum_result sums = f == form::quadratic ? quadratic_sum(wide, seq_, x) : recurrence(wide, seq_, x);
    return {normalized(sums.o, in.normalizer), sums.state};
  }

 private:
  // f(token, its position) for every token of every sequence.
  template <class F> void each_token(F f) const {
    for (std::int64_t n = 0; n < seq_.count; ++n)
      for (std::int64_t t = 0; t < seq_.tokens(n); ++t) f(seq_.first(n) + t, seq_.start(n) + t);
  }
  numbers mapped(const numbers& x, int heads, const numbers& own, bool key) const {
    numbers y(static_cast<std::size_t>(shape_.tokens * heads * features_)), angles(static_cast<std::size_t>(features_));
    const int p = parameters_of<feature_map>(shape_.d);
    each_token([&](std::int64_t token, std::int64_t position) {
      for (int h = 0; h < heads; ++h) {
        const place<double> at{position, h, key, p ? own.data() + h * p : nullptr, table_.data()};
        const memory_row<const double, double> from{x.data() + (token * heads + h) * shape_.d, shape_.d};
        const memory_row<double, double> to{y.data() + (token * heads + h) * features_, features_},
            turn{angles.data(), features_};
        stages_.feature.forward(serial_lanes{}, at, from, to);
        if constexpr (!IsIdentity<position_stage>) {
          stages_.position.prepare(serial_lanes{}, at, turn);
          stages_.position.forward(serial_lanes{}, at, turn, to);
        }
        for (int i = 0; key && i < features_; ++i) to[i] /= std::sqrt(static_cast<double>(features_));
      }
    });
    return y;
  }
  double log_gamma(const numbers& decay, std::int64_t t, int h) const {
    if constexpr (kind == decay_kind::constant) return stages_.decay.log_gamma(h, shape_.heads);
    else if constexpr (kind == decay_kind::learned) return stages_.decay.log_gamma(decay[static_cast<std::size_t>(h)]);
    else return stages_.decay.log_gamma(decay[static_cast<std::size_t>(t * shape_.heads + h)]);
  }
  numbers normalized(const numbers& o, const numbers& own) const {
    const int e = shape_.e, columns = e + (normalizer_stage::wants_denominator ? 1 : 0), p = parameters_of<normalizer_stage>(e);
    numbers y(static_cast<std::size_t>(shape_.tokens * shape_.heads * e));
    each_token([&](std::int64_t token, std::int64_t position) {
      for (int h = 0; h < shape_.heads; ++h) {
        const double* row = o.data() + (token * shape_.heads + h) * columns;
        const place<double> at{position, h, false, p ? own.data() + h * p : nullptr};
        stages_.normalizer.forward(serial_lanes{}, at, memory_row<const double, double>{row, e}, columns > e ? row[e] : 0.0,
                                   memory_row<double, double>{y.data() + (token * shape_.heads + h) * e, e});
      }
    });
    return y;
  }

  Composition stages_;
  attention_shape shape_;
  sequences seq_;
  int features_;
  numbers table_;
};

}  // namespace supra::reference
