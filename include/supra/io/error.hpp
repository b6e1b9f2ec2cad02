// The one exception of supra::io, and the pieces its sentences are made of: what was expected, what was found, where.
#pragma once

#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace supra::io {

struct error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// "a, b, c" out of anything that a stream prints.
template <class... Parts>
std::string sentence(const Parts&... parts) {
  std::ostringstream out;
  out.precision(9);
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw error(sentence(parts...));
}

template <class... Parts>
void need(bool ok, const Parts&... parts) {
  if (!ok) fail(parts...);
}

// A name out of a file, safe to print: quoted, other characters than printable ASCII as \xNN, cut at 120 characters.
inline std::string in_quotes(std::string_view text) {
  static const char* hex = "0123456789abcdef";
  std::string out = "\"";
  for (unsigned char c : text.substr(0, 120)) {
    if (c >= 32 && c < 127) out += static_cast<char>(c);
    else out += {'\\', 'x', hex[c >> 4], hex[c & 15]};
  }
  return out + (text.size() > 120 ? "...\"" : "\"");
}

// "(3, 4)"; at most 8 lengths are printed.
inline std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string out = "(";
  for (std::size_t i = 0; i < shape.size() && i < 8; ++i) out += (i ? ", " : "") + std::to_string(shape[i]);
  return out + (shape.size() > 8 ? ", ...)" : ")");
}

// Names for a sentence: the first few, then a count.
inline std::string list_text(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < 4; ++i) out += (i ? ", " : "") + in_quotes(names[i]);
  return names.size() > 4 ? out + " and " + std::to_string(names.size() - 4) + " more" : out;
}

}  // namespace supra::io
