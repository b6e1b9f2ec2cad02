#include "test.hpp"

#include "supra/io/bytes_tokenizer.hpp"
#include "temporary.hpp"

using namespace supra;

BOOST_AUTO_TEST_CASE(every_byte_is_a_token) {
  const io::bytes_tokenizer t;
  std::string all;
  for (int b = 0; b < 256; ++b) all += static_cast<char>(b);
  auto ids = t.encode(all);
  for (int b = 0; b < 256; ++b) BOOST_TEST(ids[static_cast<std::size_t>(b)] == b);
  ids.insert(ids.begin(), t.bos());
  ids.push_back(t.eos());
  BOOST_TEST((t.decode(ids) == all));
  BOOST_CHECK_EXCEPTION(t.piece(-1, 258), io::error, supra_test::says("not in the vocabulary of 258"));
}
