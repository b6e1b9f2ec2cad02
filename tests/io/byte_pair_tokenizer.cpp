#include "test.hpp"

#include <filesystem>
#include <tuple>

#include "io/byte_pair_file.hpp"
#include "supra/io/byte_pair_tokenizer.hpp"
#include "supra/io/sentencepiece_tokenizer.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::byte_pair_file;
using supra_test::says;
using io::json;
using list = std::vector<std::int32_t>;

#define SAME(a, ...) BOOST_TEST((a) == (__VA_ARGS__), boost::test_tools::per_element())

namespace {
void refused(const json& file, const char* why, const std::string& config = "") {
  BOOST_CHECK_EXCEPTION(io::byte_pair_tokenizer(file.dump(), "f", config), io::error, says(why));
}
json with(const char* field, const char* value) {
  json file = byte_pair_file();
  file[json::json_pointer(field)] = json::parse(value);
  return file;
}
std::string streamed(const io::tokenizer& t, const list& ids) {
  std::string text;
  std::int32_t previous = -1;
  for (auto id : ids) text += t.piece(previous, id), previous = id;
  return text;
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_small_file) {
  const io::byte_pair_tokenizer t(byte_pair_file().dump(), "f");
  BOOST_TEST((t.vocab_size() == 263 && t.bos() == 262 && t.eos() == 262));         // <|endoftext|> begins and ends
  SAME(t.encode("the thing"), (list{257, 32, 256, 260}));
  SAME(t.encode("in the"), (list{259, 258}));
  SAME(t.encode("a<|endoftext|>b"), (list{'a', 262, 'b'}));
  SAME(t.encode_plain("<|"), (list{'<', '|'}));
  BOOST_TEST(t.encode_plain("a<|endoftext|>b").size() == 15u);
  BOOST_TEST(t.decode(list{'a', 262, 258}) == "a the");
  BOOST_TEST(t.decode_all(list{'a', 262, 258}) == "a<|endoftext|> the");
  BOOST_TEST((t.piece(-1, 261) == "" && t.piece(261, 258) == " the" && t.piece(-1, 0xE2) == "\xE2"));
  BOOST_CHECK_EXCEPTION(t.piece(-1, 263), io::error, says("not in the vocabulary of 263"));
  BOOST_CHECK_EXCEPTION(t.decode(list{-1}), io::error, says("not in the vocabulary"));
  std::string any;
  for (int i = 0; i < 4096; ++i) any += static_cast<char>(i * i * 7 + i / 256);    // no UTF-8
  BOOST_TEST((t.decode(t.encode(any)) == any && streamed(t, t.encode(any)) == any));
  BOOST_TEST((t.file_name() == "tokenizer.json" && t.file_bytes() == byte_pair_file().dump() && t.config_bytes().empty()));
}

BOOST_AUTO_TEST_CASE(bos_and_eos) {
  const std::string single = R"([{"SpecialToken":{"id":"<|begin|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}])";
  const std::string processor = R"({"type":"TemplateProcessing","special_tokens":{},"pair":[],"single":)" + single + "}";
  const json file = with("/post_processor", processor.c_str());
  const io::byte_pair_tokenizer begins(file.dump(), "f");
  BOOST_TEST((begins.bos() == 261 && begins.begins_with_bos()));
  BOOST_TEST(!io::byte_pair_tokenizer(file.dump(), "f", R"({"add_bos_token":false})").begins_with_bos());
  BOOST_TEST(!io::byte_pair_tokenizer(byte_pair_file().dump(), "f").begins_with_bos());  // it has BOS, and puts none
  const io::byte_pair_tokenizer named(byte_pair_file().dump(), "f",
                                      R"({"bos_token":null,"eos_token":{"content":"<|begin|>"},"chat_template":"x"})");
  BOOST_TEST((named.bos() == -1 && named.eos() == 261));
  refused(byte_pair_file(), "\"eos_token\" \"</s>\" is not in the vocabulary", R"({"eos_token":"</s>"})");
  refused(byte_pair_file(), "tokenizer_config.json: not valid JSON", "{");
  const supra_test::temporary_folder folder, copy;
  io::write_file(folder / "tokenizer.json", byte_pair_file().dump());
  io::write_file(folder / "tokenizer_config.json", R"({"bos_token":"<|begin|>"})");
  const io::byte_pair_tokenizer carried(folder / "tokenizer.json");
  BOOST_TEST(carried.bos() == 261);
  io::save_tokenizer(carried, copy.path);
  BOOST_TEST(io::byte_pair_tokenizer(copy / "tokenizer.json").bos() == 261);
  io::save_tokenizer(io::byte_pair_tokenizer(byte_pair_file().dump(), "f"), copy.path, io::existing::overwrite);
  BOOST_TEST(!std::filesystem::exists(copy / "tokenizer_config.json"));
}

BOOST_AUTO_TEST_CASE(tokens_that_are_added_to_the_vocabulary) {
  json file = byte_pair_file();
  file["added_tokens"].push_back({{"id", 263}, {"content", "   "}, {"normalized", true}});
  const io::byte_pair_tokenizer t(file.dump(), "f");
  SAME(t.encode("a    b"), (list{'a', 263, 32, 'b'}));
  BOOST_TEST((t.decode(list{263}) == "   " && t.vocab_size() == 264));             // not special: it is text
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_named) {
  for (auto [field, value, why] : std::initializer_list<std::tuple<const char*, const char*, const char*>>{
           {"/templates", "1", "\"templates\" is not supported"},
           {"/normalizer", R"({"type":"NFKD"})", "normalizer: the type \"NFKD\" is not supported"},
           {"/pre_tokenizer", R"({"type":"BertPreTokenizer"})", "\"BertPreTokenizer\" is not supported"},
           {"/post_processor", R"({"type":"RobertaProcessing"})", "\"RobertaProcessing\" is not supported"},
           {"/post_processor", R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}}]})",
            "\"<s>\" is not in"},
           {"/post_processor",
            R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|begin|>"}},)"
            R"({"SpecialToken":{"id":"<|begin|>"}}]})",
            "more than one token"},
           {"/post_processor", R"({"type":"TemplateProcessing","single":[{"Segment":1}]})", "\"Segment\" is not supported"},
           {"/decoder", "null", "\"decoder\" is missing"},
           {"/decoder", R"({"type":"CTC"})", "\"CTC\" is not supported"},
           {"/model", R"({"type":"WordPiece"})", "\"WordPiece\" is not supported"},
           {"/model", "null", "\"model\" is missing"},
           {"/added_tokens", "{}", "must be a list"},
           {"/added_tokens/0/id", "260", "the id 260 is that of \"ing\" and of \"<|begin|>\""},
           {"/added_tokens/0/id", "262", "the id 262 is that of"},
           {"/added_tokens/0/id", "263", "there are only 263 tokens"},
           {"/added_tokens/0/content", "\"the\"", "\"the\" has the id 261, in the vocabulary 257"},
           {"/model/vocab/the", "256", "the id 256 is that of"},
           {"/model/vocab/the", "9999", "has the id 9999, but there are only"},
           {"/model/vocab/the", "\"a\"", "must have an id"}})
    refused(with(field, value), why);
  json hole = byte_pair_file();
  hole["added_tokens"].erase(0);
  hole["added_tokens"].push_back(hole["added_tokens"][0]);                         // the same one twice
  refused(hole, "none has the id 261");
  for (std::string bytes : {"", "{", "[]", R"({"version":"1.0","version":"1.0"})"})
    BOOST_CHECK_THROW(io::byte_pair_tokenizer(bytes, "f"), io::error);
}

BOOST_AUTO_TEST_CASE(the_public_tokenizer_of_gpt_neox) {
  if (supra_test::left_out("ids of gpt_neox_20B_tokenizer.json")) return;
  const std::string data = supra_test::data_dir(), name = "gpt_neox_20B_tokenizer.json";
  const io::byte_pair_tokenizer t(std::filesystem::path(data) / "tokenizers" / name);
  BOOST_TEST((t.vocab_size() == 50277 && t.bos() == 0 && t.eos() == 0));
  for (auto& c : io::read_json(supra_test::golden_dir() + "/tokenizers.json").at(name)) {
    const auto expected = c.at("ids").get<list>();
    SAME(t.encode(c.at("text").get<std::string>()), expected);
    BOOST_TEST(t.decode_all(expected) == c.at("decoded").get<std::string>());
  }
  for (auto& file : std::filesystem::directory_iterator(data + "/text")) {
    const io::mapped_file text(file.path());
    const auto ids = t.encode(text.text());
    BOOST_TEST((t.decode_all(ids) == text.text()), file.path() << " is given back");
  }
}

// sentencepiece's kind: Llama 2's scores as merges, the way tokenizer.json has them.
BOOST_AUTO_TEST_CASE(the_public_tokenizer_of_llama2) {
  if (supra_test::left_out("Llama 2's tokenizer as a tokenizer.json")) return;
  const io::sentencepiece_tokenizer known(supra_test::data_dir() + "/tokenizers/llama2_tokenizer.model");
  sentencepiece::SentencePieceProcessor model;
  BOOST_REQUIRE(model.LoadFromSerializedProto(known.file_bytes()).ok());
  json file = {{"normalizer", json::parse(R"({"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"\u2581"},
                   {"type":"Replace","pattern":{"String":" "},"content":"\u2581"}]})")},
               {"decoder", json::parse(R"({"type":"Sequence","decoders":[
                   {"type":"Replace","pattern":{"String":"\u2581"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},
                   {"type":"Strip","content":" ","start":1,"stop":0}]})")},
               {"model", {{"byte_fallback", true}, {"unk_token", "<unk>"}, {"fuse_unk", true}}}};
  std::vector<std::tuple<float, std::string, std::string>> merges;
  for (int i = 0; i < model.GetPieceSize(); ++i) {
    const std::string& piece = model.IdToPiece(i);
    file["model"]["vocab"][piece] = i;
    if (i < 259) continue;                           // unknown, BOS, EOS and bytes
    for (std::size_t at = 1; at < piece.size(); ++at) {
      const std::string left = piece.substr(0, at), right = piece.substr(at);
      if (model.PieceToId(left) >= 259 && model.PieceToId(right) >= 259) merges.emplace_back(-model.GetScore(i), left, right);
    }
  }
  std::stable_sort(merges.begin(), merges.end(), [](auto& a, auto& b) { return std::get<0>(a) < std::get<0>(b); });
  for (auto& [score, left, right] : merges) file["model"]["merges"].push_back({left, right});
  for (int i : {0, 1, 2})
    file["added_tokens"].push_back({{"id", i}, {"content", model.IdToPiece(i)}, {"special", true}, {"normalized", false}});
  const io::byte_pair_tokenizer t(file.dump(), "f");
  BOOST_TEST((t.vocab_size() == 32000 && t.bos() == 1 && t.eos() == 2));
  for (auto& c : io::read_json(supra_test::golden_dir() + "/tokenizers.json").at("llama2_tokenizer.model")) {
    const auto expected = c.at("ids").get<list>();
    SAME(t.encode(c.at("text").get<std::string>()), expected);
    BOOST_TEST(t.decode(expected) == c.at("decoded").get<std::string>());
    BOOST_TEST(streamed(t, expected) == c.at("decoded").get<std::string>());
  }
  BOOST_TEST(t.decode(t.encode("\xFF\xE2\x82")) == "\xFF\xE2\x82");
  const io::mapped_file plays(supra_test::data_dir() + "/text/tinyshakespeare.txt");
  const auto ids = t.encode(plays.text());
  BOOST_TEST((ids == known.encode(plays.text())));
  BOOST_TEST((t.decode(ids) == plays.text()));
}
