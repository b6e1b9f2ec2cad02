// Hugging Face's tokenizer.json of byte-pair encoding, by bytes (GPT-2's kind) or by characters with bytes to fall back to
// (sentencepiece's kind), with tokenizer_config.json beside it, which names BOS and EOS. What is not supported is refused.
//
//   text -> added tokens cut out -> normalizer -> pre_tokenizer -> model for each word -> ids -> decoder
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "supra/io/added_tokens.hpp"
#include "supra/io/byte_pair_model.hpp"
#include "supra/io/merged_words.hpp"
#include "supra/io/pre_tokenizer.hpp"
#include "supra/io/text_normalizer.hpp"
#include "supra/io/token_decoder.hpp"
#include "supra/io/tokenizer.hpp"

namespace supra::io {

class byte_pair_tokenizer : public tokenizer {
 public:
  explicit byte_pair_tokenizer(const std::filesystem::path& path)
      : byte_pair_tokenizer(std::string(mapped_file(path).text()), path.string(), config_beside(path)) {}
  // The bytes of tokenizer.json, and those of tokenizer_config.json or none.
  byte_pair_tokenizer(std::string bytes, const std::string& where, std::string config = "")
      : where_(where), file_(std::move(bytes)), config_(std::move(config)) {
    need(file_.size() <= 100'000'000, where_, ": a JSON of ", file_.size(), " bytes is not read (at most 100,000,000)");
    const json file = parse_json(file_, where_);
    const fields f(file, where_);
    // How long texts may be and how they are padded is not asked of a tokenizer here.
    only(f, {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder",
             "model"});
    if (f.has("normalizer")) normalize_ = text_normalizer(f.object("normalizer"));
    if (f.has("pre_tokenizer")) words_ = pre_tokenizer(f.object("pre_tokenizer"));
    model_ = byte_pair_model(f.object("model"), words_.byte_level());
    decode_ = token_decoder(f.object("decoder"));
    add_tokens(f);
    if (f.has("post_processor"))
      each_part(f.object("post_processor"), "processors", [&](const fields& p) { read_processor(p); });
    if (bos_ < 0) bos_ = first_of({"<s>", "<|begin_of_text|>", "<|endoftext|>"});
    if (eos_ < 0) eos_ = first_of({"</s>", "<|end_of_text|>", "<|endoftext|>"});
    if (!config_.empty()) read_config();
  }

  std::vector<std::int32_t> encode(std::string_view text) const override { return encode(text, false, merged_words()); }
  std::vector<std::int32_t> encode_plain(std::string_view text) const override { return encode(text, true, merged_words()); }
  std::function<std::vector<std::int32_t>(std::string_view)> encoder() const override {
    return [this, seen = merged_words()](std::string_view text) mutable { return encode(text, false, seen); };
  }
  std::string decode(std::span<const std::int32_t> ids) const override { return decode(ids, false); }
  std::string decode_all(std::span<const std::int32_t> ids) const override { return decode(ids, true); }
  std::string piece(std::int32_t previous, std::int32_t id) const override {
    check_id(id);
    return is_special(id) ? std::string() : decode_(token(id), previous == -1 || previous == bos_);
  }
  // The words that tokens are found in one by one, of a text without added tokens.
  std::vector<std::string> words(std::string_view text) const {
    std::vector<std::string> found;
    words_(normalize_(std::string(text)), true, [&](std::string_view word) { found.emplace_back(word); });
    return found;
  }

  std::int32_t vocab_size() const override { return static_cast<std::int32_t>(tokens_.size()); }
  std::int32_t bos() const override { return bos_; }
  bool begins_with_bos() const override { return adds_bos_ && bos_ >= 0; }
  std::int32_t eos() const override { return eos_; }
  std::string name() const override { return "byte-pair tokenizer " + where_; }
  std::string file_name() const override { return "tokenizer.json"; }
  std::string file_bytes() const override { return file_; }
  std::string config_bytes() const override { return config_; }

 private:
  const std::string& token(std::int32_t id) const { return tokens_[static_cast<std::size_t>(id)]; }
  bool is_special(std::int32_t id) const { return special_[static_cast<std::size_t>(id)]; }

  // ---- reading

  void add_tokens(const fields& f) {
    std::vector<added_token> added;
    if (f.has("added_tokens"))
      for (auto& t : array_of(f, "added_tokens")) added.emplace_back(fields(t, f.where() + ", added_tokens"));
    const std::size_t most = model_.vocabulary().size() + added.size();
    std::vector<bool> known(most, false);
    tokens_.resize(most);
    std::size_t count = 0;
    auto put = [&](const std::string& token, std::int32_t id) {
      const auto at = static_cast<std::size_t>(id);
      need(at < most, where_, ": the token ", in_quotes(token), " has the id ", id, ", but there are only ", most, " tokens");
      need(!known[at] || tokens_[at] == token, where_, ": the id ", id, " is that of ", in_quotes(tokens_[at]), " and of ",
           in_quotes(token));
      count += !known[at];
      known[at] = true, tokens_[at] = token;
    };
    for (auto& [token, id] : model_.vocabulary()) put(token, id);
    for (auto& t : added) {
      const std::int32_t same = model_.find(t.content);
      need(same < 0 || same == t.id, where_, ": the added token ", in_quotes(t.content), " has the id ", t.id,
           ", in the vocabulary ", same);
      put(t.content, t.id);
    }
    tokens_.resize(count);
    special_.resize(count, false);
    for (std::size_t i = 0; i < count; ++i) need(known[i], where_, ": of ", count, " tokens none has the id ", i);
    for (auto& t : added) special_[static_cast<std::size_t>(t.id)] = special_[static_cast<std::size_t>(t.id)] || t.special;
    added_ = added_tokens(added, normalize_);
    for (auto& t : added) added_ids_.emplace(t.content, t.id);
  }
  std::int32_t find(const std::string& token) const {
    const auto added = added_ids_.find(token);
    return added == added_ids_.end() ? model_.find(token) : added->second;
  }
  std::int32_t first_of(std::initializer_list<const char*> names) const {
    for (auto n : names)
      if (const std::int32_t id = find(n); id >= 0) return id;
    return -1;
  }
  // What is put before and after a text tells BOS and EOS.
  void read_processor(const fields& p) {
    if (p.text("type", "") == "ByteLevel") return;  // about places in the text
    if (p.text("type", "") != "TemplateProcessing") unsupported(p);
    only(p, {"type", "single", "pair", "special_tokens"});
    std::int32_t* to = &bos_;
    for (auto& item : array_of(p, "single")) {
      const fields i(item, p.where() + ", single");
      only(i, {"SpecialToken", "Sequence"});
      if (i.has("Sequence")) {
        to = &eos_;
        continue;
      }
      const std::string name = i.object("SpecialToken").text("id", "");
      need(*to < 0, p.where(), ": more than one token before or after a text is not supported, found ", in_quotes(name));
      *to = find(name);
      need(*to >= 0, p.where(), ": the token ", in_quotes(name), " is not in the vocabulary");
      adds_bos_ |= to == &bos_;
    }
  }
  void read_config() {
    const std::string where = where_ + ", " + tokenizer_config;
    const json config = parse_json(config_, where);
    const fields f(config, where);
    adds_bos_ = f.flag("add_bos_token", adds_bos_);
    for (auto [key, id] : {std::pair{"bos_token", &bos_}, std::pair{"eos_token", &eos_}}) {
      if (!f.mentions(key)) continue;
      *id = -1;
      if (!f.has(key)) continue;
      const std::string name = f.at(key).is_object() ? f.object(key).text("content", "") : f.text(key, "");
      need((*id = find(name)) >= 0, where, ": the ", in_quotes(key), " ", in_quotes(name), " is not in the vocabulary");
    }
  }

  // ---- texts

  std::vector<std::int32_t> encode(std::string_view text, bool plain, merged_words&& seen) const {
    return encode(text, plain, seen);
  }
  std::vector<std::int32_t> encode(std::string_view text, bool plain, merged_words& seen) const {
    std::vector<std::int32_t> ids;
    added_(
        text, plain, normalize_,
        [&](std::string_view piece, bool first) {
          words_(piece, first, [&](std::string_view word) {
            model_.each_independent(word, [&](std::string_view part) {
              seen(part, ids, [&](std::string_view w, std::vector<std::int32_t>& to) { model_.encode(w, to); });
            });
          });
        },
        [&](std::int32_t id) { ids.push_back(id); });
    return ids;
  }
  std::string decode(std::span<const std::int32_t> ids, bool all) const {
    std::string text;
    bool first = true;
    for (auto id : ids) {
      check_id(id);
      if (is_special(id) && !all) continue;
      text += decode_(token(id), first);
      first = false;
    }
    return text;
  }

  std::string where_, file_, config_;
  text_normalizer normalize_;
  pre_tokenizer words_;
  byte_pair_model model_;
  added_tokens added_;
  token_decoder decode_;
  std::vector<std::string> tokens_;  // by id
  std::vector<bool> special_;
  std::unordered_map<std::string, std::int32_t> added_ids_;
  std::int32_t bos_ = -1, eos_ = -1;
  bool adds_bos_ = false;
};

}  // namespace supra::io
