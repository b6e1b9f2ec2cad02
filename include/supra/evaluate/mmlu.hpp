// MMLU (Hendrycks et al. 2021) with five examples of the question's subject before it.
#pragma once

#include <map>

#include "supra/evaluate/prompts.hpp"

namespace supra::evaluate {

struct mmlu_question {
  std::string subject, text;  // text: up to "Answer:"
  std::int64_t gold = 0;
};

inline mmlu_question mmlu_row(const fields& row) {
  const auto choices = texts_of(row, "choices");
  io::need(choices.size() == 4, row.where(), ": expected 4 choices, found ", choices.size());
  mmlu_question q{text_of(row, "subject"), std::string(stripped(text_of(row, "question"))), number_of(row, "answer", 4)};
  for (std::size_t i = 0; i < 4; ++i) q.text += "\n" + std::string(1, static_cast<char>('A' + i)) + ". " + choices[i];
  q.text += "\nAnswer:";
  return q;
}

inline std::vector<example> mmlu(const std::vector<mmlu_question>& questions, const std::vector<mmlu_question>& shown,
                                 const std::string& where, std::size_t shots = 5) {
  std::map<std::string, std::string> before;
  std::map<std::string, std::size_t> count;
  for (auto& q : shown) {
    auto& text = before[q.subject];
    if (text.empty())
      text = "The following are multiple choice questions (with answers) about " + replaced(q.subject, "_", " ") + ".\n\n";
    if (count[q.subject]++ < shots) text += q.text + " " + static_cast<char>('A' + q.gold) + "\n\n";
  }
  std::vector<example> all;
  for (auto& q : questions) {
    io::need(count[q.subject] >= shots, where, ": has ", count[q.subject], " questions of the subject ",
             io::in_quotes(q.subject), ", ", shots, " are shown before each one that is asked");
    all.push_back(without_norm(choose(before[q.subject] + q.text, {"A", "B", "C", "D"}, q.gold)));
  }
  return all;
}

}  // namespace supra::evaluate
