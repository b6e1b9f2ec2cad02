// A line of a task's file -> an example, with the prompts of lm-evaluation-harness (0.4). Lines are either what the Hugging
// Face Hub's data sets export (docs/evaluate.md names them) or ready made: query, choices, gold.
#pragma once

#include "supra/evaluate/hellaswag.hpp"
#include "supra/io/json.hpp"

namespace supra::evaluate {

using io::fields;

inline std::string text_of(const fields& row, const std::string& key) {
  row.at(key);
  return row.text(key, "");
}
inline std::vector<std::string> texts_of(const fields& row, const std::string& key) {
  const auto& list = row.at(key);
  io::need(list.is_array() && list.size() >= 2 && list.size() <= 26, row.where(), ": ", io::in_quotes(key),
           " must be a list of 2 to 26 texts");
  std::vector<std::string> all;
  for (auto& one : list) {
    io::need(one.is_string(), row.where(), ": ", io::in_quotes(key), " must hold texts alone");
    all.push_back(one.get<std::string>());
  }
  return all;
}
// A number from 0 to below n, written as a number or as its digits.
inline std::int64_t number_of(const fields& row, const std::string& key, std::size_t n, std::int64_t from = 0) {
  std::int64_t i = -1;
  if (row.at(key).is_string()) {
    const auto digits = row.text(key, "");
    if (!digits.empty() && digits.size() <= 4 && digits.find_first_not_of("0123456789") == digits.npos) i = std::stoll(digits);
  } else {
    i = row.integer(key);
  }
  io::need(i >= from && i - from < static_cast<std::int64_t>(n), row.where(), ": ", io::in_quotes(key),
           " must be a number from ", from, " to ", from + static_cast<std::int64_t>(n) - 1);
  return i - from;
}
// The choice with that label: "C", or "3".
inline std::int64_t labelled(const fields& row, const std::vector<std::string>& labels) {
  const std::string given = text_of(row, "answerKey"), key(stripped(given));
  const auto at = std::ranges::find(labels, key);
  io::need(at != labels.end(), row.where(), ": \"answerKey\" ", io::in_quotes(key), " is none of the choices' labels, ",
           io::list_text(labels));
  return at - labels.begin();
}

// One context, each choice after a space.
inline example choose(const std::string& context, const std::vector<std::string>& choices, std::int64_t gold) {
  example e{gold, {}, {}};
  for (auto& c : choices) e.requests.push_back({context, " " + c}), e.characters.push_back(character_count(c));
  return e;
}
inline example without_norm(example e) {
  e.characters.clear();
  return e;
}
// query, choices, gold; `more` goes after the query.
inline example ready_made(const fields& row, const std::string& more = "") {
  const auto choices = texts_of(row, "choices");
  return choose(text_of(row, "query") + more, choices, number_of(row, "gold", choices.size()));
}
// question or question_stem, choices {text, label}, answerKey.
inline example multiple_choice(const fields& row, const std::string& before, const std::string& key, const std::string& after) {
  const auto choices = row.object("choices");
  const auto texts = texts_of(choices, "text"), labels = texts_of(choices, "label");
  io::need(texts.size() == labels.size(), row.where(), ": ", texts.size(), " choices have ", labels.size(), " labels");
  return choose(before + text_of(row, key) + after, texts, labelled(row, labels));
}

inline example arc(const fields& row) {
  if (row.has("query")) return ready_made(row, "\nAnswer:");
  return multiple_choice(row, "Question: ", "question", "\nAnswer:");
}
inline example openbookqa(const fields& row) {
  return row.has("query") ? ready_made(row) : multiple_choice(row, "", "question_stem", "");
}
inline example piqa(const fields& row) {
  if (row.has("query")) return ready_made(row, "Answer:");  // its query ends its line
  return choose("Question: " + text_of(row, "goal") + "\nAnswer:", {text_of(row, "sol1"), text_of(row, "sol2")},
                number_of(row, "label", 2));
}
// The rest of the sentence after each option; Trinh and Le's partial evaluation.
inline example winogrande(const fields& row) {
  std::vector<std::string> contexts;
  std::string rest;
  std::int64_t gold = 0;
  if (row.has("context_options")) {
    contexts = texts_of(row, "context_options"), rest = text_of(row, "continuation");
    gold = number_of(row, "gold", contexts.size());
  } else {
    const std::string sentence = text_of(row, "sentence");
    const auto blank = sentence.find('_');
    io::need(blank != sentence.npos, row.where(), ": \"sentence\" has no blank _");
    for (auto option : {"option1", "option2"}) contexts.push_back(sentence.substr(0, blank) + text_of(row, option));
    rest = stripped(std::string_view(sentence).substr(blank + 1)), gold = number_of(row, "answer", 2, 1);
  }
  example e{gold, {}, {}};
  for (auto& c : contexts) e.requests.push_back({c, " " + rest});
  return e;
}
inline example hellaswag_row(const fields& row) {
  const auto endings = texts_of(row, "endings");
  return hellaswag(text_of(row, "activity_label") + ": " + text_of(row, "ctx_a") + " " + capitalized(text_of(row, "ctx_b")),
                   endings, number_of(row, "label", endings.size()));
}
// The last word after the rest of the text.
inline example lambada(const fields& row) {
  if (row.has("context")) return {0, {{text_of(row, "context"), " " + text_of(row, "continuation")}}, {}};
  const std::string text = text_of(row, "text");
  const auto space = text.rfind(' ');
  io::need(space != text.npos, row.where(), ": \"text\" is one word, the last of several was to be predicted");
  return {0, {{text.substr(0, space), text.substr(space)}}, {}};
}
inline example boolq(const fields& row) {
  const bool yes = row.has("answer") ? row.flag("answer", false) : number_of(row, "label", 2) == 1;
  return without_norm(
      choose(text_of(row, "passage") + "\nQuestion: " + text_of(row, "question") + "?\nAnswer:", {"no", "yes"}, yes));
}

}  // namespace supra::evaluate
