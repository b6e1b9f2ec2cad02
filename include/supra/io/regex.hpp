// The regular expressions of tokenizers: what they use of Oniguruma's syntax, over Unicode's characters. What is not
// supported is refused by name: anchors, lazy repeats, backreferences, looking behind, \w, \b and the like.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supra/io/regex_characters.hpp"
#include "supra/io/regex_program.hpp"

namespace supra::io {

class regex_parser : regex_characters {
 public:
  regex_parser(std::string_view pattern, std::string where) : regex_characters(pattern, std::move(where)) {
    need(text_.size() <= 10'000, where_, ": a regular expression of ", text_.size(), " bytes is not supported, 10,000 are");
  }
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
  struct fragment {
    ops code;
    bool nullable = true;
  };

  void add(ops& code, regex_op op) const {
    check(code.size() < 2000, "is too large");
    code.push_back(op);
  }
  void append(ops& code, const ops& more) const {
    for (auto& op : more) add(code, op);
  }
  fragment choice(bool ignore_case) {  // a|b|c
    check(++depth_ < 40, "is nested too deep");
    fragment all = sequence(ignore_case);
    while (take("|")) {  // (a|b)|c is a|b|c
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
    if (take("["))
      in_brackets(set);
    else if (take("."))
      set.add_range('\n', '\n'), set.negate();
    else if (take("\\"))
      escaped(set);
    else {
      const std::string symbol(text_.substr(at_, 1));
      check(std::string_view("^$*+?{").find(symbol) == std::string_view::npos, "has " + symbol + " where it is not supported");
      const char32_t c = next();
      set.add_range(c, c);
    }
    check(!ignore_case || set.is_ascii(), "ignores the case of other characters than ASCII's");
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
    if (take("*"))
      least = 0, most = regex_unlimited;
    else if (take("+"))
      most = regex_unlimited;
    else if (take("?"))
      least = 0;
    else if (take("{")) {
      least = most = count();
      if (take(",")) most = more() && text_[at_] == '}' ? regex_unlimited : count();
      check(take("}") && most >= least && most > 0, "has a repeat that is not {m}, {m,} or {m,n}");
      check(!text_.substr(at_).starts_with("+"), "repeats a repeat");
    } else
      return what;
    check(!take("?"), "has a lazy repeat, which is not supported");
    const bool possessive = take("+");
    check(!more() || std::string_view("*+?{").find(text_[at_]) == std::string_view::npos, "repeats a repeat");
    if (what.code.size() == 1 && what.code[0].kind == regex_op::run && what.code[0].most == 1) {
      what.code[0].least = least, what.code[0].most = most, what.code[0].flag = possessive;
      return {what.code, least == 0};
    }
    check(!possessive && !what.nullable,
          possessive ? "has a possessive repeat of more than one character" : "repeats what may be empty");
    fragment all{{}, least == 0};
    for (int i = 0; i < least; ++i) append(all.code, what.code);
    const int size = static_cast<int>(what.code.size());
    if (most == regex_unlimited) {
      add(all.code, {.kind = regex_op::fork, .to = size + 2});
      append(all.code, what.code);
      add(all.code, {.kind = regex_op::jump, .to = -size - 1});
    } else {
      for (int i = least; i < most; ++i) {  // each may be followed by none
        add(all.code, {.kind = regex_op::fork, .to = (size + 1) * (most - i)});
        append(all.code, what.code);
      }
    }
    return all;
  }

  regex_program program_;
};

}  // namespace supra::io
