// The next token from logits: the likeliest, or drawn at a temperature from the likeliest tokens of total probability top_p.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

namespace supra::train {

class sampler {
 public:
  sampler(double temperature, double top_p, std::uint64_t seed) : temperature_(temperature), top_p_(top_p), random_(seed) {}

  // logits: a vector, or a span of the row of one text among several.
  template <class Row> std::int32_t operator()(const Row& logits) {
    const auto top = std::max_element(logits.begin(), logits.end());
    if (temperature_ <= 0) return static_cast<std::int32_t>(top - logits.begin());
    std::vector<double> p;
    for (auto x : logits) p.push_back(std::exp((static_cast<double>(x) - static_cast<double>(*top)) / temperature_));
    std::vector<std::int32_t> order(p.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return p[static_cast<std::size_t>(a)] > p[static_cast<std::size_t>(b)]; });
    const double all = std::accumulate(p.begin(), p.end(), 0.0);
    double kept = 0;
    std::size_t n = 0;
    while (n < order.size() && (n == 0 || kept < top_p_ * all)) kept += p[static_cast<std::size_t>(order[n++])];
    double x = static_cast<double>(random_() >> 11) * 0x1p-53 * kept;        // the same on every platform
    for (std::size_t i = 0; i < n; ++i)
      if ((x -= p[static_cast<std::size_t>(order[i])]) < 0) return order[i];
    return order[n - 1];
  }

 private:
  double temperature_, top_p_;
  std::mt19937_64 random_;
};

}  // namespace supra::train
