// Loss by position in a text: does a model that was trained on short texts go on to gain from a longer past?
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace supra::evaluate {

// Predictions at positions from .. to - 1 (tokens read before them) and their mean loss, nats.
struct position_bin {
  std::int64_t from = 0, to = 0, predictions = 0;
  double sum = 0, squares = 0;
  double mean() const { return sum / static_cast<double>(predictions); }
  // Standard error, as if predictions were independent.
  double error() const {
    const auto n = static_cast<double>(predictions);
    return std::sqrt(std::max(0.0, squares / n - mean() * mean()) / std::max(1.0, n - 1));
  }
};

// Bins that grow with position: each power of two in `parts` pieces; positions 1 to length - 1, those before 16 in one bin.
class losses_by_position {
 public:
  explicit losses_by_position(std::int64_t length, int parts = 2) {
    std::int64_t from = 1;
    for (int i = 1; from < length; ++i) {
      const auto to = std::min(length, static_cast<std::int64_t>(std::llround(16 * std::exp2(double(i - 1) / parts))));
      if (to > from) bins_.push_back({from, to}), from = to;
    }
  }
  // The loss of a token that `position` tokens came before.
  void add(std::int64_t position, double loss) {
    if (position < 1) return;
    std::size_t low = 0, high = bins_.size();
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (bins_[middle].to <= position)
        low = middle + 1;
      else
        high = middle;
    }
    if (low == bins_.size()) return;
    auto& b = bins_[low];
    ++b.predictions, b.sum += loss, b.squares += loss * loss;
  }
  const std::vector<position_bin>& bins() const { return bins_; }

 private:
  std::vector<position_bin> bins_;
};

}  // namespace supra::evaluate
