#include "test.hpp"

#include <set>

#include "supra/io/byte_alphabet.hpp"

using namespace supra;

BOOST_AUTO_TEST_CASE(bytes_and_their_characters) {
  std::set<char32_t> seen;
  std::string all;
  for (int b = 0; b < 256; ++b) seen.insert(io::byte_alphabet[static_cast<std::size_t>(b)]), all += static_cast<char>(b);
  BOOST_TEST((seen.size() == 256 && *seen.begin() == '!' && *seen.rbegin() == 0x143));
  BOOST_TEST((io::bytes_of_alphabet(io::in_byte_alphabet(all)) == all));
  BOOST_TEST(io::in_byte_alphabet(" a\n\x7F\xAD\xE9") == "\u0120a\u010A\u0121\u0143\u00E9");
  BOOST_TEST((!io::bytes_of_alphabet("a b") && !io::bytes_of_alphabet("\u20AC") && !io::bytes_of_alphabet("\xFF")));
  BOOST_TEST(*io::bytes_of_alphabet("") == "");
}

BOOST_AUTO_TEST_CASE(tokens_that_stand_for_bytes) {
  BOOST_TEST((io::byte_of_token("<0x0A>") == 10 && io::byte_of_token("<0xFF>") == 255 && io::byte_of_token("<0x00>") == 0));
  for (auto t : {"<0x0a>", "<0x0A", "0x0A>", "<0x0G>", "<0x00A>", ""}) BOOST_TEST(io::byte_of_token(t) == -1);
}
