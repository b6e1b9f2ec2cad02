// A tokenizer from whatever the path names.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "supra/io/byte_pair_tokenizer.hpp"
#include "supra/io/bytes_tokenizer.hpp"
#include "supra/io/gguf_tokenizer.hpp"
#include "supra/io/json.hpp"
#include "supra/io/llama2c_tokenizer.hpp"
#include "supra/io/sentencepiece_tokenizer.hpp"

namespace supra::io {

// "bytes", a tokenizer.json (Hugging Face), a .model (sentencepiece), a .bin (llama2.c), a .gguf with its keys, a
// supra_tokenizer.json, or a folder that carries one of these.
inline std::unique_ptr<tokenizer> load_tokenizer(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  constexpr const char* kinds = "a tokenizer.json, a .model, a .bin, a .gguf, a model's folder, or the word bytes";
  if (path == "bytes") return std::make_unique<bytes_tokenizer>();
  need(fs::exists(path), "there is no tokenizer ", path.string(), "; it is ", kinds);
  if (fs::is_directory(path)) {
    std::string names;
    for (auto name : tokenizer_files) {
      if (fs::exists(path / name)) return load_tokenizer(path / name);
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
    fail(path.string(), ": the folder carries no tokenizer (", names, "); name one with --tokenizer");
  }
  if (path.extension() == ".model") return std::make_unique<sentencepiece_tokenizer>(path);
  if (path.extension() == ".bin") return std::make_unique<llama2c_tokenizer>(path);
  if (path.extension() == ".gguf") return tokenizer_of(gguf_file(path).metadata());
  need(path.extension() == ".json", path.string(), ": the kind of tokenizer is not known from its name; it is ", kinds);
  if (path.filename() != tokenizer_files[0]) return std::make_unique<byte_pair_tokenizer>(path);
  const json j = read_json(path);
  const std::string kind = fields(j, path.string()).text("tokenizer", "");
  need(kind == "bytes", path.string(), ": the tokenizer ", in_quotes(kind), " is not known, bytes is");
  return std::make_unique<bytes_tokenizer>();
}

}  // namespace supra::io
