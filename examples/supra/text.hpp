// Text files as documents, and documents as tokens.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "supra/io/fingerprint.hpp"
#include "supra/io/mapped_file.hpp"
#include "supra/io/tokenizer.hpp"

namespace supra::program {

inline constexpr std::string_view separator = "<|endoftext|>";

inline std::string read_text(const std::vector<std::string>& files) {
  std::string all;
  for (auto& f : files) {
    std::error_code failed;
    io::need(std::filesystem::exists(f, failed), "--text ", f, ": there is no such file; give text files");
    io::need(std::filesystem::is_regular_file(f, failed), "--text ", f, ": is no regular file; give text files");
    const io::mapped_file file(f);
    const auto bytes = file.bytes();
    if (!all.empty()) all += separator;
    all.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return all;
}

// Pieces between separators without white space at their ends; empty ones are dropped.
inline std::vector<std::string> documents(std::string_view text) {
  std::vector<std::string> r;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    std::string_view piece = text.substr(at, end - at);
    constexpr std::string_view white = " \t\r\n\v\f";
    const auto first = piece.find_first_not_of(white);
    if (first != piece.npos) r.emplace_back(piece.substr(first, piece.find_last_not_of(white) - first + 1));
    at = end + separator.size();
  }
  return r;
}

// How many documents, the last ones, are never trained on.
inline std::size_t held_out_of(std::size_t documents, double share) {
  return std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(documents) * share));
}

// Documents one after another, each with the model's BOS before it where the tokenizer begins texts so; else with its token
// <|endoftext|> between them, or EOS.
inline std::vector<std::int32_t> stream(const io::tokenizer& t, const std::vector<std::string>& docs, std::int64_t bos) {
  std::vector<std::int32_t> ids, between = t.encode(separator);
  if (between.size() != 1) between.assign(t.eos() >= 0 ? 1 : 0, t.eos());
  const bool begins = bos >= 0 && t.begins_with_bos();
  for (auto& d : docs) {
    const auto part = t.encode(d);
    if (begins) ids.push_back(static_cast<std::int32_t>(bos));
    else if (&d != &docs.front()) ids.insert(ids.end(), between.begin(), between.end());
    ids.insert(ids.end(), part.begin(), part.end());
  }
  return ids;
}

// Tells one text, or one model's numbers, from another.
inline std::uint64_t fingerprint_of(const std::vector<float>& values) {
  io::fingerprint h;
  for (float x : values) h.add(std::bit_cast<std::uint32_t>(x));
  return h.value;
}
inline std::uint64_t fingerprint_of(const std::vector<std::string>& docs) {
  io::fingerprint h;
  for (auto& d : docs) {
    for (unsigned char byte : d) h.add(byte);
    h.add(0);
  }
  return h.value;
}

inline void check_not_empty(const std::vector<std::string>& docs, const std::vector<std::string>& files) {
  if (docs.empty())
    io::fail(files.empty() ? "the text" : files.front(), ": holds no text besides white space and ", separator,
             "; give a file with text");
}

}  // namespace supra::program
