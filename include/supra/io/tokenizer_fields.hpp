// The parts that a tokenizer.json is made of: objects with a type, some of them sequences of others, some with a pattern.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "supra/io/json.hpp"
#include "supra/io/regex.hpp"

namespace supra::io {

// A field that is there and not known may change what the tokenizer does, so it is refused.
inline void only(const fields& part, std::initializer_list<std::string_view> known) {
  for (auto& [key, value] : part.all().items())
    need(std::ranges::find(known, key) != known.end(), part.where(), ": the field ", in_quotes(key), " is not supported");
}

[[noreturn]] inline void unsupported(const fields& part) {
  fail(part.where(), ": the type ", in_quotes(part.text("type", "")), " is not supported");
}

inline const json& array_of(const fields& f, const std::string& key) {
  const json& list = f.at(key);
  need(list.is_array(), f.where(), ": ", in_quotes(key), " must be a list");
  return list;
}

// Calls each(part) for a part, or for the parts of a Sequence, whose list is named `list`; a part that is null is none.
template <class Each>
void each_part(const fields& part, const std::string& list, Each&& each) {
  if (part.text("type", "") != "Sequence") return each(part);
  only(part, {"type", list});
  std::size_t i = 0;
  for (auto& inner : array_of(part, list)) each_part(fields(inner, part.where() + " " + std::to_string(++i)), list, each);
}

// {"String": a text} or {"Regex": a regular expression}, as the field `pattern`.
inline regex_program pattern_of(const fields& part) {
  const fields p = part.object("pattern");
  only(p, {"String", "Regex"});
  need(p.has("String") != p.has("Regex"), p.where(), ": a pattern is either a \"String\" or a \"Regex\"");
  if (p.has("Regex")) return regex_parser(p.text("Regex", ""), p.where()).parse();
  const std::string text = p.text("String", "");
  need(!text.empty() && text.size() <= 1000, p.where(), ": the pattern is of ", text.size(), " bytes, 1 to 1000 are supported");
  return literal_pattern(text);
}

// One character of UTF-8, as the field `key`.
inline std::string character_of(const fields& part, const std::string& key) {
  const std::string c = part.text(key, "");
  need(!c.empty() && utf8_at(c, 0).bytes == c.size(), part.where(), ": ", in_quotes(key), " must be one character, found ",
       in_quotes(c));
  return c;
}

}  // namespace supra::io
