#include "test.hpp"

#include <filesystem>

#include "supra/io/bytes_tokenizer.hpp"
#include "supra/io/load_tokenizer.hpp"
#include "temporary.hpp"

using namespace supra;

BOOST_AUTO_TEST_CASE(a_tokenizer_fits_its_vocabulary_and_small_padding_only) {
  const io::bytes_tokenizer bytes;
  model::config c;
  for (auto [vocab, fits] : {std::pair{258, true},
                             {264, true},
                             {272, true},
                             {288, true},
                             {256, false},
                             {257, false},
                             {259, false},
                             {320, false},
                             {512, false},
                             {0, false}}) {
    c.vocab = vocab;
    if (fits) BOOST_CHECK_NO_THROW(io::check_fits(bytes, c));
    else BOOST_CHECK_EXCEPTION(io::check_fits(bytes, c), io::error, supra_test::says("258 tokens"));
  }
}

BOOST_AUTO_TEST_CASE(a_folder_carries_its_tokenizer) {
  const supra_test::temporary_folder folder;
  BOOST_CHECK_EXCEPTION(io::load_tokenizer(folder.path), io::error, supra_test::says("carries no tokenizer"));
  io::save_tokenizer(io::bytes_tokenizer(), folder.path);
  BOOST_TEST(io::load_tokenizer(folder.path)->name() == "bytes");
  BOOST_CHECK_EXCEPTION(io::save_tokenizer(io::bytes_tokenizer(), folder.path), io::error, supra_test::says("exists already"));
}

BOOST_AUTO_TEST_CASE(another_kind_of_tokenizer_is_replaced_only_when_asked) {
  const supra_test::temporary_folder folder;
  io::write_file(folder / "tokenizer.bin", "old");
  BOOST_CHECK_EXCEPTION(io::save_tokenizer(io::bytes_tokenizer(), folder.path), io::error,
                        supra_test::says("another tokenizer"));
  io::save_tokenizer(io::bytes_tokenizer(), folder.path, io::existing::overwrite);
  BOOST_TEST(!std::filesystem::exists(folder / "tokenizer.bin"));
  BOOST_TEST(io::load_tokenizer(folder.path)->vocab_size() == 258);
}
