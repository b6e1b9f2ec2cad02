// GPT-2's alphabet of bytes: each byte as a character that can be seen, so that tokens of any bytes are texts. Bytes that
// are printable in Latin-1 stand for themselves, the others for U+0100 and what follows, in their order.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "supra/io/utf8.hpp"

namespace supra::io {

inline constexpr std::array<char32_t, 256> byte_alphabet = [] {
  std::array<char32_t, 256> characters{};
  char32_t next = 256;
  for (char32_t b = 0; b < 256; ++b) {
    const bool seen = (b > 32 && b < 127) || (b > 160 && b != 173);
    characters[b] = seen ? b : next++;
  }
  return characters;
}();

inline std::string in_byte_alphabet(std::string_view bytes) {
  std::string text;
  for (unsigned char b : bytes) append_utf8(text, byte_alphabet[b]);
  return text;
}

// The bytes of a text in that alphabet; nothing if a character of it is in another.
inline std::optional<std::string> bytes_of_alphabet(std::string_view text) {
  static const auto bytes = [] {
    std::array<int, 512> b;
    b.fill(-1);
    for (int i = 0; i < 256; ++i) b[byte_alphabet[static_cast<std::size_t>(i)]] = i;
    return b;
  }();
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const utf8_char c = utf8_at(text, at);
    if (c.code >= bytes.size() || bytes[c.code] < 0) return std::nullopt;
    out += static_cast<char>(static_cast<unsigned char>(bytes[c.code]));
    at += c.bytes;
  }
  return out;
}

// sentencepiece's way: the byte that a token like <0x0A> stands for, or -1.
inline int byte_of_token(std::string_view t) {
  if (t.size() != 6 || !t.starts_with("<0x") || t[5] != '>') return -1;
  auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  const int high = digit(t[3]), low = digit(t[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace supra::io
