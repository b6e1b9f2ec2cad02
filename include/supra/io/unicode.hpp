// What tokenizers ask of Unicode: general categories, white space, and what the normal form C is made of.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "supra/io/unicode_table.hpp"

namespace supra::io {

// General categories by their short names; a letter alone (L, N, ...) is all that begin with it.
inline constexpr std::string_view category_names =
    "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co Cn ";
using categories = std::uint32_t;  // a set: bit i is the i-th name
inline constexpr categories categories_named(std::string_view name) {
  categories found = 0;
  for (std::size_t i = 0; i * 3 < category_names.size(); ++i)
    if (!name.empty() && category_names.substr(i * 3, 2).starts_with(name)) found |= categories{1} << i;
  return found;
}

namespace unicode_table {

inline constexpr std::uint32_t code_points = 0x110000;

class numbers {  // of unicode_table.hpp, one after another
 public:
  explicit constexpr numbers(std::string_view text) : text_(text) {}
  constexpr bool more() const { return at_ < text_.size(); }
  constexpr std::uint32_t next() {
    for (std::uint32_t n = 0;;) {
      const auto digit = static_cast<std::uint32_t>(text_[at_++] - '0');
      n = n * 32 + digit % 32;
      if (digit >= 32) return n;
    }
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// One byte for each code point, out of runs.
struct by_code_point {
  std::array<std::uint8_t, code_points> value{};
  explicit by_code_point(std::string_view runs) {
    std::uint32_t at = 0;
    for (numbers n(runs); n.more();) {
      const std::uint32_t length = n.next();
      std::fill_n(value.begin() + at, length, static_cast<std::uint8_t>(n.next()));
      at += length;
    }
  }
};

struct decomposition {
  char32_t code, first, second;  // second 0: none
  bool composes;
};
constexpr std::size_t decomposition_count() {
  std::size_t n = 0;
  for (char c : decompositions) n += c >= 'P';
  return n / 3;
}
struct decomposition_list {
  std::array<decomposition, decomposition_count()> by_code, by_parts;
  decomposition_list() {
    char32_t code = 0;
    numbers n(decompositions);
    for (auto& d : by_code) {
      code += n.next();
      const char32_t first = n.next(), second = n.next();
      d = {code, first, second / 2, second % 2 == 1};
    }
    by_parts = by_code;
    std::ranges::sort(by_parts, {}, [](auto& d) { return std::pair(d.first, d.second); });
  }
};
inline const decomposition_list& all_decompositions() {
  static const decomposition_list list;
  return list;
}

}  // namespace unicode_table

// Stray bytes are unassigned.
inline categories category_of(char32_t c) {
  static const unicode_table::by_code_point table(unicode_table::categories);
  return c < unicode_table::code_points ? categories{1} << table.value[c] : categories_named("Cn");
}
inline int combining_class(char32_t c) {
  static const unicode_table::by_code_point table(unicode_table::combining);
  return c < unicode_table::code_points ? table.value[c] : 0;
}
// The property White_Space.
inline bool is_white_space(char32_t c) {
  return (c >= 9 && c <= 13) || c == 0x85 || (c >= 0x20 && (category_of(c) & categories_named("Z")) != 0);
}
// A letter, mark, decimal digit, connecting punctuation, joiner or letter-like symbol: \w of UTS 18.
inline bool is_word(char32_t c) {
  constexpr categories word =
      categories_named("L") | categories_named("M") | categories_named("Nd") | categories_named("Nl") | categories_named("Pc");
  auto in = [&](char32_t low, char32_t high) { return c >= low && c <= high; };
  return (category_of(c) & word) != 0 || in(0x24B6, 0x24E9) || in(0x1F130, 0x1F149) || in(0x1F150, 0x1F169) ||
         in(0x1F170, 0x1F189) || in(0x200C, 0x200D);
}

// The canonical parts of a character (not Hangul), or null.
inline const unicode_table::decomposition* decomposition_of(char32_t c) {
  if (c < 0xC0) return nullptr;
  const auto& list = unicode_table::all_decompositions().by_code;
  const auto found = std::ranges::lower_bound(list, c, {}, [](auto& d) { return d.code; });
  return found != list.end() && found->code == c ? &*found : nullptr;
}
// What two characters (not Hangul) compose to, or 0.
inline char32_t composition_of(char32_t a, char32_t b) {
  if (b < 0x300) return 0;
  const auto& list = unicode_table::all_decompositions().by_parts;
  auto at = std::ranges::lower_bound(list, std::pair(a, b), {}, [](auto& d) { return std::pair(d.first, d.second); });
  for (; at != list.end() && at->first == a && at->second == b; ++at)
    if (at->composes) return at->code;
  return 0;
}

}  // namespace supra::io
