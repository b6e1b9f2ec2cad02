// Documents encoded on several threads are those of one, and so is the first that cannot be encoded.
#include "../../examples/supra/encoded.hpp"

#include <random>

#include "io/byte_pair_file.hpp"
#include "io/temporary.hpp"
#include "supra/io/byte_pair_tokenizer.hpp"
#include "supra/io/bytes_tokenizer.hpp"
#include "supra/io/llama2c_tokenizer.hpp"
#include "supra/io/sentencepiece_out.hpp"
#include "supra/io/sentencepiece_tokenizer.hpp"
#include "test.hpp"

using namespace supra;
using ids = std::vector<std::int32_t>;
using supra_test::says;

namespace {

// Documents of 0 to some 900 letters in words that repeat, in an order that makes neighbours unlike.
std::vector<std::string> some_documents(std::size_t count) {
  std::mt19937 random(7);
  std::vector<std::string> words(300), docs(count);
  for (auto& w : words)
    for (auto n = random() % 9 + 1; n > 0; --n) w += "thein, g"[random() % 8];
  for (auto& d : docs)
    for (auto n = random() % 150; n > 0; --n) d += " " + words[random() % words.size()];
  return docs;
}
std::vector<std::string_view> views(const std::vector<std::string>& docs) { return {docs.begin(), docs.end()}; }

void check_threads(const io::tokenizer& t) {
  const auto docs = some_documents(400);
  std::vector<ids> one;
  for (auto& d : docs) one.push_back(t.encode(d));
  BOOST_TEST((one[0] != one[1] && one[1] != one[2]));
  for (int threads : {0, 1, 2, 7})
    BOOST_TEST((program::encoded(t, views(docs), "f", threads) == one), t.name() << " on " << threads);
  BOOST_TEST((program::encoded(t, views({docs[5]}), "f", 7) == std::vector<ids>{one[5]}));
  BOOST_TEST(program::encoded(t, {}, "f", 7).empty());
}

std::string llama2c_bytes() {
  std::string bytes;
  supra_test::put(bytes, std::int32_t{8});
  const auto token = [&](const std::string& text, float score) {
    supra_test::put(bytes, score), supra_test::put(bytes, static_cast<std::int32_t>(text.size())), bytes += text;
  };
  for (const char* text : {"<unk>", "<s>", "</s>", " ", "t", "h", "e", "i", "n", ",", "g"}) token(text, 0);
  token("th", 1), token("the", 2), token("in", 1.5), token(" the", 3);
  return bytes;
}

// Its regular expression tries a way for each subset of a row of letters: more than 40 are too many.
io::json slow_file() {
  auto file = supra_test::byte_pair_file();
  const io::json split = {
      {"type", "Split"}, {"pattern", {{"Regex", "(?:a|a)+b"}}}, {"behavior", "Isolated"}, {"invert", false}};
  const io::json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  file["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {split, bytes}}};
  return file;
}

}  // namespace

BOOST_AUTO_TEST_CASE(single_bytes) { check_threads(io::bytes_tokenizer()); }

BOOST_AUTO_TEST_CASE(byte_pairs) {
  check_threads(io::byte_pair_tokenizer(supra_test::byte_pair_file().dump(), "f"));
  if (supra_test::left_out("gpt_neox_20B_tokenizer.json on several threads")) return;
  check_threads(io::byte_pair_tokenizer(supra_test::data_dir() + "/tokenizers/gpt_neox_20B_tokenizer.json"));
}

BOOST_AUTO_TEST_CASE(sentencepiece_models) {
  using enum io::piece_type;
  std::vector<io::sentencepiece_piece> pieces = {{"<unk>", 0, unknown}, {"<s>", 0, control}, {"</s>", 0, control}};
  for (const char* text : {"\u2581", "t", "h", "e", "i", "n", ",", "g", "th", "the", "in", "\u2581the"})
    pieces.push_back({text, -static_cast<float>(pieces.size())});
  check_threads(io::sentencepiece_tokenizer(io::sentencepiece_bytes({pieces}), "f"));
  if (supra_test::left_out("llama2_tokenizer.model on several threads")) return;
  check_threads(io::sentencepiece_tokenizer(supra_test::data_dir() + "/tokenizers/llama2_tokenizer.model"));
}

BOOST_AUTO_TEST_CASE(llama2c_files) {
  check_threads(io::llama2c_tokenizer(llama2c_bytes(), "f"));
  if (supra_test::left_out("llama2_tokenizer.bin on several threads")) return;
  check_threads(io::llama2c_tokenizer(supra_test::data_dir() + "/tokenizers/llama2_tokenizer.bin"));
}

BOOST_AUTO_TEST_CASE(the_first_document_that_fails_is_told) {
  const io::byte_pair_tokenizer t(slow_file().dump(), "tokenizer.json");
  auto docs = some_documents(400);
  const std::string wrong(60, 'a');
  BOOST_CHECK_EXCEPTION(t.encode(wrong), io::error, says("tries too many ways"));
  for (std::size_t i : {150, 151, 152, 380}) docs[i] = wrong;
  for (int again = 0; again < 5; ++again)
    for (int threads : {0, 1, 2, 7})
      BOOST_CHECK_EXCEPTION(program::encoded(t, views(docs), "a.txt", threads), io::error,
                            says("a.txt: document 151 of 400: a regular expression tries too many ways"));
  docs.resize(150);
  BOOST_TEST((program::encoded(t, views(docs), "a.txt", 7).back() == t.encode(docs.back())));  // the tokenizer is as it was
}
