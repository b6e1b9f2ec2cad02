#include "test.hpp"

#include "supra/io/text_normalizer.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

namespace {
std::string normalized(const std::string& part, const std::string& text) {
  const io::json j = io::json::parse(part);
  return io::text_normalizer(io::fields(j, "f"))(text);
}
}  // namespace

BOOST_AUTO_TEST_CASE(each_kind_and_their_sequence) {
  BOOST_TEST(io::text_normalizer()("e\u0301 ") == "e\u0301 ");
  BOOST_TEST(normalized(R"({"type":"NFC"})", "e\u0301") == "\u00E9");
  BOOST_TEST(normalized(R"({"type":"Prepend","prepend":"_"})", "a") == "_a");
  BOOST_TEST(normalized(R"({"type":"Prepend","prepend":"_"})", "") == "");
  BOOST_TEST(normalized(R"({"type":"Replace","pattern":{"String":"a."},"content":"xy"})", "a.aba.") == "xyabxy");
  BOOST_TEST(normalized(R"({"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "})", "a   b c") == "a b c");
  BOOST_TEST(normalized(R"({"type":"Strip","strip_left":true,"strip_right":false})", " \u3000a ") == "a ");
  BOOST_TEST(normalized(R"({"type":"Strip","strip_left":true,"strip_right":true})", "  ") == "");
  BOOST_TEST(normalized(R"({"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"\u2581"},
                           {"type":"Sequence","normalizers":[
                           {"type":"Replace","pattern":{"String":" "},"content":"\u2581"}]}]})",
                        "a b") ==
             "\u2581a\u2581"
             "b");
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_named) {
  for (auto [part, why] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({"type":"NFKC"})", "\"NFKC\" is not supported"},
           {R"({"type":"NFC","form":1})", "\"form\" is not supported"},
           {R"({"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Lowercase"}]})", "f 2: the type \"Lowercase\""},
           {R"({"type":"Sequence"})", "\"normalizers\" is missing"},
           {R"({"type":"Sequence","normalizers":1})", "must be a list"},
           {R"({"type":"Replace","pattern":{"String":""},"content":""})", "0 bytes"},
           {R"({"type":"Replace","pattern":{"Regex":"a","String":"a"},"content":""})", "either"},
           {R"({"type":"Replace","pattern":{"Regex":"a*?"},"content":""})", "lazy"},
           {R"({"type":"Replace","pattern":{"Glob":"a"},"content":""})", "\"Glob\" is not supported"},
           {R"([])", "expected a JSON object"}})
    BOOST_CHECK_EXCEPTION(normalized(part, ""), io::error, says(why));
}
