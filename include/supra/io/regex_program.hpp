// What a regular expression is compiled to, and how it is run: the first way that matches, by backtracking, as Perl's,
// Oniguruma's and all tokenizers' regular expressions mean it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "supra/io/error.hpp"
#include "supra/io/regex_set.hpp"
#include "supra/io/utf8.hpp"

namespace supra::io {

inline constexpr int regex_unlimited = std::numeric_limits<int>::max();

struct regex_op {
  enum kind_t { run, fork, jump, look, done } kind = done;
  int set = 0, least = 1, most = 1;  // run: characters of a set, as many as there are
  int to = 0;                        // fork: where else; jump: where; look: what follows its done (relative)
  bool flag = false;                 // run: possessive; look: must not match
};

struct regex_program {
  std::vector<regex_set> sets;
  std::vector<regex_op> code;

  // Where a way still to be tried goes on: at `at`, then one character less each time, down to `floor`.
  struct way {
    int op;
    std::size_t at, floor;
  };

  // What the search for all matches in a text shares: ways still to be tried, and how much may still be tried.
  struct search {
    explicit search(std::string_view text) : steps(1'000'000 + 100 * text.size()) {}
    std::vector<way> ways{};
    std::size_t steps;  // operations, and bytes of runs
  };

  // End of the match that begins at `at`, if there is one.
  std::optional<std::size_t> match(std::string_view text, std::size_t at, search& s, int op = 0) const {
    auto& ways = s.ways;
    const std::size_t base = ways.size();
    for (bool dead = false;; dead = false) {
      need(s.steps > 0, "a regular expression tries too many ways on a text of ", text.size(), " bytes");
      --s.steps;
      const regex_op& o = code[static_cast<std::size_t>(op)];
      switch (o.kind) {
        case regex_op::done:
          ways.resize(base);
          return at;
        case regex_op::jump:
          op += o.to;
          break;
        case regex_op::fork:
          if (hopeless(op + 1, text, at))
            op += o.to;
          else
            ways.push_back({op + o.to, at, at}), ++op;
          break;
        case regex_op::look:
          dead = match(text, at, s, op + 1).has_value() == o.flag, op += o.to;
          break;
        case regex_op::run:
          dead = !run(o, text, at, s, op), ++op;
          break;
      }
      if (!dead) continue;
      if (ways.size() == base) return std::nullopt;
      way& last = ways.back();
      op = last.op, at = last.at;
      if (last.at > last.floor)
        last.at -= utf8_before(text, last.at).bytes;
      else
        ways.pop_back();
    }
  }

 private:
  // Whether the op's first character is not what stands there: most alternatives end so, and need not be tried.
  bool hopeless(int op, std::string_view text, std::size_t at) const {
    const regex_op& o = code[static_cast<std::size_t>(op)];
    return o.kind == regex_op::run && o.least > 0 &&
           (at == text.size() || !sets[static_cast<std::size_t>(o.set)].has(utf8_at(text, at).code));
  }
  bool run(const regex_op& o, std::string_view text, std::size_t& at, search& s, int op) const {
    const regex_set& set = sets[static_cast<std::size_t>(o.set)];
    const std::size_t from = at;
    std::size_t floor = at;
    int count = 0;
    while (count < o.most && at < text.size()) {
      const utf8_char c = utf8_at(text, at);
      if (!set.has(c.code)) break;
      at += c.bytes;
      if (++count == o.least) floor = at;
    }
    s.steps -= std::min(s.steps, at - from);
    if (count < o.least) return false;
    if (at > floor && !o.flag) s.ways.push_back({op + 1, at - utf8_before(text, at).bytes, floor});
    return true;
  }
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
  regex_program::search s(text);
  for (std::size_t at = 0; at < text.size();) {
    const auto end = pattern.match(text, at, s);
    if (end && *end > at)
      found(at, *end), at = *end;
    else
      at += utf8_at(text, at).bytes;
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
