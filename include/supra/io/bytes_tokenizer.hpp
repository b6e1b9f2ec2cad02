// The 256 bytes as tokens, then BOS and EOS: fits any text, knows nothing.
#pragma once

#include "supra/io/tokenizer.hpp"

namespace supra::io {

class bytes_tokenizer : public tokenizer {
 public:
  std::vector<std::int32_t> encode(std::string_view text) const override {
    std::vector<std::int32_t> ids;
    ids.reserve(text.size());
    for (unsigned char c : text) ids.push_back(c);
    return ids;
  }
  std::string decode(std::span<const std::int32_t> ids) const override {
    std::string text;
    for (auto id : ids) text += piece(-1, id);
    return text;
  }
  std::string piece(std::int32_t, std::int32_t id) const override {
    check_id(id);
    return id < 256 ? std::string(1, static_cast<char>(id)) : std::string();
  }
  std::int32_t vocab_size() const override { return 258; }
  std::int32_t bos() const override { return 256; }
  std::int32_t eos() const override { return 257; }
  std::string name() const override { return "bytes"; }
  std::string file_name() const override { return "supra_tokenizer.json"; }
  std::string file_bytes() const override { return "{\"tokenizer\": \"bytes\"}\n"; }
};

}  // namespace supra::io
