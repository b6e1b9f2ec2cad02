// The next token from logits: the likeliest, or drawn at a temperature from the likeliest tokens of total probability top_p.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

namespace supra::train {

// A number in [0, 1), the same on every platform.
inline double uniform(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

class sampler {
 public:
  sampler(double temperature, double top_p, std::uint64_t seed) : temperature_(temperature), top_p_(top_p), random_(seed) {}

  // logits: a vector, or a span of the row of one text among several.
  template <class Row> std::int32_t operator()(const Row& logits) {
    const auto top = std::max_element(logits.begin(), logits.end());
    if (temperature_ <= 0) return static_cast<std::int32_t>(top - logits.begin());
    std::vector<double> p;
    for (auto x : logits) p.push_back(std::exp((static_cast<double>(x) - static_cast<double>(*top)) / temperature_));
    std::vector<std::int32_t> ids(p.size());
    std::iota(ids.begin(), ids.end(), 0);
    double kept = std::accumulate(p.begin(), p.end(), 0.0);
    if (top_p_ < 1) kept = keep_likeliest(p, top_p_ * kept, ids);
    double x = uniform(random_) * kept;
    std::int32_t drawn = ids.front();
    for (auto id : ids) {
      const double own = p[static_cast<std::size_t>(id)];
      if (own > 0) drawn = id;
      if ((x -= own) < 0) break;
    }
    return drawn;
  }

 private:
  // The likeliest ids first, of equals the first, and no more than have `wanted` together: what they have. A heap, for few of a
  // large vocabulary are looked at.
  static double keep_likeliest(const std::vector<double>& p, double wanted, std::vector<std::int32_t>& ids) {
    const auto later = [&](auto a, auto b) {
      const double x = p[static_cast<std::size_t>(a)], y = p[static_cast<std::size_t>(b)];
      return x < y || (x == y && a > b);
    };
    std::make_heap(ids.begin(), ids.end(), later);
    auto taken = ids.end();  // from here on, the last first
    double kept = 0;
    do std::pop_heap(ids.begin(), taken, later), kept += p[static_cast<std::size_t>(*--taken)];
    while (kept < wanted && taken != ids.begin());
    ids.erase(ids.begin(), taken), std::ranges::reverse(ids);
    return kept;
  }

  double temperature_, top_p_;
  std::mt19937_64 random_;
};

}  // namespace supra::train
