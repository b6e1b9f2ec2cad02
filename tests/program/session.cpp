// Whether a model's file brings a tokenizer: a GGUF file does if it has the keys of one.
#include "../../examples/supra/session.hpp"

#include "io/gguf_bytes.hpp"
#include "test.hpp"

using namespace supra;
using supra_test::gguf_bytes;
using supra_test::says;

BOOST_AUTO_TEST_CASE(a_gguf_file_carries_a_tokenizer_if_it_has_its_keys) {
  const supra_test::temporary_folder folder;
  auto path = [&](const char* name) { return (folder / name).string(); };
  io::write_file(path("bare.gguf"), gguf_bytes().text("general.architecture", "llama").bytes());
  io::write_file(path("own.gguf"), gguf_bytes().text("tokenizer.ggml.model", "gpt2").bytes());
  BOOST_TEST((!program::carries_tokenizer(path("bare.gguf")) && program::carries_tokenizer(path("own.gguf"))));
  BOOST_CHECK_EXCEPTION(program::tokenizer_for("", path("bare.gguf"), {}), io::error, says("holds no tokenizer"));
  BOOST_CHECK_EXCEPTION(program::tokenizer_for("", path("own.gguf"), {}), io::error, says("tokens\" is missing"));
  model::config c;
  c.vocab = 258;
  BOOST_TEST(program::tokenizer_for("bytes", path("bare.gguf"), c)->vocab_size() == 258);
}
