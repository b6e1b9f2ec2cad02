// --text recall:SEED: documents that repeat themselves, so that a model is trained to recall: a passage of the other texts that
// comes again, or keys of a vocabulary that are asked for their values (evaluate/recall.hpp).
#pragma once

#include "supra/evaluate/recall.hpp"
#include "training_text.hpp"

namespace supra::program {

// Documents of at most `length` tokens, by turns pairs and copies, until they have `tokens` with what each begins with; one of
// each kind at least. Passages have 4 to 64 tokens of `text`, or of the vocabulary where the text has less than `length`.
inline token_documents recall_documents(std::span<const std::int32_t> text, std::span<const std::int32_t> vocabulary,
                                        std::uint64_t seed, std::int64_t length, std::int64_t tokens) {
  const std::int64_t most_pairs = std::min(length / 4, static_cast<std::int64_t>(vocabulary.size()) / 2),
                     longest_passage = std::min<std::int64_t>(64, length / 4);
  io::need(longest_passage >= 4 && most_pairs >= 1, "--text recall:", seed, ": sequences of ", length, " tokens and ",
           vocabulary.size(), " tokens that a text can hold are too few; give a --seq of at least 16, or other texts");
  io::fingerprint own;
  own.add(seed);
  std::mt19937_64 random(own.value);
  const auto from = [&](std::int64_t least, std::int64_t most) {
    return least + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most - least + 1));
  };
  token_documents docs;
  for (std::int64_t made = 0; made < tokens || docs.size() < 2; made += 1 + std::ssize(docs.back())) {
    evaluate::recall_settings s;
    s.count = 1, s.lead = 0, s.seed = random(), s.passage = from(4, longest_passage);
    const std::int64_t distance = from(s.passage, length - 2 * s.passage), pairs = from(1, most_pairs);
    const bool long_enough = static_cast<std::int64_t>(text.size()) >= length;
    docs.push_back((docs.size() % 2 == 0 ? evaluate::pairs_of(vocabulary, pairs, s)
                    : long_enough        ? evaluate::copies_of(text, distance, s)
                                         : evaluate::copies_of_random(vocabulary, distance, s))
                       .ids);
  }
  return docs;
}

// Documents of each seed before the others, whose last ones stay what is held out; nothing is taken from these. Each seed adds
// a ninth of the others' tokens, or `alone` where there are none.
inline divided_documents with_recall(divided_documents others, const io::tokenizer& t, const model::config& c,
                                     const std::vector<std::uint64_t>& seeds, std::int64_t length, std::int64_t alone = 0) {
  const std::int64_t tokens = others.all.empty() ? alone : tokens_of(others.all) / 9;
  const auto text = stream(t, std::span(std::as_const(others.all)).first(others.all.size() - others.held_out), c.bos);
  const auto vocabulary = ordinary_tokens(t, c);
  divided_documents r{{}, others.held_out, others.cut};
  for (auto seed : seeds) append(r.all, recall_documents(text, vocabulary, seed, length, tokens));
  append(r.all, std::move(others.all));
  return r;
}

}  // namespace supra::program
