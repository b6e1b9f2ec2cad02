#include "test.hpp"

#include "supra/io/added_tokens.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

namespace {
io::added_token token(int id, const std::string& content, io::json flags = io::json::object()) {
  flags["id"] = id, flags["content"] = content;
  return io::added_token(io::fields(flags, "f"));
}
std::string cut(const io::added_tokens& tokens, const std::string& text, bool plain = false,
                const io::text_normalizer& n = {}) {
  std::string all;
  tokens(text, plain, n, [&](std::string_view piece, bool first) { all += (first ? "^" : "") + std::string(piece) + "|"; },
         [&](std::int32_t id) { all += std::to_string(id) + "|"; });
  return all;
}
}  // namespace

BOOST_AUTO_TEST_CASE(the_longest_of_those_that_begin_first) {
  const io::added_tokens t({token(1, "<a"), token(2, "<ab>"), token(3, "b>"), token(4, "<end>", {{"special", true}})}, {});
  BOOST_TEST(cut(t, "x<ab>y<ac b><end>") == "^x|2|y|1|c |3|4|");
  BOOST_TEST(cut(t, "<end><", true) == "^<end><|");
  BOOST_TEST(cut(t, "<a<end>", true) == "1|<end>|");
  BOOST_TEST(cut(t, "") == "");
}

BOOST_AUTO_TEST_CASE(many_that_begin_alike) {
  std::vector<io::added_token> many;
  for (int i = 0; i < 200'000; ++i) many.push_back(token(i, "<" + std::to_string(i)));
  many.push_back(token(200'000, "<7"));  // of equals the first is meant
  many.push_back(token(200'001, "<\u00E9"));
  const io::added_tokens t(many, {});
  BOOST_TEST(cut(t, "<7<<199999<1234567<\u00E9<") == "7|<|199999|123456|7|200001|<|");
  std::string text, expected;
  for (int i = 0; i < 20'000; ++i) text += "<12x", expected += "12|x|";
  BOOST_TEST((cut(t, text) == expected));
}

BOOST_AUTO_TEST_CASE(white_space_and_words_beside_them) {
  const io::added_tokens t({token(1, "<l>", {{"lstrip", true}}), token(2, "<r>", {{"rstrip", true}}),
                            token(3, "ing", {{"single_word", true}})}, {});
  BOOST_TEST(cut(t, "a \u3000<l> b") == "^a|1| b|");
  BOOST_TEST(cut(t, "a <r> \n b") == "^a |2|b|");
  BOOST_TEST(cut(t, "<r> <l>") == "2|1|");
  BOOST_TEST(cut(t, "being ing,ing_") == "^being |3|,ing_|");
}

BOOST_AUTO_TEST_CASE(some_are_found_in_the_normalized_text) {
  const io::json part = {{"type", "NFC"}};
  const io::text_normalizer nfc{io::fields(part, "f")};
  const io::added_tokens t({token(1, "e\u0301", {{"normalized", true}}), token(2, "o\u0301", {{"normalized", false}})}, nfc);
  BOOST_TEST(cut(t, "xe\u0301\u00E9o\u0301\u00F3", false, nfc) == "^x|1|1|2|\u00F3|");
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_named) {
  BOOST_CHECK_EXCEPTION(token(-1, "a"), io::error, says("the id -1"));
  BOOST_CHECK_EXCEPTION(token(1 << 24, "a"), io::error, says("the id 16777216"));
  BOOST_CHECK_EXCEPTION(token(1, ""), io::error, says("must have a \"content\""));
  BOOST_CHECK_EXCEPTION(token(1, "a", {{"color", "red"}}), io::error, says("\"color\" is not supported"));
  BOOST_CHECK_EXCEPTION(token(1, "a", {{"special", 1}}), io::error, says("must be true or false"));
}
