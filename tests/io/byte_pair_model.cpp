#include "test.hpp"

#include "supra/io/byte_pair_model.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

namespace {
io::byte_pair_model model(const std::string& part, bool byte_level = false) {
  const io::json j = io::json::parse(part);
  return io::byte_pair_model(io::fields(j, "f"), byte_level);
}
std::vector<std::int32_t> ids(const io::byte_pair_model& m, const std::string& word) {
  std::vector<std::int32_t> all;
  m.encode(word, all);
  return all;
}
using list = std::vector<std::int32_t>;
const std::string abc =
    R"("vocab":{"a":0,"b":1,"c":2,"ab":3,"bc":4,"abc":5,"?":6},"merges":["b c","a b",["ab","c"],["a","bc"]])";
}  // namespace

#define IDS(m, word, ...) BOOST_TEST(ids(m, word) == (list{__VA_ARGS__}), boost::test_tools::per_element())

BOOST_AUTO_TEST_CASE(pairs_join_in_the_order_they_were_learned) {
  const auto m = model("{" + abc + "}");
  IDS(m, "abc", 5);
  IDS(m, "abab", 3, 3);
  IDS(m, "cab", 2, 3);
  IDS(m, "axb", 3);                                  // what has no token is dropped before
  IDS(m, "", );
}

BOOST_AUTO_TEST_CASE(unknown_characters) {
  const auto one = model(R"({"unk_token":"?",)" + abc + "}"), fused = model(R"({"unk_token":"?","fuse_unk":true,)" + abc + "}");
  IDS(one, "xya\u20AC", 6, 6, 0, 6);
  IDS(fused, "xya\u20AC", 6, 0, 6);
}

BOOST_AUTO_TEST_CASE(whole_words_first_where_merges_are_ignored) {
  const std::string odd = R"("vocab":{"a":0,"b":1,"ab":2,"ba":3},"merges":["a b"]})";
  IDS(model("{" + odd), "ba", 1, 0);
  IDS(model(R"({"ignore_merges":true,)" + odd), "ba", 3);
}

BOOST_AUTO_TEST_CASE(bytes_of_characters) {
  std::string vocabulary = R"("a":256)";
  for (int b = 0; b < 256; ++b) {
    char name[32];
    std::snprintf(name, sizeof name, R"(,"<0x%02X>":%d)", static_cast<unsigned>(b), b);
    vocabulary += name;
  }
  const auto m = model(R"({"byte_fallback":true,"vocab":{)" + vocabulary + R"(},"merges":[]})");
  IDS(m, "a\u20AC\xFF", 256, 0xE2, 0x82, 0xAC, 0xFF);
  IDS(model(R"({"vocab":{)" + vocabulary + R"(},"merges":[]})"), "a\u20AC", 256);
}

BOOST_AUTO_TEST_CASE(bytes_as_characters) {
  const auto m = model(R"({"vocab":{"\u0120":0,"a":1,"\u00E9":2,"\u0120a":3},"merges":["\u0120 a"]})", true);
  IDS(m, " a\xE9\x00x", 3, 2);
}

BOOST_AUTO_TEST_CASE(texts_are_cut_where_no_merge_reaches) {
  auto parts = [](const io::byte_pair_model& m, const std::string& text) {
    std::string all;
    m.each_independent(text, [&](std::string_view part) { all += std::string(part) + "|"; });
    return all;
  };
  const std::string mark = "\u2581";
  const auto m = model(R"({"vocab":{"\u2581":0,"a":1,"\u2581\u2581":2,"\u2581a":3},"merges":["\u2581 \u2581","\u2581 a"]})");
  BOOST_TEST(parts(m, mark + "a" + mark + mark + "b" + mark) == mark + "a|" + mark + mark + "b|" + mark + "|");
  BOOST_TEST(parts(m, "") == "|");
  const auto across = model(R"({"vocab":{"\u2581":0,"a":1,"a\u2581":2},"merges":["a \u2581"]})");
  BOOST_TEST(parts(across, "a" + mark + "a") == "a" + mark + "a|");
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_named) {
  for (auto [part, why] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({"type":"Unigram","vocab":{"a":0},"merges":[]})", "\"Unigram\" is not supported, BPE is"},
           {R"({"dropout":0.1,"vocab":{"a":0},"merges":[]})", "\"dropout\""},
           {R"({"continuing_subword_prefix":"##","vocab":{"a":0},"merges":[]})", "\"continuing_subword_prefix\""},
           {R"({"end_of_word_suffix":"</w>","vocab":{"a":0},"merges":[]})", "\"end_of_word_suffix\""},
           {R"({"cache":1,"vocab":{"a":0},"merges":[]})", "\"cache\" is not supported"},
           {R"({"merges":[]})", "\"vocab\" is missing"},
           {R"({"vocab":{},"merges":[]})", "must hold tokens"},
           {R"({"vocab":{"a":-1},"merges":[]})", "must have an id"},
           {R"({"vocab":{"a":16777216},"merges":[]})", "must have an id"},
           {R"({"vocab":{"a":0}})", "\"merges\" is missing"},
           {R"({"vocab":{"a":0},"merges":["a"]})", "a space between"},
           {R"({"vocab":{"a":0},"merges":["a a a"]})", "a space between"},
           {R"({"vocab":{"a":0},"merges":[["a"]]})", "two tokens"},
           {R"({"vocab":{"a":0},"merges":["a a"]})", "the merge 0 of \"a\" and \"a\""},
           {R"({"vocab":{"a":0},"merges":[],"unk_token":"?"})", "\"?\" is not in the vocabulary"}})
    BOOST_CHECK_EXCEPTION(model(part), io::error, says(why));
}
