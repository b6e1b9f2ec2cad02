// UTF-8, a character at a time. A byte that belongs to no character is one by itself, beyond Unicode, so that texts of any
// bytes survive.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace supra::io {

inline constexpr char32_t stray_byte = 0x110000;  // + byte: a byte that is not UTF-8

struct utf8_char {
  char32_t code;
  std::size_t bytes;
};

// The character that starts at `at` < text.size(). Too long, surrogate and too large ones are stray bytes (RFC 3629).
inline utf8_char utf8_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t n = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
  const utf8_char stray{stray_byte + lead, 1};
  if (n == 1 || text.size() - at < n) return stray;
  char32_t code = lead & (0xFFu >> (n + 1));
  for (std::size_t i = 1; i < n; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xC0) != 0x80) return stray;
    code = code << 6 | (next & 0x3F);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < least[n] || code >= stray_byte || (code >= 0xD800 && code < 0xE000)) return stray;
  return {code, n};
}

inline bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const utf8_char c = utf8_at(text, at);
    if (c.code >= stray_byte) return false;
    at += c.bytes;
  }
  return true;
}

// The character that ends before `at` > 0.
inline utf8_char utf8_before(std::string_view text, std::size_t at) {
  for (std::size_t n = 1; n <= 4 && n <= at; ++n) {
    if ((static_cast<unsigned char>(text[at - n]) & 0xC0) == 0x80) continue;
    const utf8_char c = utf8_at(text, at - n);
    if (c.bytes == n) return c;
    break;
  }
  return {stray_byte + static_cast<unsigned char>(text[at - 1]), 1};
}

inline void append_utf8(std::string& text, char32_t c) {
  auto put = [&](char32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c >= stray_byte)
    put(c - stray_byte);
  else if (c < 0x80)
    put(c);
  else {
    const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    constexpr unsigned lead[] = {0, 0xC0, 0xE0, 0xF0};
    put(lead[more] | c >> (6 * more));
    for (int i = more; i-- > 0;) put(0x80 | (c >> (6 * i) & 0x3F));
  }
}

}  // namespace supra::io
