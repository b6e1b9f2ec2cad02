// A set of characters, as a regular expression writes it.
#pragma once

#include <cstdint>
#include <vector>

#include "supra/io/unicode.hpp"

namespace supra::io {

class regex_set {
 public:
  void add_range(char32_t low, char32_t high) { add({low, high, 0, false, {}}); }
  void add_kind(categories c, bool negated) { add({1, 0, c, negated, {}}); }
  void add_white_space(bool negated) { add({1, 0, 0, negated, white_space}); }
  void add_set(const regex_set& other) { add({1, 0, 0, other.negated_, other.items_}); }
  // To be called last: the set is of all that was not added.
  void negate() { negated_ = !negated_, ascii_[0] = ~ascii_[0], ascii_[1] = ~ascii_[1]; }
  // Whether the set is of single characters of ASCII, and ranges of them.
  bool is_ascii() const {
    for (auto& i : items_)
      if (i.low > i.high || i.high >= 128) return false;
    return !negated_;
  }
  // A letter of ASCII brings its other case, and what Unicode folds to it.
  void ignore_case() {
    for (char32_t lower = 'a'; lower <= 'z'; ++lower) {
      const char32_t upper = lower - 'a' + 'A';
      if (!has(lower) && !has(upper)) continue;
      add_range(lower, lower), add_range(upper, upper);
      if (lower == 's') add_range(0x17F, 0x17F);    // long s
      if (lower == 'k') add_range(0x212A, 0x212A);  // Kelvin
    }
  }
  bool has(char32_t c) const {
    if (c < 128) return ascii_[c / 64] >> (c % 64) & 1;
    return any(c) != negated_;
  }
  bool empty() const { return items_.empty(); }

 private:
  struct item {
    char32_t low, high;
    categories of;
    bool negated;
    std::vector<item> among;  // of a set within the set
  };
  static inline const std::vector<item> white_space = {
      {9, 13, 0, false, {}}, {0x85, 0x85, 0, false, {}}, {1, 0, categories_named("Z"), false, {}}};

  static bool holds(const item& i, char32_t c) {
    bool in = (c >= i.low && c <= i.high) || (i.of && (i.of & category_of(c)));
    for (auto& a : i.among) in |= holds(a, c);
    return in != i.negated;
  }
  bool any(char32_t c) const {
    for (auto& i : items_)
      if (holds(i, c)) return true;
    return false;
  }
  void add(item i) {
    for (char32_t c = 0; c < 128; ++c)
      if (holds(i, c)) ascii_[c / 64] |= std::uint64_t{1} << (c % 64);
    items_.push_back(std::move(i));
  }
  std::vector<item> items_;
  std::uint64_t ascii_[2] = {0, 0};
  bool negated_ = false;
};

}  // namespace supra::io
