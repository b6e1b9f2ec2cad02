// --text recall:SEED: documents that repeat themselves, so that a model is trained to recall: a passage of the other texts that comes
// again, or keys of a vocabulary that are asked for their values (evaluate/recall.hpp).
#pragma once

#include "supra/evaluate/recall.hpp"
#include "training_text.hpp"

namespace supra::program {

// So many documents of at most `length` tokens, by turns pairs and copies; where either is not possible, of the other kind. Passages
// have 4 to 64 tokens of `text`, or of the vocabulary where the text has less than `length`.
inline token_documents recall_documents(std::span<const std::int32_t> text, std::span<const std::int32_t> vocabulary,
                                        std::uint64_t seed, std::int64_t length, std::int64_t count) {
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
  for (std::int64_t i = 0; i < count; ++i) {
    evaluate::recall_settings s;
    s.count = 1, s.lead = 0, s.seed = random(), s.passage = from(4, longest_passage);
    const std::int64_t distance = from(s.passage, length - 2 * s.passage), pairs = from(1, most_pairs);
    const bool long_enough = static_cast<std::int64_t>(text.size()) >= length;
    docs.push_back((i % 2 == 0    ? evaluate::pairs_of(vocabulary, pairs, s)
                    : long_enough ? evaluate::copies_of(text, distance, s)
                                  : evaluate::copies_of_random(vocabulary, distance, s))
                       .ids);
  }
  return docs;
}

// Documents that repeat, before the others, so that what is held out is of the others: a tenth of all tokens, or `alone` tokens where
// there are no others. Nothing is taken from documents that are held out.
inline token_documents with_recall(token_documents others, const io::tokenizer& t, const model::config& c, std::uint64_t seed,
                                   std::int64_t length, double held_out, std::int64_t alone) {
  std::int64_t tokens = 0;
  for (auto& d : others) tokens += 1 + static_cast<std::int64_t>(d.size());
  const std::int64_t wanted = others.empty() ? alone : tokens / 9, count = std::max<std::int64_t>(2, 2 * wanted / length);
  const auto all = static_cast<double>(others.size()) + static_cast<double>(count);
  const auto held = std::max<std::size_t>(1, static_cast<std::size_t>(all * held_out));
  const auto trained = std::span(others).first(others.size() - std::min(others.size(), held));
  auto docs = recall_documents(stream(t, trained, c.bos), ordinary_tokens(t, c), seed, length, count);
  std::move(others.begin(), others.end(), std::back_inserter(docs));
  return docs;
}

}  // namespace supra::program
