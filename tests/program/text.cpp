// Documents become a stream of tokens as the model's tokenizer begins texts.
#include "../../examples/supra/text.hpp"

#include "io/byte_pair_file.hpp"
#include "supra/io/byte_pair_tokenizer.hpp"
#include "supra/io/bytes_tokenizer.hpp"
#include "test.hpp"

using namespace supra;
using ids = std::vector<std::int32_t>;

BOOST_AUTO_TEST_CASE(bos_before_each_document) {
  const io::bytes_tokenizer t;
  const ids found = program::stream(t, {"a", "bc"}, t.bos());
  BOOST_TEST((found == ids{t.bos(), t.encode("a")[0], t.bos(), t.encode("b")[0], t.encode("c")[0]}));
}

BOOST_AUTO_TEST_CASE(the_separator_where_texts_begin_without_bos) {
  const io::byte_pair_tokenizer t(supra_test::byte_pair_file().dump(), "f");
  BOOST_TEST((program::stream(t, {"a", "b"}, 261) == ids{'a', 262, 'b'}));
  BOOST_TEST((program::stream(t, {"a"}, 261) == ids{'a'}));
}
