// Text as lm-evaluation-harness sees it, which is Python's way: characters are code points, white space is Unicode's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace supra::evaluate {

// A byte that begins no character belongs to the one before it.
inline bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }
inline std::int64_t character_count(std::string_view text) { return std::count_if(text.begin(), text.end(), begins_character); }

// What str.rstrip() takes away, as UTF-8.
inline bool is_space(std::string_view character) {
  if (character.size() == 1) {
    const char c = character[0];
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
  }
  static constexpr std::string_view wide[] = {"\u0085", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003",
                                              "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a",
                                              "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};
  return std::ranges::find(wide, character) != std::end(wide);
}
// Bytes of white space at the end.
inline std::size_t trailing_space(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    std::size_t first = end - 1;
    while (first > 0 && !begins_character(text[first])) --first;
    if (!is_space(text.substr(first, end - first))) break;
    end = first;
  }
  return text.size() - end;
}
inline std::string_view stripped(std::string_view text) {
  text.remove_suffix(trailing_space(text));
  for (std::size_t n = 1; !text.empty(); n = 1) {
    while (n < text.size() && !begins_character(text[n])) ++n;
    if (!is_space(text.substr(0, n))) break;
    text.remove_prefix(n);
  }
  return text;
}

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) text.replace(at, from.size(), to);
  return text;
}

// str.capitalize() for ASCII and Latin-1; other letters stay as they are.
inline std::string capitalized(std::string text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto& c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (i == 0 && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    if (i > 0 && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    if (i == 0 || static_cast<unsigned char>(text[i - 1]) != 0xc3) continue;
    if (i == 1 && byte >= 0xa0 && byte <= 0xbe && byte != 0xb7) c = static_cast<char>(byte - 0x20);  // U+00E0 to U+00FE
    if (i > 1 && byte >= 0x80 && byte <= 0x9e && byte != 0x97) c = static_cast<char>(byte + 0x20);   // U+00C0 to U+00DE
  }
  return text;
}

}  // namespace supra::evaluate
