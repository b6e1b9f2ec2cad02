#include "test.hpp"

#include "supra/io/json.hpp"
#include "supra/io/sentencepiece_out.hpp"
#include "supra/io/sentencepiece_tokenizer.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

BOOST_AUTO_TEST_CASE(what_is_no_model_is_refused) {
  for (std::string bytes : {"", "not a model", "\x0a\xff\xff\xff\xff\x0f"})
    BOOST_CHECK_EXCEPTION(io::sentencepiece_tokenizer(bytes, "f"), io::error, says("not a sentencepiece model"));
}

BOOST_AUTO_TEST_CASE(the_config_beside_says_whether_bos_is_put) {
  using enum io::piece_type;
  const io::sentencepiece_piece unk{"<unk>", 0, unknown}, bos{"<s>", 0, control}, a{"a", -1};
  const std::string bytes = io::sentencepiece_bytes({{unk, bos, a}}), none = io::sentencepiece_bytes({{unk, a}});
  auto begins = [&](const char* config) { return io::sentencepiece_tokenizer(bytes, "f", config).begins_with_bos(); };
  BOOST_TEST((begins("") && begins("{}") && begins(R"({"add_bos_token":true})") && !begins(R"({"add_bos_token":false})")));
  BOOST_CHECK_EXCEPTION(begins(R"({"add_bos_token":1})"), io::error, says("f, tokenizer_config.json: \"add_bos_token\""));
  BOOST_TEST(!io::sentencepiece_tokenizer(none, "f", R"({"add_bos_token":true})").begins_with_bos());
}

BOOST_AUTO_TEST_CASE(public_models_give_the_known_ids) {
  if (supra_test::left_out("ids of tok105.model and llama2_tokenizer.model")) return;
  const auto cases = io::read_json(supra_test::golden_dir() + "/tokenizers.json");
  for (std::string name : {"tok105.model", "llama2_tokenizer.model"}) {
    const io::sentencepiece_tokenizer t(supra_test::data_dir() + "/tokenizers/" + name);
    for (auto& c : cases.at(name)) {
      const auto expected = c.at("ids").get<std::vector<std::int32_t>>();
      BOOST_TEST(t.encode(c.at("text").get<std::string>()) == expected, boost::test_tools::per_element());
      BOOST_TEST(t.decode(expected) == c.at("decoded").get<std::string>());
      std::string streamed;
      std::int32_t previous = -1;
      for (auto id : expected) streamed += t.piece(previous, id), previous = id;
      BOOST_TEST(streamed == c.at("decoded").get<std::string>());
    }
    BOOST_CHECK_EXCEPTION(t.piece(-1, t.vocab_size()), io::error, says("not in the vocabulary"));
    BOOST_CHECK_EXCEPTION(t.decode(std::vector<std::int32_t>{-1}), io::error, says("not in the vocabulary"));
  }
}

BOOST_AUTO_TEST_CASE(the_character_model_of_the_stories) {
  if (supra_test::left_out("tokens of 200 stories by tok105.model")) return;
  const std::string data = supra_test::data_dir();
  const io::sentencepiece_tokenizer t(data + "/tokenizers/tok105.model");
  BOOST_TEST((t.vocab_size() == 105 && t.bos() == 1 && t.eos() == 2));
  const auto ids = t.encode(io::mapped_file(data + "/text/tinyshakespeare.txt").text());
  const std::vector<std::int32_t> known = {3, 46, 10, 13, 12, 6, 3, 50, 10, 6, 10, 44};
  BOOST_TEST(std::vector(ids.begin(), ids.begin() + 12) == known, boost::test_tools::per_element());
  std::size_t predictions = 0;
  for (auto& story : supra_test::first_stories(data, 200)) predictions += std::min<std::size_t>(t.encode(story).size(), 255);
  BOOST_TEST(predictions == 51000u);
}
