// HellaSwag's texts (Zellers et al. 2019): marks of WikiHow taken out, as lm-evaluation-harness does; and the file in which
// they already are.
#pragma once

#include "supra/evaluate/characters.hpp"
#include "supra/evaluate/example.hpp"
#include "supra/io/error.hpp"

namespace supra::evaluate {

inline std::string without_marks(std::string_view text) {
  std::string s = replaced(std::string(stripped(text)), " [title]", ". "), out;
  for (std::size_t at = 0; at < s.size();) {  // [...] on one line goes
    const std::size_t open = s.find('[', at), close = open == s.npos ? s.npos : s.find(']', open);
    const bool mark = close != s.npos && s.find('\n', open) > close;
    const std::size_t end = mark ? open : open == s.npos ? s.size() : open + 1;
    out += s.substr(at, end - at), at = mark ? close + 1 : end;
  }
  return replaced(out, "  ", " ");
}

inline example hellaswag(const std::string& context, const std::vector<std::string>& endings, std::int64_t gold) {
  example e{gold, {}, {}};
  for (auto& ending : endings) {
    const std::string choice = without_marks(ending);
    e.requests.push_back({without_marks(context), " " + choice}), e.characters.push_back(character_count(choice));
  }
  return e;
}

// "A man sits. he" -> "A man sits. He": what follows the last sentence's end, where it begins small, is what the harness
// capitalizes (ctx_b), and only there it is not yet.
inline std::string with_capital(const std::string& context) {
  std::size_t at = context.find_last_of(".!?");
  if (at == context.npos) return context;
  do ++at;
  while (at < context.size() && std::string_view("\"')").find(context[at]) != std::string_view::npos);
  if (at + 1 >= context.size() || context[at] != ' ' || context[at + 1] < 'a' || context[at + 1] > 'z') return context;
  return context.substr(0, at + 1) + capitalized(context.substr(at + 1));
}

// Six lines each: context, the right ending's number, four endings.
inline std::vector<example> hellaswag_lines(std::string_view text, const std::string& where) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end)), text.remove_prefix(std::min(end + 1, text.size()));
  }
  io::need(lines.size() % 6 == 0, where, ": has ", lines.size(), " lines, which is no multiple of 6 (context, number, four ",
           "endings); was it cut off?");
  std::vector<example> all;
  for (std::size_t i = 0; i < lines.size(); i += 6) {
    const auto& number = lines[i + 1];
    io::need(number.size() == 1 && number[0] >= '0' && number[0] <= '3', where, ", line ", i + 2,
             ": expected the right ending's number, 0 to 3, found ", io::in_quotes(number));
    all.push_back(
        hellaswag(with_capital(lines[i]),
                  {lines.begin() + static_cast<std::ptrdiff_t>(i) + 2, lines.begin() + static_cast<std::ptrdiff_t>(i) + 6},
                  number[0] - '0'));
  }
  return all;
}

}  // namespace supra::evaluate
