// The tokenizer that a GGUF file's keys describe, made into the file that other programs read, which it then is: `gpt2`
// becomes a tokenizer.json, `llama` a sentencepiece .model. Other kinds are refused by name.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "supra/io/byte_pair_tokenizer.hpp"
#include "supra/io/gguf.hpp"
#include "supra/io/sentencepiece_out.hpp"
#include "supra/io/sentencepiece_tokenizer.hpp"

namespace supra::io {

class gguf_tokenizer_keys {
 public:
  explicit gguf_tokenizer_keys(const gguf_metadata& m) : m_(m) {
    const auto texts = m.strings(key("tokens"));
    std::vector<std::int64_t> types(texts.size(), 1);
    if (m.has(key("token_type"))) types = m.integers(key("token_type"));
    need(!texts.empty() && types.size() == texts.size(), m.where(), ": there are ", texts.size(), " tokens and the types of ",
         types.size());
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      need(!texts[i].empty() && is_utf8(texts[i]), m.where(), ": token ", i, " must be UTF-8 of at least one byte, found ",
           in_quotes(texts[i]));
      need(seen.insert(texts[i]).second, m.where(), ": the token ", in_quotes(texts[i]), " is there twice");
      need(types[i] >= 1 && types[i] <= 6, m.where(), ": token ", i, " has the type ", types[i], ", 1 to 6 are supported");
      pieces_.push_back({std::string(texts[i]), 0, static_cast<piece_type>(types[i])});
    }
  }

  std::string tokenizer_json() const {
    json file = {{"version", "1.0"},      {"truncation", nullptr},     {"padding", nullptr},
                 {"normalizer", nullptr}, {"post_processor", nullptr}, {"added_tokens", json::array()}};
    json &vocabulary = file["model"]["vocab"] = json::object(), &merges = file["model"]["merges"] = json::array();
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      const auto& [text, score, type] = pieces_[i];
      need(type != piece_type::byte, m_.where(), ": token ", i, " is of the type of bytes, which a gpt2 tokenizer has not");
      vocabulary[text] = i;
      const bool special = type == piece_type::control || type == piece_type::unknown;
      if (special || type == piece_type::user_defined)
        file["added_tokens"].push_back({{"id", i},
                                        {"content", text},
                                        {"single_word", false},
                                        {"lstrip", false},
                                        {"rstrip", false},
                                        {"normalized", false},
                                        {"special", special}});
    }
    for (auto merge : m_.strings(key("merges"))) {
      need(is_utf8(merge), m_.where(), ": the merge ", in_quotes(merge), " must be UTF-8");
      merges.push_back(merge);
    }
    for (auto name : {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"}) file["model"][name] = nullptr;
    for (auto name : {"fuse_unk", "byte_fallback", "ignore_merges"}) file["model"][name] = false;
    file["model"]["type"] = "BPE";
    const json bytes = {{"type", "ByteLevel"},
                        {"add_prefix_space", m_.flag(key("add_space_prefix"), false)},
                        {"trim_offsets", true},
                        {"use_regex", true}};
    file["decoder"] = bytes;
    set_words(file, bytes);
    if (adds_bos()) add_bos(file);
    return file.dump();
  }

  std::string sentencepiece() const {
    sentencepiece_model model{pieces_};
    const auto scores = m_.numbers(key("scores"));
    need(scores.size() == pieces_.size(), m_.where(), ": there are ", pieces_.size(), " tokens and ", scores.size(), " scores");
    for (std::size_t i = 0; i < scores.size(); ++i) model.pieces[i].score = static_cast<float>(scores[i]);
    if (const auto* p = named("unknown_token_id")) model.unknown = p->text;
    if (const auto* p = named("bos_token_id")) model.bos = p->text;
    if (const auto* p = named("eos_token_id")) model.eos = p->text;
    need(!m_.has(key("precompiled_charsmap")), m_.where(), ": ", key("precompiled_charsmap"), " is not supported");
    model.space_before = m_.flag(key("add_space_prefix"), true);
    model.collapse_spaces = m_.flag(key("remove_extra_whitespaces"), false);
    return sentencepiece_bytes(model);
  }

  // tokenizer_config.json: which tokens mean what, and the chat's template.
  std::string config(const char* kind) const {
    json c = {{"tokenizer_class", kind}, {"clean_up_tokenization_spaces", false}, {"add_bos_token", adds_bos()}};
    for (auto [name, id] : {std::pair{"bos_token", "bos_token_id"}, std::pair{"eos_token", "eos_token_id"},
                            std::pair{"unk_token", "unknown_token_id"}, std::pair{"pad_token", "padding_token_id"}})
      if (const auto* p = named(id)) c[name] = p->text;
    if (m_.has("tokenizer.chat_template")) c["chat_template"] = m_.text("tokenizer.chat_template");
    need(is_utf8(m_.text("tokenizer.chat_template", "")), m_.where(), ": tokenizer.chat_template must be UTF-8");
    return c.dump(2) + "\n";
  }

 private:
  std::string_view pre() const { return m_.text(key("pre"), ""); }
  bool pre_of_llama3() const { return pre() == "llama-bpe" || pre() == "llama3"; }
  // Whether texts begin with BOS; where the file does not say it, as llama.cpp takes it.
  bool adds_bos() const {
    const bool usual = m_.text(key("model")) == "llama" || (pre_of_llama3() && m_.has(key("bos_token_id")));
    return m_.flag(key("add_bos_token"), usual);
  }
  static std::string key(const char* name) { return std::string("tokenizer.ggml.") + name; }
  const sentencepiece_piece* named(const char* id) const {
    if (!m_.has(key(id))) return nullptr;
    const std::int64_t i = m_.integer(key(id));
    need(i >= 0 && i < static_cast<std::int64_t>(pieces_.size()), m_.where(), ": ", key(id), " is ", i, " of ", pieces_.size(),
         " tokens");
    return &pieces_[static_cast<std::size_t>(i)];
  }

  // How texts are cut into words, by the name that llama.cpp gave it.
  void set_words(json& file, json bytes) const {
    json cut;
    if (pre() == "smollm" || pre() == "starcoder") {
      cut = {{"type", "Digits"}, {"individual_digits", true}};
    } else if (const bool llama = pre_of_llama3(); llama || pre() == "qwen2") {
      const std::string words = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})" +
                                std::string(llama ? "{1,3}" : "") + R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
      cut = {{"type", "Split"}, {"pattern", {{"Regex", words}}}, {"behavior", "Isolated"}, {"invert", false}};
      bytes["use_regex"] = false;
      file["model"]["ignore_merges"] = llama;
      if (!llama) file["normalizer"] = {{"type", "NFC"}};
    } else {
      need(pre() == "gpt-2", m_.where(), ": ", key("pre"), " is ",
           m_.has(key("pre")) ? in_quotes(pre()) + ", which is not supported" : "missing",
           "; smollm, starcoder, llama-bpe, llama3, qwen2 and gpt-2 are supported; name another tokenizer with --tokenizer");
    }
    file["pre_tokenizer"] = cut.is_null() ? bytes : json{{"type", "Sequence"}, {"pretokenizers", {cut, bytes}}};
  }
  void add_bos(json& file) const {
    const auto* bos = named("bos_token_id");
    need(bos, m_.where(), ": ", key("add_bos_token"), " is true, but ", key("bos_token_id"), " is missing");
    auto token = [](const std::string& text, int type) { return json{{"SpecialToken", {{"id", text}, {"type_id", type}}}}; };
    auto sequence = [](const char* name, int type) { return json{{"Sequence", {{"id", name}, {"type_id", type}}}}; };
    file["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single", {token(bos->text, 0), sequence("A", 0)}},
        {"pair", {token(bos->text, 0), sequence("A", 0), token(bos->text, 1), sequence("B", 1)}},
        {"special_tokens",
         {{bos->text, {{"id", bos->text}, {"ids", {m_.integer(key("bos_token_id"))}}, {"tokens", {bos->text}}}}}}};
  }

  const gguf_metadata& m_;
  std::vector<sentencepiece_piece> pieces_;
};

inline std::unique_ptr<tokenizer> tokenizer_of(const gguf_metadata& m) {
  const std::string_view kind = m.text("tokenizer.ggml.model");
  need(kind == "gpt2" || kind == "llama", m.where(), ": tokenizer.ggml.model is ", in_quotes(kind),
       ", which is not supported; gpt2 and llama are; name another tokenizer with --tokenizer");
  const gguf_tokenizer_keys keys(m);
  if (kind == "llama")
    return std::make_unique<sentencepiece_tokenizer>(keys.sentencepiece(), m.where(), keys.config("LlamaTokenizer"));
  return std::make_unique<byte_pair_tokenizer>(keys.tokenizer_json(), m.where(), keys.config("PreTrainedTokenizerFast"));
}

}  // namespace supra::io
