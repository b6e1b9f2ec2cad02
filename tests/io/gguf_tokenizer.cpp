#include "test.hpp"

#include "io/byte_pair_file.hpp"
#include "io/gguf_bytes.hpp"
#include "smollm2.hpp"
#include "supra/io/load_tokenizer.hpp"
#include "temporary.hpp"

using namespace supra;
using io::json;
using supra_test::gguf_bytes;
using supra_test::says;
using list = std::vector<std::int32_t>;

#define SAME(a, ...) BOOST_TEST((a) == (__VA_ARGS__), boost::test_tools::per_element())

namespace {

const std::string ggml = "tokenizer.ggml.";

std::unique_ptr<io::tokenizer> read(const gguf_bytes& file) {
  const std::string bytes = file.bytes();
  return io::tokenizer_of(io::gguf_file(std::as_bytes(std::span(bytes)), "f").metadata());
}
// The tokens and merges of byte_pair_file() and what is asked of their use.
gguf_bytes gpt2(const std::string& pre, std::vector<std::int32_t> types = {}) {
  const json file = supra_test::byte_pair_file();
  std::vector<std::string> tokens(263), merges;
  for (auto& [token, id] : file["model"]["vocab"].items()) tokens[id.get<std::size_t>()] = token;
  tokens[261] = "<|begin|>", tokens[262] = "<|user|>";
  for (auto& m : file["model"]["merges"]) merges.push_back(m);
  if (types.empty()) types.assign(263, 1), types[261] = 3, types[262] = 4;
  gguf_bytes made;
  if (!pre.empty()) made.text(ggml + "pre", pre);
  return made.text(ggml + "model", "gpt2").strings(ggml + "tokens", tokens).strings(ggml + "merges", merges)
      .array(ggml + "token_type", io::gguf_kind::i32, types);
}
gguf_bytes llama(const std::vector<std::string>& tokens, const std::vector<float>& scores,
                 const std::vector<std::int32_t>& types) {
  return gguf_bytes().text(ggml + "model", "llama").strings(ggml + "tokens", tokens)
      .array(ggml + "scores", io::gguf_kind::f32, scores).array(ggml + "token_type", io::gguf_kind::i32, types);
}
// U+FFFD for what is no UTF-8, as printing replaces it.
std::string shown(const std::string& text) {
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

}  // namespace

BOOST_AUTO_TEST_CASE(byte_pairs_and_their_words) {
  const auto t = read(gpt2("gpt-2").integer(ggml + "bos_token_id", 261).integer(ggml + "eos_token_id", 262));
  BOOST_TEST((t->vocab_size() == 263 && t->bos() == 261 && t->eos() == 262 && !t->begins_with_bos()));
  SAME(t->encode("the<|user|>in  the12<|begin|>"), (list{257, 262, 259, 32, 258, '1', '2', 261}));
  SAME(t->encode_plain("<|user|>"), (list{262}));    // the user's is text as it stands
  BOOST_TEST(t->encode_plain("<|begin|>").size() == 8u);         // one of them "in"
  BOOST_TEST(t->decode(list{261, 262, 258}) == "<|user|> the");
  auto words = [&](const char* pre, const std::string& text) {
    const auto by = read(gpt2(pre));
    std::string all;
    for (auto& w : dynamic_cast<io::byte_pair_tokenizer&>(*by).words(text)) all += w + "|";
    return all;
  };
  BOOST_TEST(words("gpt-2", "It's 1234 a\n\n b") == "It|'s| 1234| a|\n\n| b|");
  for (auto pre : {"smollm", "starcoder"}) BOOST_TEST(words(pre, "It's 1234 a\n\n b") == "It|'s| |1|2|3|4| a|\n\n| b|");
  for (auto pre : {"llama-bpe", "llama3"}) BOOST_TEST(words(pre, "It'S 1234 a\n\n b") == "It|'S| |123|4| a|\n\n| b|");
  BOOST_TEST(words("qwen2", "It'S 12 e\u0301\n\n b") == "It|'S| |1|2| \u00E9|\n\n| b|");
}

BOOST_AUTO_TEST_CASE(a_folder_carries_what_a_gguf_says) {
  const auto t = read(gpt2("llama-bpe").integer(ggml + "bos_token_id", 261).flag(ggml + "add_bos_token", true)
                          .text("tokenizer.chat_template", "{{ x }}"));
  const supra_test::temporary_folder folder;
  io::save_tokenizer(*t, folder.path);
  const auto again = io::load_tokenizer(folder.path);
  SAME(again->encode("The thing's 12345<|begin|>"), t->encode("The thing's 12345<|begin|>"));
  BOOST_TEST((again->bos() == 261 && again->begins_with_bos() && again->vocab_size() == 263));
  const json config = io::read_json(folder / "tokenizer_config.json"), file = io::read_json(folder / "tokenizer.json");
  BOOST_TEST(
      (config.at("chat_template") == "{{ x }}" && config.at("bos_token") == "<|begin|>" && !config.contains("eos_token")));
  BOOST_TEST(file.at("post_processor").at("single").dump() ==
             R"([{"SpecialToken":{"id":"<|begin|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}])");
  BOOST_TEST(file.at("post_processor").at("special_tokens").dump() ==
             R"({"<|begin|>":{"id":"<|begin|>","ids":[261],"tokens":["<|begin|>"]}})");
}

BOOST_AUTO_TEST_CASE(sentencepieces) {
  const auto file = [] {
    return llama({"<unk>", "<s>", "</s>", "\u2581", "a", "b", "ab", "\u2581" "ab"}, {0, 0, 0, -9, -9, -9, -1, -2},
                 {2, 3, 3, 1, 1, 1, 1, 1})
        .integer(ggml + "bos_token_id", 1)
        .integer(ggml + "eos_token_id", 2);
  };
  const auto t = read(file());
  BOOST_TEST((t->vocab_size() == 8 && t->bos() == 1 && t->eos() == 2 && t->file_name() == "tokenizer.model"));
  SAME(t->encode("ab  ab"), (list{7, 3, 7}));
  SAME(read(file().flag(ggml + "add_space_prefix", false))->encode("ab"), (list{6}));
}

BOOST_AUTO_TEST_CASE(texts_begin_with_bos_where_the_file_or_its_kind_says_so) {
  const std::string add = ggml + "add_bos_token", bos = ggml + "bos_token_id";
  const auto pieces = [&] { return llama({"<unk>", "<s>", "</s>", "a"}, {0, 0, 0, -1}, {2, 3, 3, 1}).integer(bos, 1); };
  auto begins = [](const gguf_bytes& file) {
    const auto t = read(file);
    const supra_test::temporary_folder folder;
    io::save_tokenizer(*t, folder.path);
    const bool config = io::read_json(folder / "tokenizer_config.json").at("add_bos_token").get<bool>();
    BOOST_TEST((config == t->begins_with_bos() && io::load_tokenizer(folder.path)->begins_with_bos() == config));
    return config;
  };
  BOOST_TEST((begins(pieces()) && begins(pieces().flag(add, true)) && !begins(pieces().flag(add, false))));
  for (const std::string pre : {"llama-bpe", "llama3", "gpt-2", "smollm", "qwen2"}) {
    BOOST_TEST(begins(gpt2(pre).integer(bos, 261)) == pre.starts_with("llama"), pre);
    for (bool said : {true, false}) BOOST_TEST(begins(gpt2(pre).integer(bos, 261).flag(add, said)) == said, pre);
  }
  BOOST_TEST(!begins(gpt2("llama-bpe")));  // there is none
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_named) {
  auto refused = [](const gguf_bytes& file, const char* why) { BOOST_CHECK_EXCEPTION(read(file), io::error, says(why)); };
  refused(gguf_bytes(), "\"tokenizer.ggml.model\" is missing");
  refused(gguf_bytes().text(ggml + "model", "bert"), "\"bert\", which is not supported; gpt2 and llama are");
  refused(gguf_bytes().text(ggml + "model", "gpt2"), "tokens\" is missing");
  refused(gguf_bytes().text(ggml + "model", "gpt2").strings(ggml + "tokens", {}), "0 tokens");
  refused(gguf_bytes().text(ggml + "model", "gpt2").strings(ggml + "tokens", {"a", "a"}), "\"a\" is there twice");
  refused(gguf_bytes().text(ggml + "model", "gpt2").strings(ggml + "tokens", {"a", ""}), "token 1 must be UTF-8");
  refused(gguf_bytes().text(ggml + "model", "gpt2").strings(ggml + "tokens", {"\xFF"}), "token 0 must be UTF-8");
  refused(gpt2("gpt-2", {1}), "263 tokens and the types of 1");
  refused(gpt2("gpt-2", list(263, 7)), "has the type 7");
  refused(gpt2("gpt-2", list(263, 6)), "of the type of bytes");
  refused(gpt2("falcon"), "\"falcon\", which is not supported; smollm");
  refused(gpt2("falcon"), "name another tokenizer with --tokenizer");
  refused(gpt2(""), "tokenizer.ggml.pre is missing");
  refused(gpt2("gpt-2").integer(ggml + "bos_token_id", 263), "is 263 of 263 tokens");
  refused(gpt2("gpt-2").flag(ggml + "add_bos_token", true), "bos_token_id is missing");
  refused(gpt2("gpt-2").text("tokenizer.chat_template", "\xFF"), "chat_template must be UTF-8");
  refused(llama({"<unk>", "a"}, {0}, {2, 1}), "2 tokens and 1 scores");
  refused(llama({"b", "a"}, {0, 0}, {1, 1}), "not a sentencepiece model");
  refused(llama({"<unk>", "a"}, {0, 0}, {2, 1}).text(ggml + "precompiled_charsmap", "x"), "precompiled_charsmap");
}

BOOST_AUTO_TEST_CASE(llama2_by_its_pieces) {
  if (supra_test::left_out("Llama 2's tokenizer as a GGUF's keys")) return;
  const std::string path = supra_test::data_dir() + "/tokenizers/llama2_tokenizer.model";
  sentencepiece::SentencePieceProcessor model;
  BOOST_REQUIRE(model.Load(path).ok());
  std::vector<std::string> tokens;
  std::vector<float> scores;
  list types;
  for (int i = 0; i < model.GetPieceSize(); ++i) {
    tokens.push_back(model.IdToPiece(i)), scores.push_back(model.GetScore(i));
    types.push_back(model.IsUnknown(i) ? 2 : model.IsControl(i) ? 3 : model.IsByte(i) ? 6 : 1);
  }
  const auto t = read(llama(tokens, scores, types));
  for (auto& c : io::read_json(supra_test::golden_dir() + "/tokenizers.json").at("llama2_tokenizer.model")) {
    SAME(t->encode(c.at("text").get<std::string>()), c.at("ids").get<list>());
    BOOST_TEST(t->decode(c.at("ids").get<list>()) == c.at("decoded").get<std::string>());
  }
  const io::mapped_file plays(supra_test::data_dir() + "/text/tinyshakespeare.txt");
  BOOST_TEST((t->encode(plays.text()) == io::sentencepiece_tokenizer(path).encode(plays.text())));
}

BOOST_AUTO_TEST_CASE(smollm2s_own) {
  if (supra_test::smollm2_left_out("SmolLM2's tokenizer")) return;
  const auto loaded = io::load_tokenizer(supra_test::smollm2_file());
  const auto& t = dynamic_cast<const io::byte_pair_tokenizer&>(*loaded);
  const json golden = io::read_json(supra_test::smollm2_goldens() / "smollm2_tokenizer.json");
  BOOST_TEST((t.vocab_size() == golden.at("vocab_size") && t.bos() == 1 && t.eos() == 2));
  for (auto& [token, id] : golden.at("special_tokens").items()) SAME(t.encode(token), (list{id.get<std::int32_t>()}));
  for (auto& c : golden.at("cases")) {
    const auto text = c.at("text").get<std::string>();
    const auto ids = c.at("ids").get<list>(), plain = c.at("ids_no_special").get<list>();
    SAME(t.encode(text), ids);
    SAME(t.encode_plain(text), plain);
    std::vector<std::string> words;
    for (auto& w : t.words(text)) words.push_back(io::in_byte_alphabet(w));
    SAME(words, c.at("pretokens_plain").get<std::vector<std::string>>());
    BOOST_TEST(shown(t.decode_all(ids)) == c.at("decoded").get<std::string>());
    BOOST_TEST(shown(t.decode(ids)) == c.at("decoded_skip_special").get<std::string>());
    if (c.contains("decoded_no_special")) BOOST_TEST(shown(t.decode(plain)) == c.at("decoded_no_special").get<std::string>());
    BOOST_TEST((t.decode_all(ids) == text) == c.at("round_trip").get<bool>());
  }
  for (auto& c : golden.at("partial_decodes"))
    BOOST_TEST(shown(t.decode(c.at("ids").get<list>())) == c.at("decoded").get<std::string>());
  for (auto& c : golden.at("chat")) SAME(t.encode(c.at("text").get<std::string>()), c.at("ids").get<list>());
  for (auto& file : std::filesystem::directory_iterator(supra_test::data_dir() + "/text")) {
    const io::mapped_file text(file.path());
    BOOST_TEST((t.decode_all(t.encode(text.text())) == text.text()), file.path() << " is given back");
  }
  const supra_test::temporary_folder folder;
  io::save_tokenizer(t, folder.path);
  const auto again = io::load_tokenizer(folder.path);
  BOOST_TEST((again->bos() == 1 && again->eos() == 2 && again->encode("It's <|im_end|> 7") == t.encode("It's <|im_end|> 7")));
}
