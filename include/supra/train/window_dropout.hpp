// Window dropout: in some steps a hybrid is trained with its linear branch alone. Beside a window of softmax the linear branch
// has little to add that lowers the loss, so it would learn little and what is further back than the window would be lost.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

namespace supra::train {

struct window_dropout {
  double first = 0, last = 0;  // the chance of a step at the run's beginning and at its end, on a line between them
  std::int64_t steps = 0;      // of the whole run, all its phases; 0: the chance stays as it is first
  std::uint64_t seed = 0;

  double chance(std::int64_t step) const {
    const double way = steps > 0 ? static_cast<double>(step) / static_cast<double>(steps) : 0;
    return first + (last - first) * std::clamp(way, 0.0, 1.0);
  }
  // Of the seed and the step's number alone, so that a run that goes on does as one that was never broken off.
  bool drops(std::int64_t step) const {
    std::mt19937_64 g(seed * 0x9e3779b97f4a7c15u + static_cast<std::uint64_t>(step));
    return static_cast<double>(g() >> 11) * 0x1p-53 < chance(step);
  }
};

}  // namespace supra::train
