// The characters and sets of characters of a regular expression, in Oniguruma's syntax, as its parser meets them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "supra/io/error.hpp"
#include "supra/io/regex_set.hpp"
#include "supra/io/utf8.hpp"

namespace supra::io {

class regex_characters {
 protected:
  regex_characters(std::string_view pattern, std::string where) : text_(pattern), where_(std::move(where)) {}

  void check(bool ok, std::string_view what) const {
    need(ok, where_, ": the regular expression ", in_quotes(text_), " ", what, " (at its byte ", at_, ")");
  }
  bool more() const { return at_ < text_.size(); }
  bool take(std::string_view expected) {
    if (!text_.substr(at_).starts_with(expected)) return false;
    at_ += expected.size();
    return true;
  }
  char32_t next() {
    check(more(), "ends early");
    const utf8_char c = utf8_at(text_, at_);
    at_ += c.bytes;
    return c.code;
  }

  void in_brackets(regex_set& set) {
    check(++depth_ < 40, "is nested too deep");
    const bool negated = take("^");
    while (!take("]")) {
      check(!take("&&"), "has && in brackets, which is not supported");
      if (take("[")) {
        check(!take(":"), "has [: in brackets, which is not supported");
        regex_set inner;
        in_brackets(inner);
        set.add_set(inner);
      } else if (std::optional<char32_t> low = take("\\") ? escaped(set) : next()) {
        char32_t high = *low;
        if (more() && text_.substr(at_, 2) != "-]" && take("-")) {
          check(!take("["), "has a range that is not of characters");
          const auto to = take("\\") ? escaped(set) : next();
          check(to && *to >= *low, "has a range that is not of characters");
          high = *to;
        }
        set.add_range(*low, high);
      }
    }
    check(!set.empty(), "has empty brackets");
    if (negated) set.negate();
    --depth_;
  }
  // What follows a backslash: a character, which is returned (and added), or a kind of characters.
  std::optional<char32_t> escaped(regex_set& set) {
    const char32_t c = next();
    auto kind = [&](categories of, bool negated) { return set.add_kind(of, negated), std::nullopt; };
    switch (c) {
      case 's':
        return set.add_white_space(false), std::nullopt;
      case 'S':
        return set.add_white_space(true), std::nullopt;
      case 'd':
        return kind(categories_named("Nd"), false);
      case 'D':
        return kind(categories_named("Nd"), true);
      case 'p':
      case 'P':
        return kind(named(), c == 'P');
      case 'n':
        return character(set, '\n');
      case 'r':
        return character(set, '\r');
      case 't':
        return character(set, '\t');
      case 'f':
        return character(set, '\f');
      case 'x':
      case 'u':
        return character(set, hexadecimal(c == 'x' ? 2 : 4));
      default:
        check(c < 128 && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'),
              "has the escape \\" + std::string(text_.substr(at_ - 1, 1)) + ", which is not supported");
        return character(set, c);
    }
  }
  static char32_t character(regex_set& set, char32_t c) { return set.add_range(c, c), c; }
  categories named() {
    const std::size_t end = text_.find('}', at_);
    check(take("{") && end != text_.npos, "has \\p without {a general category}");
    const auto found = categories_named(text_.substr(at_, end - at_));
    check(found != 0, "has " + in_quotes(text_.substr(at_, end - at_)) + ", which is no general category of Unicode");
    at_ = end + 1;
    return found;
  }
  char32_t hexadecimal(int digits) {
    const bool braces = digits == 2 && take("{");
    char32_t n = 0;
    int i = 0;
    for (; i < (braces ? 6 : digits) && more(); ++i) {
      const char d = text_[at_];
      const int value = d >= '0' && d <= '9'   ? d - '0'
                        : d >= 'a' && d <= 'f' ? d - 'a' + 10
                        : d >= 'A' && d <= 'F' ? d - 'A' + 10
                                               : -1;
      if (value < 0) break;
      n = n * 16 + static_cast<char32_t>(value), ++at_;
    }
    check((braces ? i > 0 && take("}") : i == digits) && n < (digits == 2 && !braces ? 0x80 : stray_byte),
          "has a character's number that is not understood");
    return n;
  }

  std::string_view text_;
  std::string where_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace supra::io
