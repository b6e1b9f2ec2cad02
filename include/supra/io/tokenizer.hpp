// What every tokenizer can do. Ids are the model's; text is bytes, UTF-8 by custom.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "supra/io/error.hpp"
#include "supra/io/file_out.hpp"
#include "supra/model/config.hpp"

namespace supra::io {

class tokenizer {
 public:
  virtual ~tokenizer() = default;

  virtual std::vector<std::int32_t> encode(std::string_view text) const = 0;       // without BOS
  virtual std::string decode(std::span<const std::int32_t> ids) const = 0;         // special tokens give nothing
  // The bytes that `id` adds after `previous` (-1: nothing before), for text that is printed as it comes; a character may
  // be spread over several pieces.
  virtual std::string piece(std::int32_t previous, std::int32_t id) const = 0;
  virtual std::int32_t vocab_size() const = 0;
  virtual std::int32_t bos() const = 0;                                            // -1: none
  virtual std::int32_t eos() const = 0;
  virtual std::string name() const = 0;                                            // kind and source, for people

  // The file that a model's folder carries for this tokenizer: its name and its bytes.
  virtual std::string file_name() const = 0;
  virtual std::string file_bytes() const = 0;

 protected:
  void check_id(std::int32_t id) const {
    if (id < 0 || id >= vocab_size()) fail(name(), ": the token ", id, " is not in the vocabulary of ", vocab_size());
  }
};

// Kinds of tokenizer files in a model's folder, in the order in which they are looked for.
inline constexpr const char* tokenizer_files[] = {"supra_tokenizer.json", "tokenizer.model", "tokenizer.bin"};

// Throws unless the model's ids are the tokenizer's. A model's vocabulary may be padded up to the next multiple of a power
// of two, as it often is for speed, by less than an eighth.
inline void check_fits(const tokenizer& t, const model::config& c) {
  const std::int64_t n = t.vocab_size();
  bool fits = c.vocab == n;
  for (std::int64_t m = 8; m <= 1024 && m * 8 <= n; m *= 2) fits |= c.vocab == (n + m - 1) / m * m;
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
}

}  // namespace supra::io
