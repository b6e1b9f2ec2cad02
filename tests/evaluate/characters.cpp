#include "supra/evaluate/characters.hpp"

#include "test.hpp"

using namespace supra::evaluate;

BOOST_AUTO_TEST_CASE(characters_are_code_points) {
  BOOST_TEST(character_count("") == 0);
  BOOST_TEST(character_count("na\u00efve \u20ac \U0001f600") == 9);
}
BOOST_AUTO_TEST_CASE(white_space_is_unicodes) {
  BOOST_TEST(trailing_space("a \t\n") == 3u);
  BOOST_TEST(trailing_space("a\u00a0 \u2003") == 6u);  // 2 + 1 + 3 bytes
  BOOST_TEST(trailing_space("\u3000 ") == 4u);
  BOOST_TEST(trailing_space("a\u200b") == 0u);   // zero width is no space
  BOOST_TEST(trailing_space("\x80\x80") == 0u);  // no character begins
  BOOST_TEST(trailing_space("") == 0u);
  BOOST_TEST(stripped(" \u2009a b\u00a0\n") == "a b");
  BOOST_TEST(stripped(" \n").empty());
}
BOOST_AUTO_TEST_CASE(capitals) {
  BOOST_TEST(capitalized("he Is IN") == "He is in");
  BOOST_TEST(capitalized("") == "");
  BOOST_TEST(capitalized("\u00e9t\u00c9 \u00d7") == "\u00c9t\u00e9 \u00d7");
  BOOST_TEST(capitalized("1 A") == "1 a");
}
BOOST_AUTO_TEST_CASE(replacement_does_not_see_what_it_wrote) {
  BOOST_TEST(replaced("a   b", "  ", " ") == "a  b");
  BOOST_TEST(replaced("aaa", "a", "aa") == "aaaaaa");
}
