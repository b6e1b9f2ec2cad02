// The regular expressions of tokenizers: what they use of Oniguruma's syntax, over Unicode's characters. What is not
// supported is refused by name: anchors, lazy repeats, backreferences, looking behind, \w, \b and the like.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supra/io/regex_program.hpp"

namespace supra::io {

class regex_parser {
 public:
  regex_parser(std::string_view pattern, std::string where) : text_(pattern), where_(std::move(where)) {}
  regex_program parse() {
    fragment all = choice(false);
    check(at_ == text_.size(), "has a ) without its (");
    check(!all.nullable, "matches the empty text");
    add(all.code, {.kind = regex_op::done});
    program_.code = std::move(all.code);
    return std::move(program_);
  }

 private:
  using ops = std::vector<regex_op>;
  struct fragment { ops code; bool nullable = true; };

  void check(bool ok, std::string_view what) const {
    need(ok, where_, ": the regular expression ", in_quotes(text_), " ", what, " (at its byte ", at_, ")");
  }
  void add(ops& code, regex_op op) const {
    check(code.size() < 2000, "is too large");
    code.push_back(op);
  }
  void append(ops& code, const ops& more) const {
    for (auto& op : more) add(code, op);
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

  fragment choice(bool ignore_case) {                // a|b|c
    check(++depth_ < 40, "is nested too deep");
    fragment all = sequence(ignore_case);
    while (take("|")) {                              // (a|b)|c is a|b|c
      const fragment other = sequence(ignore_case);
      ops code;
      add(code, {.kind = regex_op::fork, .to = static_cast<int>(all.code.size()) + 2});
      append(code, all.code);
      add(code, {.kind = regex_op::jump, .to = static_cast<int>(other.code.size()) + 1});
      append(code, other.code);
      all = {std::move(code), all.nullable || other.nullable};
    }
    --depth_;
    return all;
  }
  fragment sequence(bool ignore_case) {
    fragment all;
    while (more() && text_[at_] != '|' && text_[at_] != ')') {
      const fragment part = repeated(one(ignore_case));
      append(all.code, part.code);
      all.nullable &= part.nullable;
    }
    return all;
  }
  fragment one(bool ignore_case) {
    if (take("(?!")) return look(true, ignore_case);
    if (take("(?=")) return look(false, ignore_case);
    if (take("(?i:")) return group(true);
    if (take("(?:")) return group(ignore_case);
    check(!text_.substr(at_).starts_with("(?"), "has a group that is not supported, " + in_quotes(text_.substr(at_, 4)));
    if (take("(")) return group(ignore_case);
    regex_set set;
    if (take("[")) in_brackets(set);
    else if (take(".")) set.add_range('\n', '\n'), set.negate();
    else if (take("\\")) escaped(set);
    else {
      const std::string symbol(text_.substr(at_, 1));
      check(std::string_view("^$*+?{").find(symbol) == std::string_view::npos, "has " + symbol + " where it is not supported");
      const char32_t c = next();
      set.add_range(c, c);
    }
    if (ignore_case) set.ignore_case();
    program_.sets.push_back(std::move(set));
    return {{{.kind = regex_op::run, .set = static_cast<int>(program_.sets.size()) - 1}}, false};
  }
  fragment group(bool ignore_case) {
    fragment inner = choice(ignore_case);
    check(take(")"), "has a ( without its )");
    return inner;
  }
  fragment look(bool must_not, bool ignore_case) {
    const fragment inner = group(ignore_case);
    fragment all;
    add(all.code, {.kind = regex_op::look, .to = static_cast<int>(inner.code.size()) + 2, .flag = must_not});
    append(all.code, inner.code);
    add(all.code, {.kind = regex_op::done});
    return all;
  }

  int count() {
    int n = 0;
    const std::size_t start = at_;
    while (more() && text_[at_] >= '0' && text_[at_] <= '9' && n < 1000) n = n * 10 + (text_[at_++] - '0');
    check(at_ > start && n <= 1000, "has a repeat that is not {m}, {m,} or {m,n} of at most 1000");
    return n;
  }
  fragment repeated(fragment what) {
    int least = 1, most = 1;
    if (take("*")) least = 0, most = regex_unlimited;
    else if (take("+")) most = regex_unlimited;
    else if (take("?")) least = 0;
    else if (take("{")) {
      least = most = count();
      if (take(",")) most = more() && text_[at_] == '}' ? regex_unlimited : count();
      check(take("}") && most >= least && most > 0, "has a repeat that is not {m}, {m,} or {m,n}");
      check(!text_.substr(at_).starts_with("+"), "repeats a repeat");
    } else return what;
    check(!take("?"), "has a lazy repeat, which is not supported");
    const bool possessive = take("+");
    check(!more() || std::string_view("*+?{").find(text_[at_]) == std::string_view::npos, "repeats a repeat");
    if (what.code.size() == 1 && what.code[0].kind == regex_op::run && what.code[0].most == 1) {
      what.code[0].least = least, what.code[0].most = most, what.code[0].flag = possessive;
      return {what.code, least == 0};
    }
    check(!possessive && !what.nullable, possessive ? "has a possessive repeat of more than one character"
                                                    : "repeats what may be empty");
    fragment all{{}, least == 0};
    for (int i = 0; i < least; ++i) append(all.code, what.code);
    const int size = static_cast<int>(what.code.size());
    if (most == regex_unlimited) {
      add(all.code, {.kind = regex_op::fork, .to = size + 2});
      append(all.code, what.code);
      add(all.code, {.kind = regex_op::jump, .to = -size - 1});
    } else {
      for (int i = least; i < most; ++i) {           // each may be followed by none
        add(all.code, {.kind = regex_op::fork, .to = (size + 1) * (most - i)});
        append(all.code, what.code);
      }
    }
    return all;
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
      case 's': return set.add_white_space(false), std::nullopt;
      case 'S': return set.add_white_space(true), std::nullopt;
      case 'd': return kind(categories_named("Nd"), false);
      case 'D': return kind(categories_named("Nd"), true);
      case 'p':
      case 'P': return kind(named(), c == 'P');
      case 'n': return character(set, '\n');
      case 'r': return character(set, '\r');
      case 't': return character(set, '\t');
      case 'f': return character(set, '\f');
      case 'x':
      case 'u': return character(set, hexadecimal(c == 'x' ? 2 : 4));
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
      const int value = d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10 : d >= 'A' && d <= 'F' ? d - 'A' + 10 : -1;
      if (value < 0) break;
      n = n * 16 + static_cast<char32_t>(value), ++at_;
    }
    check((braces ? i > 0 && take("}") : i == digits) && n < stray_byte, "has a character's number that is not understood");
    return n;
  }

  std::string_view text_;
  std::string where_;
  std::size_t at_ = 0;
  int depth_ = 0;
  regex_program program_;
};

// The pattern that a text itself is.
inline regex_program literal_pattern(std::string_view text) {
  regex_program p;
  for (std::size_t at = 0; at < text.size();) {
    const utf8_char c = utf8_at(text, at);
    p.code.push_back({.kind = regex_op::run, .set = static_cast<int>(p.sets.size())});
    p.sets.emplace_back().add_range(c.code, c.code);
    at += c.bytes;
  }
  p.code.push_back({.kind = regex_op::done});
  return p;
}

// Calls found(start, end) for the matches in `text`, each after the one before. The empty ones are passed over.
template <class Found>
void each_match(const regex_program& pattern, std::string_view text, Found&& found) {
  std::vector<regex_program::way> ways;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = pattern.match(text, at, ways);
    if (end && *end > at) found(at, *end), at = *end;
    else at += utf8_at(text, at).bytes;
  }
}

inline std::string replace_matches(const regex_program& pattern, std::string_view text, std::string_view content) {
  std::string out;
  std::size_t last = 0;
  each_match(pattern, text, [&](std::size_t start, std::size_t end) {
    out.append(text.substr(last, start - last)).append(content);
    last = end;
  });
  return out.append(text.substr(last));
}

}  // namespace supra::io
