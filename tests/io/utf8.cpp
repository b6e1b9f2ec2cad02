#include "test.hpp"

#include "supra/io/utf8.hpp"

using namespace supra;

BOOST_AUTO_TEST_CASE(characters_are_read_as_they_are_written) {
  for (char32_t c : {0x0, 0x41, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x10000, 0x10FFFF}) {
    std::string text = "x";
    io::append_utf8(text, c);
    const auto after = io::utf8_at(text, 1), before = io::utf8_before(text, text.size());
    BOOST_TEST((after.code == c && after.bytes == text.size() - 1));
    BOOST_TEST((before.code == c && before.bytes == text.size() - 1));
    BOOST_TEST(io::is_utf8(text));
    BOOST_TEST((text.size() == 2 || !io::is_utf8(text.substr(0, text.size() - 1))));
  }
}

BOOST_AUTO_TEST_CASE(other_bytes_stand_alone_in_both_directions) {
  // Too long, surrogate, too large, cut off, lone continuation, lead without one.
  for (std::string bad : {"\xC0\x80", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82",
                          "\x80", "\xE2\x28\xA1", "\xF0\x80\x80\x41"}) {
    BOOST_TEST(!io::is_utf8(bad));
    std::vector<char32_t> forward, backward;
    std::string again;
    for (std::size_t at = 0; at < bad.size(); at += io::utf8_at(bad, at).bytes) forward.push_back(io::utf8_at(bad, at).code);
    for (std::size_t at = bad.size(); at > 0; at -= io::utf8_before(bad, at).bytes)
      backward.insert(backward.begin(), io::utf8_before(bad, at).code);
    BOOST_TEST((forward == backward));
    BOOST_TEST(forward.size() == bad.size());
    for (auto c : forward) io::append_utf8(again, c);
    BOOST_TEST(again == bad);
  }
}
