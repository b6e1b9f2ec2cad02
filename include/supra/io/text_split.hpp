// A text cut at the matches of a pattern, as the "behavior" of a tokenizer.json's Split says.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supra/io/error.hpp"
#include "supra/io/regex.hpp"

namespace supra::io {

enum class split_behavior { isolated, removed, contiguous, merged_with_previous, merged_with_next };

inline split_behavior split_behavior_named(const std::string& name, const std::string& where) {
  if (name == "Isolated") return split_behavior::isolated;
  if (name == "Removed") return split_behavior::removed;
  if (name == "Contiguous") return split_behavior::contiguous;
  if (name == "MergedWithPrevious") return split_behavior::merged_with_previous;
  if (name == "MergedWithNext") return split_behavior::merged_with_next;
  fail(where, ": the behavior ", in_quotes(name), " is not supported");
}

struct text_split {
  regex_program pattern;
  split_behavior behavior = split_behavior::isolated;
  bool invert = false;  // what lies between the matches takes their place

  // Calls piece(start, end) for what `text` is cut into.
  template <class Piece>
  void operator()(std::string_view text, Piece&& piece) const {
    std::optional<part> held;  // may still grow
    auto give = [&](const part& p) {
      if (held) piece(held->start, held->end);
      held = p;
    };
    each_part_of(text, [&](part p) {
      using enum split_behavior;
      if (behavior == removed && p.match) return;
      const bool joins = held && (behavior == contiguous             ? p.match == held->match
                                  : behavior == merged_with_previous ? p.match && !held->match
                                  : behavior == merged_with_next     ? held->match && !p.match
                                                                     : false);
      if (!joins) return give(p);
      held->end = p.end;
      if (behavior != contiguous) held->match = behavior == merged_with_previous;  // it joins once
    });
    if (held) piece(held->start, held->end);
  }

 private:
  struct part {
    std::size_t start, end;
    bool match;
  };

  template <class Each>
  void each_part_of(std::string_view text, Each&& each) const {
    std::size_t last = 0;
    each_match(pattern, text, [&](std::size_t start, std::size_t end) {
      if (start > last) each(part{last, start, invert});
      each(part{start, end, !invert});
      last = end;
    });
    if (last < text.size()) each(part{last, text.size(), invert});
  }
};

}  // namespace supra::io
