// Text files as documents, and documents as tokens.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "supra/io/fingerprint.hpp"
#include "supra/io/mapped_file.hpp"
#include "supra/io/tokenizer.hpp"

namespace supra::program {

inline constexpr std::string_view separator = "<|endoftext|>";

// A file of documents that are tokens already (training_text.hpp), or a model.
inline bool holds_tokens(const std::string& path) { return path.ends_with(".safetensors"); }

// flag: where the files were named.
inline std::string read_text(const std::vector<std::string>& files, const char* flag = "--text") {
  std::string all;
  for (auto& f : files) {
    std::error_code failed;
    for (auto maker : {"teacher:", "recall:"})
      io::need(!f.starts_with(maker), flag, " ", f, ": is text that uptrain makes, which has a teacher; give text files");
    io::need(std::filesystem::exists(f, failed), flag, " ", f, ": there is no such file; give text files");
    io::need(std::filesystem::is_regular_file(f, failed), flag, " ", f, ": is no regular file; give text files");
    io::need(!holds_tokens(f), flag, " ", f,
             ": holds no text but tokens, which training alone takes, or a model; give text files");
    const io::mapped_file file(f);
    const auto bytes = file.bytes();
    if (!all.empty()) all += separator;
    all.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return all;
}

// Pieces between separators without white space at their ends, which lie in `text`; empty ones are dropped.
inline std::vector<std::string_view> document_views(std::string_view text) {
  std::vector<std::string_view> r;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    std::string_view piece = text.substr(at, end - at);
    constexpr std::string_view white = " \t\r\n\v\f";
    const auto first = piece.find_first_not_of(white);
    if (first != piece.npos) r.push_back(piece.substr(first, piece.find_last_not_of(white) - first + 1));
    at = end + separator.size();
  }
  return r;
}
inline std::vector<std::string> documents(std::string_view text) {
  const auto views = document_views(text);
  return {views.begin(), views.end()};
}

// How many documents, the last ones, are never trained on; or tokens, of a single document.
inline std::size_t held_out_of(std::size_t all, double share) {
  return std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(all) * share));
}

// What stands before each document: BOS where the tokenizer begins texts so; else its token <|endoftext|>, or EOS, between
// documents alone. No token: nothing does.
struct document_start {
  std::vector<std::int32_t> token;
  bool of_the_first = false;
  document_start(const io::tokenizer& t, std::int64_t bos) : token(t.encode(separator)) {
    of_the_first = bos >= 0 && t.begins_with_bos();
    if (of_the_first) token.assign(1, static_cast<std::int32_t>(bos));
    else if (token.size() != 1) token.assign(t.eos() >= 0 ? 1 : 0, t.eos());
  }
};

// Documents one after another, with what stands before or between them.
inline std::vector<std::int32_t> stream(const io::tokenizer& t, std::span<const std::vector<std::int32_t>> docs,
                                        std::int64_t bos) {
  const document_start start(t, bos);
  std::vector<std::int32_t> ids;
  std::size_t most = 0;
  for (auto& d : docs) most += start.token.size() + d.size();
  ids.reserve(most);
  for (auto& d : docs) {
    if (start.of_the_first || &d != &docs.front()) ids.insert(ids.end(), start.token.begin(), start.token.end());
    ids.insert(ids.end(), d.begin(), d.end());
  }
  return ids;
}
inline std::vector<std::int32_t> stream(const io::tokenizer& t, const std::vector<std::string>& docs, std::int64_t bos) {
  std::vector<std::vector<std::int32_t>> each;
  for (auto& d : docs) each.push_back(t.encode(d));
  return stream(t, std::span<const std::vector<std::int32_t>>(each), bos);
}

// Tokens that a text can hold: what each writes becomes it again. Special and unknown tokens are none, nor are bytes that only
// stand in for characters without a token.
inline std::vector<std::int32_t> ordinary_tokens(const io::tokenizer& t, const model::config& c) {
  std::vector<std::int32_t> all;
  const auto end = static_cast<std::int32_t>(std::min<std::int64_t>(t.vocab_size(), c.vocab));
  for (std::int32_t id = 0; id < end; ++id) {
    const std::string text = t.piece(id, id);  // not at a text's beginning
    if (text.empty() || model::ends_text(c, id) || id == t.bos() || id == t.eos()) continue;
    const auto again = t.encode_plain(text);
    if (std::ranges::find(again, id) != again.end()) all.push_back(id);
  }
  return all;
}

// Tells one text, or one model's numbers, from another.
inline std::uint64_t fingerprint_of(const std::vector<float>& values) {
  io::fingerprint h;
  for (float x : values) h.add(std::bit_cast<std::uint32_t>(x));
  return h.value;
}
inline std::uint64_t fingerprint_of(const std::vector<std::vector<std::int32_t>>& docs) {
  io::fingerprint h;
  for (auto& d : docs) {
    for (auto id : d) h.add(static_cast<std::uint32_t>(id));
    h.add(~std::uint64_t{0});
  }
  return h.value;
}

template <class Documents>
inline void check_not_empty(const Documents& docs, const std::vector<std::string>& files) {
  if (docs.empty())
    io::fail(files.empty() ? "the text" : files.front(), ": holds no text besides white space and ", separator,
             "; give a file with text");
}

}  // namespace supra::program
