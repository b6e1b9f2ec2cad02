// What every tokenizer can do. Ids are the model's; text is bytes, UTF-8 by custom.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "supra/io/error.hpp"
#include "supra/io/file_out.hpp"
#include "supra/io/mapped_file.hpp"
#include "supra/model/config.hpp"

namespace supra::io {

class tokenizer {
 public:
  virtual ~tokenizer() = default;

  // Without BOS. Special tokens that stand in the text, as <|endoftext|>, are tokens where the tokenizer looks for any; in
  // a plain text they are characters like others.
  virtual std::vector<std::int32_t> encode(std::string_view text) const = 0;
  virtual std::vector<std::int32_t> encode_plain(std::string_view text) const { return encode(text); }
  // Encodes many texts, each to the ids of encode(), and may keep what it learns of one for the next. It is for one thread;
  // several may each have their own of the same tokenizer, which must outlive them.
  virtual std::function<std::vector<std::int32_t>(std::string_view)> encoder() const {
    return [this](std::string_view text) { return encode(text); };
  }
  virtual std::string decode(std::span<const std::int32_t> ids) const = 0;         // special tokens give nothing
  virtual std::string decode_all(std::span<const std::int32_t> ids) const { return decode(ids); }  // or their names
  // The bytes that `id` adds after `previous` (-1: nothing before), for text that is printed as it comes; a character may
  // be spread over several pieces.
  virtual std::string piece(std::int32_t previous, std::int32_t id) const = 0;
  virtual std::int32_t vocab_size() const = 0;
  virtual std::int32_t bos() const = 0;                                            // -1: none
  virtual std::int32_t eos() const = 0;
  virtual bool begins_with_bos() const { return bos() >= 0; }                      // whether it puts BOS before a text
  virtual std::string name() const = 0;                                            // kind and source, for people

  // The file that a model's folder carries for this tokenizer: its name and its bytes; and the bytes of tokenizer_config.json
  // beside it, empty where there is none.
  virtual std::string file_name() const = 0;
  virtual std::string file_bytes() const = 0;
  virtual std::string config_bytes() const { return {}; }

 protected:
  void check_id(std::int32_t id) const {
    if (id < 0 || id >= vocab_size()) fail(name(), ": the token ", id, " is not in the vocabulary of ", vocab_size());
  }
};

// Kinds of tokenizer files in a model's folder, in the order in which they are looked for.
inline constexpr const char* tokenizer_files[] = {"supra_tokenizer.json", "tokenizer.json", "tokenizer.model", "tokenizer.bin"};
inline constexpr const char* tokenizer_config = "tokenizer_config.json";         // names BOS and EOS beside tokenizer.json

// The bytes of the tokenizer_config.json beside a tokenizer's file, empty where there is none.
inline std::string config_beside(const std::filesystem::path& file) {
  const auto config = file.parent_path() / tokenizer_config;
  return std::filesystem::exists(config) ? std::string(mapped_file(config).text()) : std::string();
}

// Throws unless the model's ids are the tokenizer's. A model's vocabulary may be padded to a multiple of 8, as it often is
// for speed, by less than an eighth.
inline void check_fits(const tokenizer& t, const model::config& c) {
  const std::int64_t n = t.vocab_size();
  const bool fits = c.vocab == n || (c.vocab > n && c.vocab % 8 == 0 && (c.vocab - n) * 8 < n);
  need(fits, "the tokenizer (", t.name(), ") has ", n, " tokens, the model's vocabulary ", c.vocab,
       "; give the tokenizer that the model was trained with");
}

// Puts the tokenizer's file into a model's folder; with `overwrite`, files of other kinds there are removed.
inline void save_tokenizer(const tokenizer& t, const std::filesystem::path& folder, existing mode = existing::refuse) {
  for (auto other : tokenizer_files) {
    if (t.file_name() == other || !std::filesystem::exists(folder / other)) continue;
    need(mode == existing::overwrite, folder.string(), ": another tokenizer is there already, ", other);
  }
  write_file(folder / t.file_name(), t.file_bytes(), mode);
  for (auto other : tokenizer_files)
    if (t.file_name() != other) std::filesystem::remove(folder / other);
  if (const std::string config = t.config_bytes(); !config.empty()) write_file(folder / tokenizer_config, config, mode);
  else std::filesystem::remove(folder / tokenizer_config);
}

}  // namespace supra::io
