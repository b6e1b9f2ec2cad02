#include "test.hpp"

#include <map>
#include <random>

#include "supra/io/merged_words.hpp"

using namespace supra;
using ids = std::vector<std::int32_t>;

namespace {

// A token for each byte but the letter x, and one number that tells words of the same bytes in another order apart.
void tokens_of(std::string_view word, ids& to) {
  std::uint32_t sum = 0;
  for (unsigned char c : word) {
    sum = sum * 31 + c;
    if (c != 'x') to.push_back(c);
  }
  if (!word.empty() && word[0] != 'x') to.push_back(static_cast<std::int32_t>(sum & 0xffffff));
}
std::string word_number(std::size_t i) { return " w" + std::to_string(i * 2654435761u % 1000000007u); }

}  // namespace

BOOST_AUTO_TEST_CASE(tokens_are_those_of_merging) {
  std::mt19937 random(3);
  io::merged_words seen;
  std::size_t merged = 0, asked = 0;
  ids found, expected;
  auto ask = [&](const std::string& word) {
    seen(word, found, [&](std::string_view w, ids& to) { ++merged, tokens_of(w, to); });
    tokens_of(word, expected), ++asked;
  };
  // Few words and then more than there is room for; empty, of no tokens, and up to longer than a slot.
  for (std::size_t of : {10, 1000, 300000})
    for (std::size_t i = 0; i < 2 * of; ++i) {
      ask(word_number(random() % of));
      if (i % 16 == 0) ask(std::string(random() % 300, "xyzab"[random() % 5]));
      if (i % 64 == 0) ask("");
    }
  BOOST_TEST((found == expected));
  BOOST_TEST((merged < asked * 9 / 10), merged << " of " << asked << " merged: nothing was remembered");
}

BOOST_AUTO_TEST_CASE(words_that_come_again_stay) {
  io::merged_words seen;
  ids to;
  std::map<std::string, int> merged;
  auto ask = [&](const std::string& word) {
    seen(word, to, [&](std::string_view w, ids& t) { ++merged[word], tokens_of(w, t); });
  };
  for (std::size_t i = 0; i < 300000; ++i) ask(word_number(1000 + i));
  for (std::size_t i = 0; i < 500000; ++i) ask(word_number(400000 + i)), ask(word_number(i % 100));
  int often = 0;
  for (std::size_t i = 0; i < 100; ++i) often += merged.at(word_number(i));
  BOOST_TEST(often < 500);  // of 500,000; each would be replaced some 15 times by words that come once
}
