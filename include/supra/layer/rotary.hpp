// The teacher's rotary position on q and k, half split, with Hugging Face's scalings of the frequencies; and back.
#pragma once

#include <vector>

#include "supra/core/attention.hpp"
#include "supra/core/backend.hpp"
#include "supra/core/math.hpp"
#include "supra/model/config.hpp"
#include "supra/position/rope_scaled.hpp"

namespace supra::layer {

// The configuration's scaling as a position stage.
inline rope_scaled scaled_rope(const model::config& c) {
  const auto& s = c.scaling;
  const auto kind = s.kind == "llama3" ? rope_scaling_kind::llama3
                    : s.kind == "yarn" ? rope_scaling_kind::yarn
                                       : rope_scaling_kind::linear;
  return {c.rope_theta,       kind,        s.factor,    s.original_length, s.low_freq_factor,
          s.high_freq_factor, s.beta_fast, s.beta_slow, s.attention_factor};
}

// Turns per token of each of the d/2 pairs, and what multiplies cosine and sine (YaRN).
inline std::vector<double> rotary_turns(const model::config& c) {
  const int d = static_cast<int>(c.head_dim);
  std::vector<double> turns;
  for (int i = 0; i < d / 2; ++i)
    turns.push_back(c.scaling.kind == "none" ? rope_turns(c.rope_theta, d, i) : scaled_rope(c).table(d, i));
  return turns;
}
inline double rotary_size(const model::config& c) {
  const int d = static_cast<int>(c.head_dim);
  return c.scaling.kind == "none" ? 1 : scaled_rope(c).table(d, d / 2);
}

// x, y (tokens, heads, d), which may be the same; token t of a sequence of `length` stands at start + t % length, or where
// `positions` says; back: the transpose.
template <class X, class Y> struct rotate_rows {
  using A = accumulator_t<Y>;
  const X* x;
  Y* y;
  const double* turns;
  std::int64_t length, start;
  int heads, d;
  A size;
  bool back;
  const std::int64_t* positions = nullptr;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t token) const {
    const double position = static_cast<double>(positions ? positions[token] : start + token % length);
    lanes.each(d / 2, [&](auto i) {
      const auto turn = math::sincos_turns<A>(position * turns[int(i)]);
      const A c = turn.cos * size, s = back ? -turn.sin * size : turn.sin * size;
      for (int h = 0; h < heads; ++h) {
        const std::int64_t at = (token * heads + h) * d + int(i);
        const A u = x[at], v = x[at + d / 2];
        y[at] = Y(u * c - v * s), y[at + d / 2] = Y(u * s + v * c);
      }
    });
  }
};

}  // namespace supra::layer
