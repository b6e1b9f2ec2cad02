// llama2.c's tokenizer.bin: int32 longest token, then per token float32 score, int32 length, bytes. Ids equal those of
// llama2.c's own encoder: a space before the text, then the best-scoring neighbours joined until none join.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "supra/io/byte_alphabet.hpp"
#include "supra/io/mapped_file.hpp"
#include "supra/io/pair_merge.hpp"
#include "supra/io/tokenizer.hpp"

namespace supra::io {

class llama2c_tokenizer : public tokenizer {
 public:
  explicit llama2c_tokenizer(const std::filesystem::path& path)
      : llama2c_tokenizer(std::string(mapped_file(path).text()), path.string()) {}
  llama2c_tokenizer(std::string bytes, const std::string& where) : where_(where), file_(std::move(bytes)) {
    parse();
    for (std::size_t i = 0; i < tokens_.size(); ++i) ids_.try_emplace(tokens_[i].text, static_cast<std::int32_t>(i));
    has_bytes_ = tokens_.size() >= 259;
    for (int b = 0; b < 256 && has_bytes_; ++b) has_bytes_ = byte_of(3 + b) == b;
  }
  llama2c_tokenizer(const llama2c_tokenizer&) = delete;                        // tokens point into the file's bytes
  llama2c_tokenizer& operator=(const llama2c_tokenizer&) = delete;

  std::vector<std::int32_t> encode(std::string_view text) const override {
    std::vector<std::int32_t> ids;
    if (text.empty()) return ids;
    if (const auto space = ids_.find(" "); space != ids_.end()) ids.push_back(space->second);
    for (std::size_t i = 0, n; i < text.size(); i += n) {
      n = character(text.substr(i));
      append(text.substr(i, n), ids);
    }
    std::string both;
    merge_pairs(ids, -1e10f, [&](std::int32_t a, std::int32_t b) { return join(a, b, both); });
    return ids;
  }
  std::string decode(std::span<const std::int32_t> ids) const override {
    std::string text;
    std::int32_t previous = -1;
    for (auto id : ids) text += piece(previous, id), previous = id;
    return text;
  }
  std::string piece(std::int32_t previous, std::int32_t id) const override {
    check_id(id);
    if (id == bos() || id == eos()) return {};
    if (const int b = byte_of(id); b >= 0) return std::string(1, static_cast<char>(b));
    std::string_view text = tokens_[static_cast<std::size_t>(id)].text;
    if ((previous == -1 || previous == bos()) && text.starts_with(' ')) text.remove_prefix(1);
    return std::string(text);
  }
  std::int32_t vocab_size() const override { return static_cast<std::int32_t>(tokens_.size()); }
  std::int32_t bos() const override { return 1; }
  std::int32_t eos() const override { return 2; }
  std::string name() const override { return "llama2.c tokenizer " + where_; }
  std::string file_name() const override { return "tokenizer.bin"; }
  std::string file_bytes() const override { return file_; }

 private:
  struct token { std::string_view text; float score; };

  void parse() {
    std::size_t at = 0;
    auto number = [&]<class N>(N) {
      N x;
      need(file_.size() - at >= sizeof x, where_, ": the file ends within token ", tokens_.size(), ", at byte ", file_.size());
      std::memcpy(&x, file_.data() + at, sizeof x);
      at += sizeof x;
      return x;
    };
    const auto longest = number(std::int32_t{});
    need(longest > 0, where_, ": the longest token must have from 1 byte, the file says ", longest,
         "; is this a llama2.c tokenizer?");
    while (at < file_.size()) {
      const auto score = number(float{});
      const auto length = number(std::int32_t{});
      need(std::isfinite(score), where_, ": token ", tokens_.size(), " has the score ", score);
      need(length >= 0 && length <= longest, where_, ": token ", tokens_.size(), " has ", length,
           " bytes, the longest is to have ", longest);
      need(file_.size() - at >= static_cast<std::size_t>(length), where_, ": the file ends within token ", tokens_.size());
      tokens_.push_back({std::string_view(file_).substr(at, static_cast<std::size_t>(length)), score});
      longest_ = std::max(longest_, static_cast<std::size_t>(length));
      at += static_cast<std::size_t>(length);
    }
    need(tokens_.size() >= 3, where_, ": a tokenizer starts with unknown, BOS and EOS, this one has ", tokens_.size(),
         " tokens");
  }

  // Bytes of the UTF-8 character in front: one byte and what continues it, four at most, as llama2.c counts.
  static std::size_t character(std::string_view text) {
    std::size_t n = 1;
    while (n < text.size() && n < 4 && (text[n] & 0xC0) == 0x80) ++n;
    return n;
  }
  void append(std::string_view c, std::vector<std::int32_t>& ids) const {
    if (const auto found = ids_.find(c); found != ids_.end()) ids.push_back(found->second);
    else if (!has_bytes_) ids.push_back(0);          // unknown
    else
      for (unsigned char b : c) ids.push_back(3 + b);
  }
  joined join(std::int32_t a, std::int32_t b, std::string& both) const {
    const auto left = tokens_[static_cast<std::size_t>(a)].text, right = tokens_[static_cast<std::size_t>(b)].text;
    if (left.size() + right.size() > longest_) return {};
    both.assign(left).append(right);
    const auto found = ids_.find(both);
    if (found == ids_.end()) return {};
    return {found->second, tokens_[static_cast<std::size_t>(found->second)].score};
  }
  int byte_of(std::int32_t id) const { return byte_of_token(tokens_[static_cast<std::size_t>(id)].text); }

  std::string where_, file_;
  std::vector<token> tokens_;
  std::unordered_map<std::string_view, std::int32_t> ids_;
  std::size_t longest_ = 0;
  bool has_bytes_ = false;
};

}  // namespace supra::io
