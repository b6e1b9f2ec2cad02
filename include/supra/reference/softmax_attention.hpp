// Causal softmax attention in double, plainly: what a linear attention replaces. Grouped heads, scores scaled by d^-1/2,
// optional sliding window. An oracle for tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "supra/core/attention.hpp"

namespace supra::reference {

// q (tokens, H, d), k (tokens, G, d), v (tokens, G, e); window: tokens seen, itself included, 0: all. Gives (tokens, H, e), 0
// for tokens outside all sequences.
inline std::vector<double> softmax_attention(const attention_shape& shape, const sequences& seq, const std::vector<double>& q,
                                             const std::vector<double>& k, const std::vector<double>& v,
                                             std::int64_t window = 0) {
  const std::int64_t H = shape.heads, G = shape.kv_heads, d = shape.d, e = shape.e;
  std::vector<double> o(static_cast<std::size_t>(shape.tokens * H * e));
  for (std::int64_t n = 0; n < seq.count; ++n)
    for (std::int64_t t = seq.first(n); t < seq.first(n) + seq.tokens(n); ++t)
      for (std::int64_t h = 0; h < H; ++h) {
        const std::int64_t g = h / (H / G), first = window > 0 ? std::max(seq.first(n), t - window + 1) : seq.first(n);
        std::vector<double> score;
        for (std::int64_t s = first; s <= t; ++s) {
          const double* x = &q[static_cast<std::size_t>((t * H + h) * d)];
          const double* y = &k[static_cast<std::size_t>((s * G + g) * d)];
          double dot = 0;
          for (std::int64_t i = 0; i < d; ++i) dot += x[i] * y[i];
          score.push_back(dot / std::sqrt(static_cast<double>(d)));
        }
        const double top = *std::max_element(score.begin(), score.end());
        double total = 0;
        for (double& s : score) total += s = std::exp(s - top);
        for (std::int64_t s = first; s <= t; ++s)
          for (std::int64_t j = 0; j < e; ++j)
            o[static_cast<std::size_t>((t * H + h) * e + j)] +=
                score[static_cast<std::size_t>(s - first)] / total * v[static_cast<std::size_t>((s * G + g) * e + j)];
      }
  return o;
}

}  // namespace supra::reference
