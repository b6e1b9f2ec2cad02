#include "test.hpp"

#include "supra/io/pre_tokenizer.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

namespace {
std::string cut(const std::string& part, const std::string& text, bool first = true) {
  const io::json j = io::json::parse(part);
  std::string all;
  io::pre_tokenizer (io::fields(j, "f"))(text, first, [&](std::string_view word) { all += std::string(word) + "|"; });
  return all;
}
}  // namespace

BOOST_AUTO_TEST_CASE(words_of_gpt2) {
  const std::string bytes = R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true})";
  BOOST_TEST(cut(bytes, "I'm  here, 12 times\n\n") == "I|'m| | here|,| 12| times|\n\n|");
  BOOST_TEST(cut(bytes, "I'M \xFF\xFE x") == "I|'|M| \xFF\xFE| x|");
  BOOST_TEST(cut(R"({"type":"ByteLevel"})", "a b") == " a| b|");
  BOOST_TEST(cut(R"({"type":"ByteLevel"})", " a") == " a|");
  BOOST_TEST(cut(R"({"type":"ByteLevel","use_regex":false})", "a b") == " a b|");
}

BOOST_AUTO_TEST_CASE(digits_are_cut_out_first) {
  const std::string smol = R"({"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},
                              {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}]})";
  BOOST_TEST(cut(smol, "a  12") == "a|  |1|2|");
  BOOST_TEST(cut(smol, "x\u00BD y") == "x|\u00BD| y|");
  BOOST_TEST(cut(R"({"type":"Digits","individual_digits":false})", "a12b3") == "a|12|b|3|");
}

BOOST_AUTO_TEST_CASE(marks_of_spaces) {
  auto meta = [](const std::string& scheme, bool split) {
    return R"({"type":"Metaspace","replacement":"_","prepend_scheme":")" + scheme + R"(","split":)" +
           (split ? "true}" : "false}");
  };
  BOOST_TEST(cut(meta("always", true), "a  b", false) == "_a|_|_b|");
  BOOST_TEST(cut(meta("first", true), "a b", true) == "_a|_b|");
  BOOST_TEST(cut(meta("first", true), "a b", false) == "a|_b|");
  BOOST_TEST(cut(meta("never", false), "a b") == "a_b|");
  BOOST_TEST(cut(meta("always", false), " a") == "_a|");
  BOOST_TEST(cut(R"({"type":"Metaspace","replacement":"_","str_rep":"_","add_prefix_space":false})", "a b") == "a|_b|");
  // Only what begins the text does.
  BOOST_TEST(cut(R"({"type":"Sequence","pretokenizers":[{"type":"Digits"},)" + meta("first", true) + "]}", "a1b") == "_a|1|b|");
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_named) {
  for (auto [part, why] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({"type":"Whitespace"})", "\"Whitespace\" is not supported"},
           {R"({})", "the type \"\" is not supported"},
           {R"({"type":"Digits","individual":true})", "\"individual\" is not supported"},
           {R"({"type":"Split","pattern":{"String":" "},"behavior":"Doubled"})", "\"Doubled\""},
           {R"({"type":"Split","behavior":"Isolated"})", "\"pattern\" is missing"},
           {R"({"type":"Metaspace","replacement":"__"})", "must be one character"},
           {R"({"type":"Metaspace","replacement":"_","prepend_scheme":"last"})", "\"last\" is not supported"},
           {R"({"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},{"type":"Digits"}]})", "after a ByteLevel"}})
    BOOST_CHECK_EXCEPTION(cut(part, ""), io::error, says(why));
}
