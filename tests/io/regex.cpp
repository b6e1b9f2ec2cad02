#include "test.hpp"

#include "supra/io/regex.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

namespace {
std::vector<std::string> matches(const std::string& pattern, const std::string& text) {
  std::vector<std::string> all;
  io::each_match(io::regex_parser(pattern, "f").parse(), text,
                 [&](std::size_t start, std::size_t end) { all.push_back(text.substr(start, end - start)); });
  return all;
}
using list = std::vector<std::string>;
}  // namespace

#define MATCHES(pattern, text, ...) BOOST_TEST(matches(pattern, text) == (list{__VA_ARGS__}), boost::test_tools::per_element())

BOOST_AUTO_TEST_CASE(sets_of_characters) {
  MATCHES("[b-dx]", "abcxe", "b", "c", "x");
  MATCHES("[^b-d]", "abe\n", "a", "e", "\n");
}

BOOST_AUTO_TEST_CASE(kinds_of_characters) {
  MATCHES(R"(\p{L}+)", "ab1\u00E9\u4E00 x", "ab", "\u00E9\u4E00", "x");
  MATCHES(R"(\P{L}+)", "a12b", "12");
  MATCHES(R"(\p{Lu})", "aB\u00C9", "B", "\u00C9");
  MATCHES(R"(\s+)", "a \t\u3000b\u200Bc", " \t\u3000");
  MATCHES(R"(\S+)", "a b\u00A0c", "a", "b", "c");
  MATCHES(R"([^\S\r\n]+)", "a \n\tb", " ", "\t");
  MATCHES(R"([^\s\p{L}\p{N}]+)", "a-_1 \xFF!", "-_", "\xFF!");                     // a stray byte is no letter
  MATCHES(R"(\d\D)", "\u0663x \u00BDx", "\u0663x");
  MATCHES(".", "a\n\u20AC", "a", "\u20AC");
  MATCHES(R"([a[^\sb]]+)", "acb d", "ac", "d");
  MATCHES(R"(\x41\u00e9\x{1F642}\[)", "A\u00E9\U0001F642[", "A\u00E9\U0001F642[");
}

BOOST_AUTO_TEST_CASE(the_first_way_that_matches_is_taken) {
  MATCHES("a|ab", "ab", "a");
  MATCHES("(?:a|ab)c", "abc", "abc");
  MATCHES("a?ab", "ab", "ab");
  MATCHES("a*ab", "aaab", "aaab");
  MATCHES("a{2,3}", "aaaaa", "aaa", "aa");
  MATCHES("a{2}b", "aaab", "aab");
  MATCHES("(ab|c){2,3}d?", "abcababd", "abcab");
  MATCHES("(ab|c){2,}d?", "abcababd", "abcababd");
  MATCHES("(ab|c)*d", "abcd", "abcd");
  MATCHES("(ab)?c", "abcc", "abc", "c");
  MATCHES("a++b|a", "aab", "aab");
  MATCHES("a++ab|a", "aab", "a", "a");               // what is possessed is not given back
  MATCHES("(?i:'s|k)", "'S'\u017F\u212Ax", "'S", "'\u017F", "\u212A");
}

BOOST_AUTO_TEST_CASE(what_follows_is_looked_at) {
  MATCHES(R"(\s+(?!\S)|\s+)", "a   b  ", "  ", " ", "  ");
  MATCHES("a(?=b)", "aab", "a");
  MATCHES(R"( ?\p{L}+|\s+(?!\S)|\s+)", "it  is", "it", " ", " is");
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_named) {
  for (auto [pattern, why] : std::initializer_list<std::pair<const char*, const char*>>{
           {"a*?", "lazy"},          {"^a", "has ^"},           {"a$", "has $"},           {R"(\w)", "\\w"},
           {R"(\b)", "\\b"},         {R"(a\1)", "\\1"},         {"(?<=a)b", "not supported"}, {"(?>a)", "not supported"},
           {"a**", "repeats a repeat"}, {"a{1,2}+", "repeats a repeat"}, {"(ab)++", "possessive"}, {"(a*)*", "may be empty"},
           {"a*", "matches the empty text"}, {"(?=a)", "matches the empty text"},
           {"a)", "without its ("},  {"(a", "without its )"},
           {"[a", "ends early"},     {"[]", "empty brackets"},  {"[a&&b]", "&&"},          {"[[:alpha:]]", "[:"},
           {"[b-a]", "range"},       {R"([a-\s])", "range"},    {R"(\p{Greek})", "Greek"}, {R"(\pL)", "\\p"},
           {R"(\xE9)", "number"},    {R"(\x{110000})", "number"}, {"a{1001}", "at most 1000"}, {"a{2,1}", "{m,n}"},
           {"a{x}", "{m}"},          {"*a", "has *"},           {"(?i:\u00E9)", "case"},   {"(?i:[^a])", "case"},
           {"", "matches the empty text"}, {"\\", "ends early"}})
    BOOST_CHECK_EXCEPTION(io::regex_parser(pattern, "f").parse(), io::error, says(why));
  BOOST_CHECK_EXCEPTION(io::regex_parser(std::string(1000, '(') + "a", "f").parse(), io::error, says("nested too deep"));
  BOOST_CHECK_EXCEPTION(io::regex_parser(std::string(1000, '[') + "a", "f").parse(), io::error, says("nested too deep"));
  io::regex_parser("[" + std::string(9'998, 'a') + "]", "f").parse();
  BOOST_CHECK_EXCEPTION(io::regex_parser(std::string(10'001, 'a'), "f").parse(), io::error, says("expression of 10001 bytes"));
  BOOST_CHECK_EXCEPTION(io::regex_parser("((ab){100}){100}", "f").parse(), io::error, says("too large"));
}

BOOST_AUTO_TEST_CASE(ways_without_end_are_given_up) {
  BOOST_CHECK_EXCEPTION(matches("(a|aa)+b", std::string(200, 'a')), io::error, says("too many ways"));
  for (auto pattern : {"a+b", "a++b", "a(?=a+b)", "(?:a|c)+b"})  // each of the starts has few ways, all have many
    BOOST_CHECK_EXCEPTION(matches(pattern, std::string(10'000, 'a')), io::error, says("too many ways"));
  BOOST_TEST(matches(R"(\s+(?!\S)|\s+)", std::string(1 << 20, ' ') + "x").size() == 2u);  // and long texts are not
}
