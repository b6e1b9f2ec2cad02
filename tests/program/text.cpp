// Documents become a stream of tokens as the model's tokenizer begins texts.
#include "../../examples/supra/text.hpp"

#include "io/byte_pair_file.hpp"
#include "io/temporary.hpp"
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

BOOST_AUTO_TEST_CASE(a_file_of_tokens_is_no_text) {
  const supra_test::temporary_folder folder;
  const std::string tokens = folder / "a.safetensors", text = folder / "a.txt";
  for (auto& path : {tokens, text}) io::write_file(path, "abc");
  BOOST_TEST(program::read_text({text, text}) == "abc" + std::string(program::separator) + "abc");
  BOOST_CHECK_EXCEPTION(program::read_text({text, tokens}), io::error, supra_test::says(tokens + ": holds no text"));
  BOOST_CHECK_EXCEPTION(program::read_text({tokens}, "--recall-text"), io::error, supra_test::says("give text files"));
}
