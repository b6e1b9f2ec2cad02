// A tokenizer from whatever the path names.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "supra/io/bytes_tokenizer.hpp"
#include "supra/io/json.hpp"
#include "supra/io/llama2c_tokenizer.hpp"
#include "supra/io/sentencepiece_tokenizer.hpp"

namespace supra::io {

// "bytes", a .model (sentencepiece), a .bin (llama2.c), a supra_tokenizer.json, or a folder that carries one of these.
inline std::unique_ptr<tokenizer> load_tokenizer(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  if (path == "bytes") return std::make_unique<bytes_tokenizer>();
  need(fs::exists(path), "there is no tokenizer ", path.string(),
       "; it is a .model, a .bin, a model's folder, or the word bytes");
  if (fs::is_directory(path)) {
    for (auto name : tokenizer_files)
      if (fs::exists(path / name)) return load_tokenizer(path / name);
    fail(path.string(), ": the folder carries no tokenizer (", tokenizer_files[0], ", ", tokenizer_files[1], " or ",
         tokenizer_files[2], fs::exists(path / "tokenizer.json") ? "; tokenizer.json is not readable yet)" : ")",
         "; name one with --tokenizer");
  }
  if (path.extension() == ".model") return std::make_unique<sentencepiece_tokenizer>(path);
  if (path.extension() == ".bin") return std::make_unique<llama2c_tokenizer>(path);
  need(path.filename() == tokenizer_files[0], path.string(),
       ": the kind of tokenizer is not known from its name; it is a .model ",
       "(sentencepiece), a .bin (llama2.c), a model's folder, or the word bytes");
  const json j = read_json(path);
  const std::string kind = fields(j, path.string()).text("tokenizer", "");
  need(kind == "bytes", path.string(), ": the tokenizer ", in_quotes(kind), " is not known, bytes is");
  return std::make_unique<bytes_tokenizer>();
}

}  // namespace supra::io
