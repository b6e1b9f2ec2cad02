// Byte-pair encoding of one word: its characters (or bytes) as tokens, then the pair that was learned first joined, and so
// on. The "model" of a tokenizer.json.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "supra/io/byte_alphabet.hpp"
#include "supra/io/pair_merge.hpp"
#include "supra/io/tokenizer_fields.hpp"

namespace supra::io {

class byte_pair_model {
 public:
  byte_pair_model() = default;
  byte_pair_model(const fields& f, bool byte_level) : byte_level_(byte_level) {
    need(f.text("type", "BPE") == "BPE", f.where(), ": the type ", in_quotes(f.text("type", "")), " is not supported, BPE is");
    only(f, {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
             "ignore_merges", "vocab", "merges"});
    need(f.number("dropout", 0) == 0, f.where(), ": a \"dropout\" is not supported");
    for (auto key : {"continuing_subword_prefix", "end_of_word_suffix"})
      need(f.text(key, "").empty(), f.where(), ": a ", in_quotes(key), " is not supported");
    ignore_merges_ = f.flag("ignore_merges", false), fuse_unknown_ = f.flag("fuse_unk", false);
    read_vocabulary(f);
    if (f.has("unk_token")) {
      unknown_ = find(f.text("unk_token", ""));
      need(unknown_ >= 0, f.where(), ": the \"unk_token\" ", in_quotes(f.text("unk_token", "")), " is not in the vocabulary");
    }
    read_merges(f);
    for (int b = 0; b < 256; ++b)
      bytes_[static_cast<std::size_t>(b)] = byte_level ? find(in_byte_alphabet(byte(b))) : fallback(b);
    fall_back_ = !byte_level && f.flag("byte_fallback", false);
    for (auto id : bytes_) fall_back_ &= id >= 0;
  }

  const std::unordered_map<std::string, std::int32_t>& vocabulary() const { return ids_; }
  std::int32_t find(const std::string& token) const {
    const auto found = ids_.find(token);
    return found == ids_.end() ? -1 : found->second;
  }
  std::int32_t unknown() const { return unknown_; }

  // Appends a word's tokens; a byte or character without one is the unknown token or, where there is none, dropped.
  void encode(std::string_view word, std::vector<std::int32_t>& ids) const {
    if (ignore_merges_) {
      const std::int32_t whole = find(byte_level_ ? in_byte_alphabet(word) : std::string(word));
      if (whole >= 0) return ids.push_back(whole);
    }
    auto parts = symbols(word);
    merge_pairs(parts, -std::numeric_limits<float>::infinity(), [&](std::int32_t a, std::int32_t b) -> joined {
      const auto found = merges_.find(pair_key(a, b));
      if (found == merges_.end()) return {};
      return {found->second.id, -static_cast<float>(found->second.rank)};
    });
    ids.insert(ids.end(), parts.begin(), parts.end());
  }
  // Calls word(text) for pieces of a text of characters that no merge reaches across, where that is easy to see: before each
  // mark of a space after another character, if no token but those of marks alone has one inside.
  template <class Word>
  void each_independent(std::string_view text, Word&& word) const {
    std::size_t start = 0;
    for (std::size_t at = text.find(space_mark, 1); marks_begin_ && at < text.size(); at = text.find(space_mark, at + 1)) {
      if (text.substr(0, at).ends_with(space_mark)) continue;
      word(text.substr(start, at - start));
      start = at;
    }
    word(text.substr(start));
  }

 private:
  struct merge {
    std::int32_t id, rank;
  };
  static constexpr std::string_view space_mark = "\xE2\x96\x81";

  static std::uint64_t pair_key(std::int32_t a, std::int32_t b) {
    return static_cast<std::uint64_t>(a) << 32 | static_cast<std::uint32_t>(b);
  }
  static std::string byte(int b) { return std::string(1, static_cast<char>(b)); }
  std::int32_t fallback(int b) const {
    static constexpr const char* digits = "0123456789ABCDEF";
    return find(std::string("<0x") + digits[b / 16] + digits[b % 16] + ">");
  }

  void read_vocabulary(const fields& f) {
    const json& list = f.at("vocab");
    need(list.is_object() && !list.empty(), f.where(), ": the \"vocab\" must hold tokens and their ids");
    ids_.reserve(list.size());
    for (auto& [token, id] : list.items()) {
      need(id.is_number_unsigned() && id.get<std::uint64_t>() < 1 << 24, f.where(), ": the token ", in_quotes(token),
           " must have an id from 0 to 16,777,215");
      ids_.emplace(token, id.get<std::int32_t>());
    }
  }
  void read_merges(const fields& f) {
    const json& list = array_of(f, "merges");
    need(list.size() < 1 << 24, f.where(), ": ", list.size(), " merges are not supported");  // a float's exact integers
    merges_.reserve(list.size());
    marks_begin_ = !ignore_merges_ && find(std::string(space_mark)) >= 0;
    std::int32_t rank = 0;
    for (auto& entry : list) {
      const auto [left, right] = pair_of(entry, f);
      const std::int32_t a = find(left), b = find(right), both = find(left + right);
      need(a >= 0 && b >= 0 && both >= 0, f.where(), ": the merge ", rank, " of ", in_quotes(left), " and ", in_quotes(right),
           " is of tokens or gives a token that the vocabulary does not hold");
      merges_.insert_or_assign(pair_key(a, b), merge{both, rank++});
      if (right.starts_with(space_mark) && !left.ends_with(space_mark)) marks_begin_ = false;
    }
  }
  // "a b" or ["a", "b"]
  static std::pair<std::string, std::string> pair_of(const json& entry, const fields& f) {
    if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string())
      return {entry[0].get<std::string>(), entry[1].get<std::string>()};
    need(entry.is_string(), f.where(), ": a merge must be two tokens with a space between, or a list of two");
    const std::string text = entry.get<std::string>();
    const std::size_t space = text.find(' ');
    need(space != text.npos && text.find(' ', space + 1) == text.npos, f.where(), ": the merge ", in_quotes(text),
         " must be two tokens with a space between");
    return {text.substr(0, space), text.substr(space + 1)};
  }

  std::vector<std::int32_t> symbols(std::string_view word) const {
    std::vector<std::int32_t> ids;
    ids.reserve(word.size());
    bool unknown = false;  // one waits, for more to be fused with it
    auto flush = [&] {
      if (unknown) ids.push_back(unknown_);
      unknown = false;
    };
    for (std::size_t at = 0, n = 1; at < word.size(); at += n) {
      if (!byte_level_) n = utf8_at(word, at).bytes;
      const std::string_view c = word.substr(at, n);
      const std::int32_t id = byte_level_ ? bytes_[static_cast<unsigned char>(c[0])] : find(std::string(c));
      if (id >= 0) {
        flush(), ids.push_back(id);
      } else if (fall_back_) {
        for (unsigned char b : c) ids.push_back(bytes_[b]);
      } else if (unknown_ >= 0) {
        if (!fuse_unknown_) flush();
        unknown = true;
      }
    }
    flush();
    return ids;
  }

  bool byte_level_ = false, ignore_merges_ = false, fuse_unknown_ = false, fall_back_ = false;
  bool marks_begin_ = false;  // a mark follows another character in no merge
  std::int32_t unknown_ = -1;
  std::unordered_map<std::string, std::int32_t> ids_;
  std::unordered_map<std::uint64_t, merge> merges_;
  std::array<std::int32_t, 256> bytes_{};  // -1: none
};

}  // namespace supra::io
