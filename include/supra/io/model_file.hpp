// A model from whatever the path names, and back into a folder.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "supra/io/gguf_model.hpp"
#include "supra/io/hugging_face.hpp"
#include "supra/io/llama2c.hpp"
#include "supra/io/paper_checkpoint.hpp"

namespace supra::io {

namespace detail {

// The paper's model in a Hugging Face folder: architectures names OpenLM, the arguments are an object of config.json.
template <class T>
loaded<T> load_folder(const std::filesystem::path& folder) {
  const auto path = folder / "config.json";
  need(std::filesystem::exists(path), folder.string(), ": there is no config.json, so this is not a model's folder");
  const json config = read_json(path);
  const fields f(config, path.string());
  if (!architecture_of(f).starts_with("OpenLM")) return load_hugging_face<T>(folder);
  return parse_paper<T>(safetensors_file(folder / "model.safetensors"), f.at("params_args_dict"),
                        path.string() + ", params_args_dict");
}

template <class T>
loaded<T> load_safetensors(const std::filesystem::path& path) {
  std::string prefix;
  const bool paper = find_paper_prefix(safetensors_file(path), prefix);
  const auto folder = std::filesystem::absolute(path).parent_path();
  if (!paper && path.filename() == "model.safetensors" && std::filesystem::exists(folder / "config.json"))
    return load_folder<T>(folder);
  return load_paper<T>(path);
}

}  // namespace detail

// Float or double values of: a folder (Hugging Face, or what save_model wrote), a GGUF file, a llama2.c .bin, a
// .safetensors in the paper's layout.
template <class T>
loaded<T> load_model(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  need(fs::exists(path), "there is no file or folder ", path.string(), "; a model is a folder, a .gguf, a .bin or a .safetensors");
  if (fs::is_directory(path)) return detail::load_folder<T>(path);
  const std::string kind = path.extension().string();
  if (kind == ".bin") return load_llama2c<T>(path);
  if (kind == ".safetensors") return detail::load_safetensors<T>(path);
  if (kind == ".gguf") return load_gguf<T>(path);
  fail(path.string(), ": the kind of model is not known from its name; a model is a folder with config.json and ",
       "model.safetensors, a .gguf, a llama2.c .bin, or a .safetensors in the paper's layout");
}

// A Hugging Face folder: config.json, model.safetensors. Loading it gives the same configuration and values back.
template <class T>
void save_model(const std::filesystem::path& folder, const model::config& c, std::span<const T> values, dtype type = dtype::f32,
                existing mode = existing::refuse) {
  save_hugging_face(folder, c, values, type, mode);
}
template <class T>
void save_model(const std::filesystem::path& folder, const model::config& c, const std::vector<T>& values,
                dtype type = dtype::f32, existing mode = existing::refuse) {
  save_hugging_face(folder, c, std::span<const T>(values), type, mode);
}

}  // namespace supra::io
