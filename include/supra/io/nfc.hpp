// Unicode's normal form C (UAX 15): characters taken apart, marks in canonical order, put together again. Bytes that are not
// UTF-8 stay as they are.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "supra/io/unicode.hpp"
#include "supra/io/utf8.hpp"

namespace supra::io {

namespace hangul {  // computed, not listed: syllables of leads, vowels and tails
inline constexpr char32_t syllable = 0xAC00, lead = 0x1100, vowel = 0x1161, tail = 0x11A7;
inline constexpr char32_t leads = 19, vowels = 21, tails = 28, syllables = leads * vowels * tails;

inline char32_t compose(char32_t a, char32_t b) {
  if (a - lead < leads && b - vowel < vowels) return syllable + ((a - lead) * vowels + (b - vowel)) * tails;
  if (a - syllable < syllables && (a - syllable) % tails == 0 && b - tail - 1 < tails - 1) return a + (b - tail);
  return 0;
}
}  // namespace hangul

inline void append_parts(std::vector<char32_t>& out, char32_t c) {
  if (c - hangul::syllable < hangul::syllables) {
    const char32_t s = c - hangul::syllable, t = s % hangul::tails;
    out.push_back(hangul::lead + s / hangul::tails / hangul::vowels);
    out.push_back(hangul::vowel + s / hangul::tails % hangul::vowels);
    if (t) out.push_back(hangul::tail + t);
  } else if (const auto* d = decomposition_of(c)) {
    append_parts(out, d->first);
    if (d->second) append_parts(out, d->second);
  } else {
    out.push_back(c);
  }
}

// Marks after each starter by their class, equals in the order they had.
inline void order_marks(std::vector<char32_t>& text) {
  for (auto at = text.begin(); at != text.end();) {
    const auto end = std::find_if(at, text.end(), [](char32_t c) { return combining_class(c) == 0; });
    std::stable_sort(at, end, [](char32_t a, char32_t b) { return combining_class(a) < combining_class(b); });
    at = end == text.end() ? end : end + 1;
  }
}

// A character joins the last starter unless one of its own class or above, or another starter, stands between.
inline void compose(std::vector<char32_t>& text) {
  std::size_t n = 0, starter = text.size();  // n characters are done; text.size(): no starter yet
  int last = -1;                             // class of the character before, -1: the starter itself
  for (const char32_t c : text) {
    const int own = combining_class(c);
    if (starter < n && last < own) {
      const char32_t a = text[starter], h = hangul::compose(a, c), both = h ? h : composition_of(a, c);
      if (both) {
        text[starter] = both;
        continue;
      }
    }
    if (own == 0)
      starter = n, last = -1;
    else
      last = own;
    text[n++] = c;
  }
  text.resize(n);
}

inline std::string nfc(std::string_view text) {
  // Nothing below U+0300 (CC 80) changes or combines.
  if (std::ranges::all_of(text, [](unsigned char c) { return c < 0xCC; })) return std::string(text);
  std::vector<char32_t> characters;
  characters.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto c = utf8_at(text, at);
    append_parts(characters, c.code);
    at += c.bytes;
  }
  order_marks(characters);
  compose(characters);
  std::string out;
  out.reserve(text.size());
  for (auto c : characters) append_utf8(out, c);
  return out;
}

}  // namespace supra::io
