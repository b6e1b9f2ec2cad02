// A model from whatever the path names.
#pragma once

#include <filesystem>
#include <string>

#include "supra/io/gguf_model.hpp"
#include "supra/io/hugging_face.hpp"
#include "supra/io/llama2c.hpp"
#include "supra/io/model_out.hpp"
#include "supra/io/paper_checkpoint.hpp"

namespace supra::io {

namespace detail {

inline model_files open_folder(const std::filesystem::path& folder) {
  const auto path = folder / "config.json";
  need(std::filesystem::exists(path), folder.string(), ": there is no config.json, so this is not a model's folder");
  const json config = read_json(path);
  if (!architecture_of(fields(config, path.string())).starts_with("OpenLM")) return open_hugging_face(folder);
  return open_paper_folder(folder, config);
}

inline model_files open_safetensors(const std::filesystem::path& path) {
  std::string prefix;
  const bool paper = find_paper_prefix(safetensors_file(path), prefix);
  const auto folder = std::filesystem::absolute(path).parent_path();
  if (path.filename() == "model.safetensors" && std::filesystem::exists(folder / "config.json") && !paper)
    return open_folder(folder);
  return open_paper(path);
}

inline bool is_safetensors(const std::filesystem::path& path) {
  return std::filesystem::is_directory(path) || path.extension() == ".safetensors";
}
inline model_files open_files(const std::filesystem::path& path) {
  return std::filesystem::is_directory(path) ? open_folder(path) : open_safetensors(path);
}

}  // namespace detail

// Float or double values of: a folder (Hugging Face, or what save_model wrote), a GGUF file, a llama2.c .bin, a
// .safetensors in the paper's layout.
template <class T>
loaded<T> load_model(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  need(fs::exists(path), "there is no file or folder ", path.string(), "; a model is a folder, a .gguf, a .bin or a .safetensors");
  if (detail::is_safetensors(path)) return detail::open_files(path).template load<T>();
  const std::string kind = path.extension().string();
  if (kind == ".bin") return load_llama2c<T>(path);
  if (kind == ".gguf") return load_gguf<T>(path);
  fail(path.string(), ": the kind of model is not known from its name; a model is a folder with config.json and ",
       "model.safetensors, a .gguf, a llama2.c .bin, or a .safetensors in the paper's layout");
}

// The same, its values left in the files where they can be read a piece at a time.
inline model_source open_model(const std::filesystem::path& path) {
  if (std::filesystem::exists(path) && detail::is_safetensors(path)) return source_of(detail::open_files(path));
  return source_of(load_model<float>(path), path.string());
}

}  // namespace supra::io
