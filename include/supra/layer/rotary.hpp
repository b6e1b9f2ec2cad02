// The teacher's rotary position on q and k, in place, half split, with Hugging Face's scalings of the frequencies; and back.
#pragma once

#include <cmath>
#include <vector>

#include "supra/core/attention.hpp"
#include "supra/core/backend.hpp"
#include "supra/core/math.hpp"
#include "supra/model/config.hpp"

namespace supra::layer {

// Turns per token of each of the d/2 pairs. Sources: Hugging Face's rope scalings linear, llama3, yarn (arXiv 2309.00071).
inline std::vector<double> rotary_turns(const model::config& c) {
  const double circle = 6.283185307179586476925;
  const int d = static_cast<int>(c.head_dim);
  const auto& s = c.scaling;
  std::vector<double> turns;
  auto corrected = [&](double rotations) { return d * std::log(s.original_length / (rotations * circle)) / (2 * std::log(c.rope_theta)); };
  const double low = std::max(std::floor(corrected(s.beta_fast)), 0.0), high = std::min(std::ceil(corrected(s.beta_slow)), d - 1.0);
  for (int i = 0; i < d / 2; ++i) {
    const double f = std::pow(c.rope_theta, -2.0 * i / d), wave = circle / f;
    double scaled = f;
    if (s.kind == "linear") scaled = f / s.factor;
    if (s.kind == "llama3") {
      const double long_wave = s.original_length / s.low_freq_factor, short_wave = s.original_length / s.high_freq_factor;
      const double smooth = (s.original_length / wave - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
      scaled = wave < short_wave ? f : wave > long_wave ? f / s.factor : (1 - smooth) * f / s.factor + smooth * f;
    }
    if (s.kind == "yarn") {
      const double ramp = std::min(1.0, std::max(0.0, (i - low) / (high == low ? 0.001 : high - low)));
      scaled = f / s.factor * ramp + f * (1 - ramp);
    }
    turns.push_back(scaled / circle);
  }
  return turns;
}
inline double rotary_size(const model::config& c) {
  if (c.scaling.kind != "yarn") return 1;
  return c.scaling.attention_factor > 0 ? c.scaling.attention_factor : 0.1 * std::log(c.scaling.factor) + 1;
}

// x (tokens, heads, d); token t of a sequence of `length` stands at start + t % length; back: the transpose.
template <class T> struct rotate_rows {
  T* x;
  const double* turns;
  std::int64_t length, start;
  int heads, d;
  accumulator_t<T> size;
  bool back;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t token) const {
    using A = accumulator_t<T>;
    const double position = static_cast<double>(start + token % length);
    lanes.each(d / 2, [&](auto i) {
      const auto turn = math::sincos_turns<A>(position * turns[int(i)]);
      const A c = turn.cos * size, s = back ? -turn.sin * size : turn.sin * size;
      for (int h = 0; h < heads; ++h) {
        T* row = x + (token * heads + h) * d;
        const A u = row[int(i)], v = row[int(i) + d / 2];
        row[int(i)] = T(u * c - v * s), row[int(i) + d / 2] = T(u * s + v * c);
      }
    });
  }
};

}  // namespace supra::layer
