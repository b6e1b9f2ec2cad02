// sentencepiece's .model files, by its own library. Normalisation is the file's.
#pragma once

#include <sentencepiece_processor.h>

#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "supra/io/json.hpp"
#include "supra/io/mapped_file.hpp"
#include "supra/io/tokenizer.hpp"

namespace supra::io {

class sentencepiece_tokenizer : public tokenizer {
 public:
  explicit sentencepiece_tokenizer(const std::filesystem::path& path)
      : sentencepiece_tokenizer(std::string(mapped_file(path).text()), path.string(), config_beside(path)) {}
  // The bytes of the .model, and those of a tokenizer_config.json, which says whether BOS is put, or none.
  sentencepiece_tokenizer(std::string bytes, const std::string& where, std::string config = "")
      : where_(where), file_(std::move(bytes)), config_(std::move(config)) {
    ask("not a sentencepiece model", [&] { return model_.LoadFromSerializedProto(file_); });
    need(model_.GetPieceSize() > 0, where_, ": not a sentencepiece model: it has no pieces");
    if (config_.empty()) return;
    const std::string beside = where_ + ", " + tokenizer_config;
    const json parsed = parse_json(config_, beside);
    adds_bos_ = fields(parsed, beside).flag("add_bos_token", true);
  }

  std::vector<std::int32_t> encode(std::string_view text) const override {
    std::vector<int> ids;
    ask("sentencepiece could not encode a text", [&] { return model_.Encode({text.data(), text.size()}, &ids); });
    return {ids.begin(), ids.end()};
  }
  std::string decode(std::span<const std::int32_t> ids) const override {
    for (auto id : ids) check_id(id);
    std::string text;
    ask("sentencepiece could not decode tokens", [&] { return model_.Decode(std::vector<int>(ids.begin(), ids.end()), &text); });
    return text;
  }
  std::string piece(std::int32_t previous, std::int32_t id) const override {
    check_id(id);
    if (model_.IsControl(id)) return {};
    if (model_.IsByte(id)) return std::string(1, static_cast<char>(std::stoi(model_.IdToPiece(id).substr(3, 2), nullptr, 16)));
    if (model_.IsUnknown(id)) return decode(std::span(&id, 1));
    std::string text = spaced(model_.IdToPiece(id));
    const bool first = previous == -1 || previous == bos();
    return first && text.starts_with(' ') ? text.substr(1) : text;
  }
  std::int32_t vocab_size() const override { return model_.GetPieceSize(); }
  std::int32_t bos() const override { return model_.bos_id(); }
  std::int32_t eos() const override { return model_.eos_id(); }
  bool begins_with_bos() const override { return adds_bos_ && bos() >= 0; }
  std::string name() const override { return "sentencepiece " + where_; }
  std::string file_name() const override { return "tokenizer.model"; }
  std::string file_bytes() const override { return file_; }
  std::string config_bytes() const override { return config_; }

 private:
  // The library reports most of what is wrong as a status, and throws its parts' own exceptions.
  template <class Call>
  void ask(const char* failed, Call&& call) const {
    std::string why;
    try {
      const auto status = call();
      if (status.ok()) return;
      why = status.ToString();
    } catch (const std::exception& e) {
      why = e.what();
    }
    fail(where_, ": ", failed, ": ", why);
  }
  // sentencepiece's U+2581 for a space, back to a space.
  static std::string spaced(const std::string& piece) {
    static const std::string mark = "\xE2\x96\x81";
    std::string text;
    for (std::size_t i = 0; i < piece.size();) {
      const bool space = piece.compare(i, mark.size(), mark) == 0;
      text += space ? ' ' : piece[i];
      i += space ? mark.size() : 1;
    }
    return text;
  }
  std::string where_, file_, config_;
  sentencepiece::SentencePieceProcessor model_;
  bool adds_bos_ = true;
};

}  // namespace supra::io
