// Text and numbers as people read them. Samples come out of models that emit bytes, so anything may be in them.
#pragma once

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>

#include <fmt/core.h>

namespace supra::program::report {

inline constexpr double missing = std::numeric_limits<double>::quiet_NaN();
inline bool there(double x) { return std::isfinite(x); }

// Length of the UTF-8 character at the front, 0 where it is broken; `code` is its code point.
inline std::size_t utf8_length(std::string_view s, char32_t& code) {
  const auto byte = [&](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
  const unsigned first = byte(0);
  const std::size_t n = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
  if (n < 2) return code = first, n;
  code = first & (0x7fu >> n);
  for (std::size_t i = 1; i < n; ++i) {
    if (byte(i) >> 6 != 2) return 0;
    code = code << 6 | (byte(i) & 0x3f);
  }
  const char32_t least[] = {0x80, 0x800, 0x10000};
  return code < least[n - 2] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

// Characters that would not be seen as such: controls, and marks that turn the direction of the page's own text around.
inline std::string visible(std::string_view raw, char32_t code) {
  if (code == '\n' || code == '\t') return std::string(raw);
  if (code < 0x20) return {'\xe2', '\x90', static_cast<char>(0x80 + code)};  // its picture, U+2400 and on
  const bool control = code >= 0x7f && code < 0xa0;
  const bool turns = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  const bool unseen = control || turns || (code & 0xfffe) == 0xfffe;
  return unseen ? "\xef\xbf\xbd" : std::string(raw);
}

template <class Write>
inline std::string each_character(std::string_view s, Write write) {
  std::string out;
  while (!s.empty()) {
    char32_t code = 0;
    const std::size_t n = utf8_length(s, code);
    out += n ? write(s.substr(0, n), code) : "\xef\xbf\xbd";
    s.remove_prefix(std::max<std::size_t>(n, 1));
  }
  return out;
}

inline std::string valid_utf8(std::string_view s) {
  return each_character(s, [](std::string_view raw, char32_t) { return std::string(raw); });
}

inline std::string escape(std::string_view s) {
  return each_character(s, [](std::string_view raw, char32_t code) -> std::string {
    switch (code) {
      case '&':
        return "&amp;";
      case '<':
        return "&lt;";
      case '>':
        return "&gt;";
      case '"':
        return "&quot;";
      case '\'':
        return "&#39;";
      default:
        return visible(raw, code);
    }
  });
}

// --- Numbers as people write them.

inline std::string trimmed(double x) {  // three digits: 1.5, 12, 0.031
  return fmt::format("{:.3g}", x);
}
inline std::string scaled(double x, double base, std::initializer_list<const char*> units) {
  auto unit = units.begin();
  while (std::abs(x) >= base * 0.9995 && unit + 1 != units.end()) x /= base, ++unit;
  const int digits = std::abs(x) >= 99.95 ? 0 : std::abs(x) >= 9.995 ? 1 : 2;
  std::string s = fmt::format("{:.{}f}", x, digits);
  if (s.find('.') != s.npos) s.erase(s.find_last_not_of('0') + 1);
  if (s.back() == '.') s.pop_back();
  return s + *unit;
}
inline std::string count_text(double n) { return there(n) ? scaled(n, 1000, {"", "k", "M", "B", "T"}) : "–"; }
inline std::string bytes_text(double n) { return there(n) ? scaled(n, 1000, {" B", " kB", " MB", " GB", " TB"}) : "–"; }
inline std::string loss_text(double x) { return there(x) ? fmt::format("{:.3f}", x) : "–"; }
inline std::string perplexity_text(double loss) {
  return loss < 20 ? scaled(std::exp(loss), 1e4, {"", "e4", "e8"}) : "very large";
}
inline std::string percent_text(double share) {
  const double p = 100 * share;
  return fmt::format("{:.{}f}%", p, std::abs(p) < 9.95 ? 1 : 0);
}
inline std::string short_time_text(double s) {
  if (!there(s)) return "–";
  return s < 1 ? scaled(s * 1e9, 1000, {" ns", " µs", " ms"}) : scaled(s, 1e9, {" s"});
}
inline std::string time_text(double seconds) {
  if (!there(seconds) || std::abs(seconds) > 1e12) return "–";
  const auto s = std::llround(seconds);
  if (s < 120) return fmt::format("{} s", s);
  return s < 7200 ? fmt::format("{} min {:02} s", s / 60, s % 60) : fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
}

}  // namespace supra::program::report
