#include "test.hpp"

#include "io/byte_pair_file.hpp"
#include "io/gguf_bytes.hpp"
#include "supra/io/load_tokenizer.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

BOOST_AUTO_TEST_CASE(kinds_are_found_by_name) {
  BOOST_TEST(io::load_tokenizer("bytes")->vocab_size() == 258);
  const supra_test::temporary_folder folder;
  BOOST_CHECK_EXCEPTION(io::load_tokenizer(folder / "missing"), io::error, says("there is no tokenizer"));
  io::write_file(folder / "t.txt", "x");
  BOOST_CHECK_EXCEPTION(io::load_tokenizer(folder / "t.txt"), io::error, says("not known from its name"));
  BOOST_CHECK_EXCEPTION(io::load_tokenizer(folder.path), io::error, says("tokenizer.json, tokenizer.model"));
  io::write_file(folder / "tokenizer.json", "{}");
  BOOST_CHECK_EXCEPTION(io::load_tokenizer(folder.path), io::error, says("tokenizer.json: \"model\" is missing"));
  io::write_file(folder / "own.json", supra_test::byte_pair_file().dump());
  BOOST_TEST(io::load_tokenizer(folder / "own.json")->file_name() == "tokenizer.json");
  io::write_file(folder / "m.gguf", supra_test::gguf_bytes().text("tokenizer.ggml.model", "rwkv").bytes());
  BOOST_CHECK_EXCEPTION(io::load_tokenizer(folder / "m.gguf"), io::error, says("\"rwkv\""));
  io::write_file(folder / "supra_tokenizer.json", R"({"tokenizer":"words"})");
  BOOST_CHECK_EXCEPTION(io::load_tokenizer(folder.path), io::error, says("\"words\" is not known"));
}

BOOST_AUTO_TEST_CASE(public_tokenizers_are_carried_by_a_folder) {
  if (supra_test::left_out("tokenizers copied into a folder")) return;
  for (auto name : {"tok512.bin", "tok105.model"}) {
    const supra_test::temporary_folder folder;
    const auto first = io::load_tokenizer(supra_test::data_dir() + "/tokenizers/" + name);
    io::save_tokenizer(*first, folder.path);
    const auto again = io::load_tokenizer(folder.path);
    BOOST_TEST(again->vocab_size() == first->vocab_size());
    BOOST_TEST(again->encode("Once upon a time") == first->encode("Once upon a time"), boost::test_tools::per_element());
  }
}
