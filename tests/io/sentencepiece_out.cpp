#include "test.hpp"

#include "supra/io/sentencepiece_out.hpp"
#include "supra/io/sentencepiece_tokenizer.hpp"

using namespace supra;

BOOST_AUTO_TEST_CASE(varints_and_fields) {
  BOOST_TEST((io::protocol_buffer().number(1, std::uint64_t{300}).bytes() == std::string("\x08\xAC\x02", 3)));
  BOOST_TEST((io::protocol_buffer().text(16, "ab").bytes() == std::string("\x82\x01\x02" "ab", 5)));
  BOOST_TEST((io::protocol_buffer().number(2, 1.f).bytes() == std::string("\x15\x00\x00\x80\x3F", 5)));
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read_by_the_library) {
  using enum io::piece_type;
  io::sentencepiece_model m{{{"?", 0, unknown}, {"[", 0, control}, {"]", 0, control}, {"\u2581", -9}, {"a", -9}, {"b", -9},
                             {"ab", -1}, {"\u2581" "ab", -2}, {"<u>", 0, user_defined}}, "?", "[", "]"};
  const io::sentencepiece_tokenizer t(io::sentencepiece_bytes(m), "f");
  BOOST_TEST((t.vocab_size() == 9 && t.bos() == 1 && t.eos() == 2));
  BOOST_TEST(t.encode("ab  ab<u>b") == (std::vector<std::int32_t>{7, 3, 7, 8, 5}), boost::test_tools::per_element());
  m.space_before = false, m.collapse_spaces = true;
  const io::sentencepiece_tokenizer other(io::sentencepiece_bytes(m), "f");
  BOOST_TEST(other.encode("ab  ab") == (std::vector<std::int32_t>{6, 7}), boost::test_tools::per_element());
}
