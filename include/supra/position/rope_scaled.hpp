// Rotary position with scaled frequencies, half split as rope.hpp, for contexts longer than the model was trained on. The
// formulas are Hugging Face's (transformers, modeling_rope_utils.py): linear (position interpolation, Chen et al. 2023, arXiv
// 2306.15595), llama3 (Llama 3.1), yarn (Peng et al. 2023, arXiv 2309.00071).
#pragma once

#include "supra/position/rope.hpp"

namespace supra {

enum class rope_scaling_kind { linear, llama3, yarn };

struct rope_scaled {
  double theta = 10000;
  rope_scaling_kind kind = rope_scaling_kind::linear;
  double factor = 1;                                 // by how much the context grows
  double original_length = 8192;                     // tokens trained on; llama3, yarn
  double low_freq_factor = 1, high_freq_factor = 4;  // llama3
  double beta_fast = 32, beta_slow = 1;              // yarn: turns over the original length where scaling starts and is full
  double attention_factor = 0;                       // yarn: multiplies cosine and sine; 0: 0.1 ln(factor) + 1

  // The turns of each pair, then the attention factor.
  int table_size(int n) const { return n / 2 + 1; }
  double table(int n, int i) const {
    if (i == n / 2) return amplitude();
    const double turns = rope_turns(theta, n, i);
    switch (kind) {
      case rope_scaling_kind::llama3: return llama3(turns);
      case rope_scaling_kind::yarn: return yarn(turns, n, i);
      default: return turns / factor;
    }
  }

  SUPRA_INLINE void prepare(auto lanes, const auto& at, auto angles) const {
    using A = typename decltype(angles)::value_type;
    const double t = static_cast<double>(at.position);
    const A size = static_cast<A>(at.table[angles.size() / 2]);
    lanes.each_half(angles.size(), [&](auto i, auto k) {
      const auto turn = math::sincos_turns<A>(t * at.table[int(i)]);
      angles[i] = size * turn.cos, angles[k] = size * turn.sin;
    });
  }
  SUPRA_INLINE void forward(auto lanes, const auto& at, auto angles, auto x) const { rope{}.forward(lanes, at, angles, x); }
  SUPRA_INLINE void vjp(auto lanes, const auto& at, auto angles, auto dx) const { rope{}.vjp(lanes, at, angles, dx); }

 private:
  // Long waves are stretched, short ones kept, those between mixed. Here turns = 1 / wave length.
  double llama3(double turns) const {
    const double waves = original_length * turns;    // in the original context
    if (waves < low_freq_factor) return turns / factor;
    if (waves > high_freq_factor) return turns;
    const double smooth = (waves - low_freq_factor) / (high_freq_factor - low_freq_factor);
    return (1 - smooth) * turns / factor + smooth * turns;
  }
  double yarn(double turns, int n, int i) const {
    const double low = std::fmax(std::floor(pair_of(beta_fast, n)), 0.0);
    double high = std::fmin(std::ceil(pair_of(beta_slow, n)), n - 1.0);
    if (low == high) high += 0.001;
    const double ramp = std::fmin(std::fmax((i - low) / (high - low), 0.0), 1.0);
    return turns / factor * ramp + turns * (1 - ramp);
  }
  // The (fractional) pair that turns so many times over the original length.
  double pair_of(double turns, int n) const {
    return n * std::log(original_length / (turns * 6.283185307179586476925)) / (2 * std::log(theta));
  }
  double amplitude() const {
    if (kind != rope_scaling_kind::yarn) return 1;
    if (attention_factor > 0) return attention_factor;
    return factor <= 1 ? 1 : 0.1 * std::log(factor) + 1;
  }
};

}  // namespace supra
