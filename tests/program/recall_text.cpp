// Documents that repeat themselves: lengths, what is repeated, nothing of what is held out.
#include "../../examples/supra/recall_text.hpp"

#include <map>
#include <set>

#include "io/temporary.hpp"
#include "supra/io/bytes_tokenizer.hpp"
#include "test.hpp"

using namespace supra;
using program::token_documents;
using ids = std::vector<std::int32_t>;

namespace {
// Whether a key is followed by the same value the second time, for all of two halves.
bool is_pairs(const ids& d) {
  if (d.size() % 4 != 0) return false;
  std::map<std::int32_t, std::int32_t> value;
  for (std::size_t i = 0; i < d.size() / 2; i += 2) value[d[i]] = d[i + 1];
  for (std::size_t i = d.size() / 2; i < d.size(); i += 2)
    if (const auto it = value.find(d[i]); it == value.end() || it->second != d[i + 1]) return false;
  return value.size() == d.size() / 4;
}
ids all(std::int32_t from, std::int32_t to) {
  ids x;
  for (auto i = from; i < to; ++i) x.push_back(i);
  return x;
}
}  // namespace

BOOST_AUTO_TEST_CASE(pairs_and_copies_by_turns) {
  const ids text = all(100, 900), vocabulary = all(0, 60);
  const auto docs = program::recall_documents(text, vocabulary, 3, 48, 5000);
  const auto last = static_cast<std::int64_t>(1 + docs.back().size());
  BOOST_TEST((program::tokens_of(docs) >= 5000 && program::tokens_of(docs) - last < 5000));  // no document too many
  std::set<std::size_t> lengths;
  for (std::size_t i = 0; i < docs.size(); ++i) {
    const auto& d = docs[i];
    lengths.insert(d.size());
    BOOST_TEST((!d.empty() && d.size() <= 48));
    if (i % 2 == 0) {
      BOOST_TEST(is_pairs(d));
      continue;
    }
    // the text counts upwards: a passage's first token stands twice, and at least three after it
    std::map<std::int32_t, int> times;
    for (auto id : d) {
      BOOST_TEST((id >= 100 && id < 900));
      ++times[id];
    }
    BOOST_TEST(times[d[0]] >= 2);
    for (std::int32_t k = 1; k < 4; ++k) BOOST_TEST(times[d[0] + k] >= 2);
  }
  BOOST_TEST(lengths.size() > 20u);
  BOOST_TEST((program::recall_documents(text, vocabulary, 3, 48, 5000) == docs));
  BOOST_TEST((program::recall_documents(text, vocabulary, 4, 48, 5000) != docs));
  for (auto& d : program::recall_documents({}, vocabulary, 3, 48, 500))  // without a text
    for (auto id : d) BOOST_TEST((id >= 0 && id < 60));
  BOOST_TEST(program::recall_documents(text, vocabulary, 3, 48, 0).size() == 2u);
  BOOST_CHECK_THROW(program::recall_documents(text, vocabulary, 3, 15, 1), io::error);
  BOOST_CHECK_THROW(program::recall_documents(text, {}, 3, 48, 1), io::error);
}

// What is held out is of the other texts, as much as without recall: of few documents too, and with several seeds.
BOOST_AUTO_TEST_CASE(what_is_held_out_is_left_alone) {
  const io::bytes_tokenizer t;
  model::config c;
  c.vocab = 258, c.bos = 256, c.eos = 257;
  for (std::size_t n : {2u, 4u, 100u})
    for (const std::vector<std::uint64_t>& seeds : {std::vector<std::uint64_t>{1}, {1, 2, 3}}) {
      const std::size_t held = n == 100 ? 10 : 1;
      token_documents others(n - held, ids(900, 'a'));
      others.insert(others.end(), held, ids(900, 'z'));
      const auto found = program::with_recall(program::divided(others, 0.1, "it"), t, c, seeds, 50);
      BOOST_TEST(found.held_out == held);
      BOOST_TEST_REQUIRE(found.all.size() > n);
      const auto end_of_added = found.all.end() - static_cast<std::ptrdiff_t>(n);
      BOOST_TEST((token_documents(end_of_added, found.all.end()) == others));
      const token_documents added(found.all.begin(), end_of_added);
      const auto wanted = std::ssize(seeds) * (program::tokens_of(others) / 9);
      BOOST_TEST((program::tokens_of(added) >= wanted && program::tokens_of(added) < wanted + 51 * std::ssize(seeds)));
      int of_text = 0;
      for (auto& d : added) {
        if (is_pairs(d)) continue;
        for (auto id : d) BOOST_TEST((id == 'a' || id == c.bos));
        ++of_text;
      }
      BOOST_TEST(of_text > 1);
    }
  const auto cut = program::divided({ids(900, 'a')}, 0.1, "it");  // what repeats is no second document
  const auto repeated = program::with_recall(cut, t, c, {1}, 50);
  BOOST_TEST((repeated.cut && repeated.held_out == 1 && repeated.all.back() == ids(90, 'a')));
  BOOST_TEST((repeated.all[repeated.all.size() - 2] == ids(810, 'a')));
  const auto alone = program::with_recall({}, t, c, {1}, 50, 1000).all;
  BOOST_TEST((program::tokens_of(alone) >= 1000 && program::tokens_of(alone) < 1051));
}
BOOST_AUTO_TEST_CASE(tokens_that_a_text_can_hold) {
  model::config c;
  c.vocab = 258, c.bos = 256, c.eos = 257;
  BOOST_TEST((program::ordinary_tokens(io::bytes_tokenizer(), c) == all(0, 256)));
  c.more_eos = {'q'};
  BOOST_TEST(program::ordinary_tokens(io::bytes_tokenizer(), c).size() == 255u);
}
