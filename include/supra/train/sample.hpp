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
    const double all = std::accumulate(p.begin(), p.end(), 0.0);
    // The likeliest first, of equals the first: a heap, for few of a large vocabulary are looked at.
    std::vector<std::int32_t> rest(p.size()), taken;
    std::iota(rest.begin(), rest.end(), 0);
    const auto later = [&](auto a, auto b) {
      const double x = p[static_cast<std::size_t>(a)], y = p[static_cast<std::size_t>(b)];
      return x < y || (x == y && a > b);
    };
    std::make_heap(rest.begin(), rest.end(), later);
    const auto take = [&] {
      std::pop_heap(rest.begin(), rest.end(), later);
      taken.push_back(rest.back()), rest.pop_back();
      return p[static_cast<std::size_t>(taken.back())];
    };
    double kept = top_p_ < 1 ? take() : all;
    while (kept < top_p_ * all && top_p_ < 1 && !rest.empty()) kept += take();
    double x = static_cast<double>(random_() >> 11) * 0x1p-53 * kept;        // the same on every platform
    for (auto id : taken)
      if ((x -= p[static_cast<std::size_t>(id)]) < 0) return id;
    while (top_p_ >= 1 && !rest.empty())
      if ((x -= take()) < 0) break;
    return taken.back();
  }

 private:
  double temperature_, top_p_;
  std::mt19937_64 random_;
};

}  // namespace supra::train
