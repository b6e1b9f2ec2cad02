// How far bf16 may move what a model of floats makes. That depends on the model, so it is measured: float models whose weights
// stand one rounding of bf16 away, each to a random side. A model in bf16 rounds its weights once, and its activations about as
// often as it multiplies by a matrix: within a few times that.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "supra/core/types.hpp"

namespace supra_test {

inline constexpr double few = 4;

inline std::vector<float> one_rounding_away(std::vector<float> x, std::uint64_t seed) {
  std::mt19937_64 g(seed);
  for (auto& y : x) y *= 1 + static_cast<float>(supra::unit_roundoff<supra::bf16>) * (g() % 2 == 0 ? 1.0f : -1.0f);
  return x;
}

// Length of the difference over that of what is wanted; infinite where that is nothing, and something was found.
inline double relative(std::span<const float> found, std::span<const float> wanted) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double d = static_cast<double>(found[i]) - wanted[i];
    difference += d * d, size += static_cast<double>(wanted[i]) * wanted[i];
  }
  return difference == 0 ? 0 : std::sqrt(difference / size);
}

}  // namespace supra_test
