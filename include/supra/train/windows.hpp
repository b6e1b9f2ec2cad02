// A stream of tokens cut into windows for training: length + 1 tokens each, the last being the next window's first, visited in
// an order that a seed shuffles, over and over.
#pragma once

#include <cstdint>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace supra::train {

struct batch {
  std::vector<std::int32_t> ids, targets;             // (count, length)
};

class windows {
 public:
  windows(std::vector<std::int32_t> stream, std::int64_t length, std::uint64_t seed)
      : stream_(std::move(stream)), length_(length) {
    const std::int64_t n = (static_cast<std::int64_t>(stream_.size()) - 1) / length;
    if (n < 1)
      throw std::invalid_argument("the text has " + std::to_string(stream_.size()) + " tokens, one training sequence needs " +
                                  std::to_string(length + 1) + "; give more text, or a smaller --seq");
    order_.resize(static_cast<std::size_t>(n));
    std::iota(order_.begin(), order_.end(), std::int64_t{0});
    std::mt19937_64 g(seed);
    for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[g() % i]);   // the same on every platform
  }
  std::int64_t size() const { return static_cast<std::int64_t>(order_.size()); }
  std::int64_t length() const { return length_; }

  // Windows first .. first + count - 1 of the endless order.
  batch take(std::int64_t first, std::int64_t count) const {
    batch b;
    for (std::int64_t i = first; i < first + count; ++i) append(b, order_[static_cast<std::size_t>(i % size())]);
    return b;
  }
  // Windows first .. first + count - 1 of `of` windows spread evenly over the text, in its order, for evaluation.
  batch in_order(std::int64_t first, std::int64_t count, std::int64_t of) const {
    batch b;
    for (std::int64_t i = first; i < first + count; ++i) append(b, i * size() / of);
    return b;
  }

 private:
  void append(batch& b, std::int64_t window) const {
    const auto at = stream_.begin() + window * length_;
    b.ids.insert(b.ids.end(), at, at + length_), b.targets.insert(b.targets.end(), at + 1, at + length_ + 1);
  }
  std::vector<std::int32_t> stream_;
  std::int64_t length_;
  std::vector<std::int64_t> order_;
};

}  // namespace supra::train
