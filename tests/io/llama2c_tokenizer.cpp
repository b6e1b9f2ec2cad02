#include "test.hpp"

#include <random>

#include "supra/io/json.hpp"
#include "supra/io/llama2c_tokenizer.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

namespace {

std::string tokenizer_bytes(const std::vector<std::pair<std::string, float>>& tokens, std::int32_t longest = 16) {
  std::string bytes;
  supra_test::put(bytes, longest);
  for (auto& [text, score] : tokens)
    supra_test::put(bytes, score), supra_test::put(bytes, static_cast<std::int32_t>(text.size())), bytes += text;
  return bytes;
}

// llama2.c's own way: look at all neighbours, join the first of the best, begin again.
std::vector<std::int32_t> slow_encode(const std::vector<std::pair<std::string, float>>& tokens, const std::string& text) {
  auto find = [&](const std::string& t) {
    for (std::size_t i = 0; i < tokens.size(); ++i)
      if (tokens[i].first == t) return static_cast<std::int32_t>(i);
    return -1;
  };
  std::vector<std::int32_t> ids;
  if (!text.empty()) ids.push_back(find(" "));
  for (char c : text) ids.push_back(std::max(0, find(std::string(1, c))));
  for (;;) {
    float best = -1e10f;
    std::int32_t id = -1;
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto j = find(tokens[static_cast<std::size_t>(ids[i])].first + tokens[static_cast<std::size_t>(ids[i + 1])].first);
      if (j >= 0 && tokens[static_cast<std::size_t>(j)].second > best)
        best = tokens[static_cast<std::size_t>(j)].second, id = j, at = i;
    }
    if (id < 0) return ids;
    ids[at] = id;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(ids_equal_those_of_the_slow_way) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::pair<std::string, float>> tokens = {{"<unk>", 0}, {"<s>", 0}, {"</s>", 0}, {" ", 0},
                                                         {"a", 0},     {"b", 0},   {"c", 0}};
    while (tokens.size() < 40) {                     // equal scores are frequent, scores below the floor there
      std::string t;
      for (std::size_t n = 2 + random() % 4; n > 0; --n) t += "abc "[random() % 4];
      const float score = random() % 10 == 0 ? -2e10f : -static_cast<float>(random() % 8);
      if (std::none_of(tokens.begin(), tokens.end(), [&](auto& o) { return o.first == t; })) tokens.emplace_back(t, score);
    }
    const io::llama2c_tokenizer tokenizer(tokenizer_bytes(tokens), "f");
    std::string text;
    for (std::size_t n = random() % 60; n > 0; --n) text += "abc x"[random() % 5];
    BOOST_TEST(tokenizer.encode(text) == slow_encode(tokens, text), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(unknown_characters_without_bytes_are_0) {
  const io::llama2c_tokenizer t(tokenizer_bytes({{"<unk>", 0}, {"<s>", 0}, {"</s>", 0}, {" ", 0}, {"a", 0}}), "f");
  BOOST_TEST(t.encode("a\xe2\x82\xacz") == (std::vector<std::int32_t>{3, 4, 0, 0}), boost::test_tools::per_element());
  BOOST_TEST(t.encode("").empty());
  BOOST_CHECK_EXCEPTION(t.piece(-1, 5), io::error, says("not in the vocabulary of 5"));
  BOOST_CHECK_EXCEPTION(t.piece(-1, -1), io::error, says("not in the vocabulary of 5"));
}

BOOST_AUTO_TEST_CASE(broken_files_are_refused) {
  auto refused = [](const std::string& bytes, const char* why) {
    BOOST_CHECK_EXCEPTION(io::llama2c_tokenizer(bytes, "f"), io::error, says(why));
  };
  const std::string good = tokenizer_bytes({{"<unk>", 0}, {"<s>", 0}, {"</s>", 0}});
  refused("", "the file ends");
  refused(good.substr(0, good.size() - 1), "the file ends");
  refused(good + "abc", "the file ends");
  refused(tokenizer_bytes({{"<unk>", 0}}), "starts with unknown");
  refused(tokenizer_bytes({{"<unk>", 0}}, 0), "longest token");
  refused(tokenizer_bytes({{"<unk>", 0}}, 4), "has 5 bytes");
  refused(tokenizer_bytes({{"<unk>", std::numeric_limits<float>::infinity()}}), "score");
  std::string negative = tokenizer_bytes({{"", 0}});
  negative[8 + 3] = '\x80';
  refused(negative, "bytes");
}

BOOST_AUTO_TEST_CASE(public_tokenizers_give_the_known_ids) {
  if (supra_test::left_out("ids of tok512.bin and llama2_tokenizer.bin")) return;
  const std::string data = supra_test::data_dir();
  const io::llama2c_tokenizer small(data + "/tokenizers/tok512.bin");
  BOOST_TEST(small.vocab_size() == 512);
  const io::mapped_file plays(data + "/text/tinyshakespeare.txt");
  const auto ids = small.encode(plays.text());
  const std::vector<std::int32_t> known = {410, 453, 315, 356, 410, 457, 275, 417, 451, 302, 467, 13};
  BOOST_TEST(std::vector(ids.begin(), ids.begin() + 12) == known, boost::test_tools::per_element());
  BOOST_TEST((small.decode(ids) == plays.text()));

  const io::llama2c_tokenizer llama(data + "/tokenizers/llama2_tokenizer.bin");
  BOOST_TEST(llama.vocab_size() == 32000);
  const auto cases = io::read_json(supra_test::golden_dir() + "/tokenizers.json").at("llama2_tokenizer.model");
  for (auto& c : cases) {
    const auto text = c.at("text").get<std::string>();
    const auto expected = c.at("ids").get<std::vector<std::int32_t>>();
    BOOST_TEST(llama.encode(text) == expected, boost::test_tools::per_element());
    BOOST_TEST(llama.decode(expected) == text);
  }
}

BOOST_AUTO_TEST_CASE(stories_have_the_known_number_of_tokens) {
  if (supra_test::left_out("tokens of 200 stories")) return;
  const io::llama2c_tokenizer small(supra_test::data_dir() + "/tokenizers/tok512.bin");
  std::size_t predictions = 0;
  for (auto& story : supra_test::first_stories(supra_test::data_dir(), 200))
    predictions += std::min<std::size_t>(small.encode(story).size(), 511);
  BOOST_TEST(predictions == 79255u);
}
