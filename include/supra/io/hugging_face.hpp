// A Hugging Face folder: config.json and model.safetensors (or shards). Trained students are such folders too.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "supra/io/hugging_face_config.hpp"
#include "supra/io/model_files.hpp"

namespace supra::io {

namespace detail {

// Tensors beyond the model's own that change nothing: rotary tables of old files, and the output matrix of a tied model,
// if it is the embedding. A bias of o_proj, which Llama's attention_bias means too, must be zero.
inline bool harmless(const safetensors_folder& weights, const model::config& c, const std::string& name) {
  if (name.ends_with("rotary_emb.inv_freq")) return true;
  if (name == "lm_head.weight" && c.tied) {
    check_tied(weights, "tie_word_embeddings", name, "model.embed_tokens.weight");
    return true;
  }
  if (!c.attention_bias || !name.ends_with("self_attn.o_proj.bias")) return false;
  std::vector<double> bias(static_cast<std::size_t>(weights.file_of(name).at(name).elements()));
  weights.read(name, std::span<double>(bias));
  for (double x : bias)
    need(x == 0, weights.where(), ": tensor ", in_quotes(name), " is not zero, and an output bias is not supported");
  return true;
}

}  // namespace detail

inline model::config read_hugging_face_config(const std::filesystem::path& folder) {
  const auto path = folder / "config.json";
  need(std::filesystem::exists(path), folder.string(), ": there is no config.json, so this is not a model's folder");
  return config_from_hugging_face(read_json(path), path.string());
}

inline model_files open_hugging_face(const model::config& c, const safetensors_folder& weights) {
  check_against_file(c, weights.elements(), static_cast<std::int64_t>(weights.count()), weights.where());
  const model::parameter_layout layout(c);
  std::vector<tensor_place> places;
  for (auto& t : layout.tensors()) places.push_back({t.name, t.shape});
  return {c, c.linear ? "supra folder" : "Hugging Face folder", weights, std::move(places), "config.json",
          [&](const std::string& name) { return detail::harmless(weights, c, name); }};
}
inline model_files open_hugging_face(const std::filesystem::path& folder) {
  const model::config c = read_hugging_face_config(folder);
  return open_hugging_face(c, safetensors_folder(folder));
}

template <class T>
loaded<T> load_hugging_face(const std::filesystem::path& folder) {
  return open_hugging_face(folder).template load<T>();
}

}  // namespace supra::io
