#include "test.hpp"

#include "supra/io/nfc.hpp"

using namespace supra;

BOOST_AUTO_TEST_CASE(texts_take_the_normal_form_c) {
  const std::pair<std::string, std::string> cases[] = {
      {"plain", "plain"},
      {"e\u0301", "\u00E9"},
      {"\u00E9", "\u00E9"},
      {"\u212B", "\u00C5"},                                     // the unit becomes the letter
      {"q\u0307\u0323", "q\u0323\u0307"},                       // marks by class
      {"d\u0307\u0323", "\u1E0D\u0307"},                        // the lower one joins first
      {"a\u0315\u0300\u05AE\u0062", "\u00E0\u05AE\u0315\u0062"},  // past marks of other classes
      {"a\u0300\u0300", "\u00E0\u0300"},
      {"\u0958", "\u0915\u093C"},                               // excluded from composition
      {"\u1100\u1161\u11A8", "\uAC01"},                         // Hangul
      {"\uAC00\u11A8", "\uAC01"},
      {"\uAC00\u11A7", "\uAC00\u11A7"},                         // no tail
      {"\u1100x\u1161", "\u1100x\u1161"},
      {"\u0301e", "\u0301e"},
      {"\u00A8\u0301\u03D2\u0301", "\u0385\u03D3"},
      {"\u1E9B\u0323", "\u1E9B\u0323"},
      {"e\u0301\xFF\xCC\x80", "\u00E9\xFF\u0300"}};             // bytes stay
  for (auto& [text, expected] : cases) {
    BOOST_TEST(io::nfc(text) == expected);
    BOOST_TEST(io::nfc(expected) == expected);
  }
}
