// Documents that repeat themselves: lengths, what is repeated, nothing of what is held out.
#include "../../examples/supra/recall_text.hpp"

#include <map>
#include <set>

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
  const auto docs = program::recall_documents(text, vocabulary, 3, 48, 200);
  BOOST_TEST_REQUIRE(docs.size() == 200u);
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
  BOOST_TEST((program::recall_documents(text, vocabulary, 3, 48, 200) == docs));
  BOOST_TEST((program::recall_documents(text, vocabulary, 4, 48, 200) != docs));
  for (auto& d : program::recall_documents({}, vocabulary, 3, 48, 20))  // without a text
    for (auto id : d) BOOST_TEST((id >= 0 && id < 60));
  BOOST_CHECK_THROW(program::recall_documents(text, vocabulary, 3, 15, 1), io::error);
  BOOST_CHECK_THROW(program::recall_documents(text, {}, 3, 48, 1), io::error);
}

BOOST_AUTO_TEST_CASE(nothing_is_taken_from_what_is_held_out) {
  const io::bytes_tokenizer t;
  model::config c;
  c.vocab = 258, c.bos = 256, c.eos = 257;
  token_documents others(90, ids(100, 'a'));
  others.insert(others.end(), 10, ids(100, 'z'));  // the last tenth
  const auto docs = program::with_recall(others, t, c, 1, 50, 0.1, 0);
  const std::size_t added = docs.size() - others.size();
  BOOST_TEST(added == 2u * (100 * 101 / 9) / 50);
  BOOST_TEST((token_documents(docs.begin() + static_cast<std::ptrdiff_t>(added), docs.end()) == others));
  int of_text = 0;
  for (std::size_t i = 1; i < added; i += 2)
    for (auto id : docs[i]) {
      BOOST_TEST((id == 'a' || id == c.bos));
      ++of_text;
    }
  BOOST_TEST(of_text > 100);
  BOOST_TEST(program::with_recall({}, t, c, 1, 50, 0.1, 1000).size() == 40u);
}
BOOST_AUTO_TEST_CASE(tokens_that_a_text_can_hold) {
  model::config c;
  c.vocab = 258, c.bos = 256, c.eos = 257;
  BOOST_TEST((program::ordinary_tokens(io::bytes_tokenizer(), c) == all(0, 256)));
  c.more_eos = {'q'};
  BOOST_TEST(program::ordinary_tokens(io::bytes_tokenizer(), c).size() == 255u);
}
