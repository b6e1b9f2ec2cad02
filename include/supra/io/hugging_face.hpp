// A Hugging Face folder: config.json and model.safetensors (or shards), in and out. Trained students are such folders too.
#pragma once

#include <cstring>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "supra/io/hugging_face_config.hpp"
#include "supra/io/safetensors_folder.hpp"
#include "supra/io/safetensors_out.hpp"
#include "supra/io/weights.hpp"

namespace supra::io {

namespace detail {

// Tensors beyond the model's own that change nothing: rotary tables of old files, and the output matrix of a tied model,
// if it is the embedding. A bias of o_proj, which Llama's attention_bias means too, must be zero.
inline bool harmless(const safetensors_folder& weights, const model::config& c, const std::string& name) {
  if (name.ends_with("rotary_emb.inv_freq")) return true;
  if (name == "lm_head.weight" && c.tied) {
    const auto a = weights.bytes(name), b = weights.bytes("model.embed_tokens.weight");
    need(a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0, weights.where(),
         ": tie_word_embeddings is true, ",
         "but lm_head.weight is not model.embed_tokens.weight; set it to false in config.json to use both");
    return true;
  }
  if (!c.attention_bias || !name.ends_with("self_attn.o_proj.bias")) return false;
  std::vector<double> bias(static_cast<std::size_t>(weights.file_of(name).at(name).elements()));
  weights.read(name, std::span<double>(bias));
  for (double x : bias)
    need(x == 0, weights.where(), ": tensor ", in_quotes(name), " is not zero, and an output bias is not supported");
  return true;
}

inline void check_tensors(const safetensors_folder& weights, const model::config& c, const model::parameter_layout& layout) {
  std::vector<std::string> missing, unknown;
  for (auto& t : layout.tensors())
    if (!weights.has(t.name)) missing.push_back(t.name);
  need(missing.empty(), weights.where(), ": by config.json these tensors must be there and are not: ", list_text(missing));
  for (auto& name : weights.names())
    if (!layout.has(name) && !harmless(weights, c, name)) unknown.push_back(name);
  need(unknown.empty(), weights.where(), ": by config.json these tensors have no place in the model: ", list_text(unknown));
  for (auto& t : layout.tensors())
    need(weights.shape(t.name) == t.shape, weights.where(), ": tensor ", in_quotes(t.name), " has shape ",
         shape_text(weights.shape(t.name)), ", by config.json it must be ", shape_text(t.shape));
}

}  // namespace detail

inline model::config read_hugging_face_config(const std::filesystem::path& folder) {
  const auto path = folder / "config.json";
  need(std::filesystem::exists(path), folder.string(), ": there is no config.json, so this is not a model's folder");
  return config_from_hugging_face(read_json(path), path.string());
}

template <class T>
loaded<T> load_hugging_face(const std::filesystem::path& folder) {
  const model::config c = read_hugging_face_config(folder);
  const safetensors_folder weights(folder);
  check_against_file(c, weights.elements(), static_cast<std::int64_t>(weights.count()), folder.string());
  const model::parameter_layout layout(c);
  detail::check_tensors(weights, c, layout);
  loaded<T> m{c, room_for<T>(layout), c.linear ? "supra folder" : "Hugging Face folder"};
  for (auto& t : layout.tensors()) {
    const auto values = part_of(std::span<T>(m.values), t);
    weights.read(t.name, values);
    check_finite<T>(values, weights.file_of(t.name).where(), t.name);
  }
  return m;
}

// Writes config.json and model.safetensors (F32, F64 or BF16) into `folder`, which is made where it is not there.
template <class T>
void save_hugging_face(const std::filesystem::path& folder, const model::config& c, std::span<const T> values,
                       dtype type = dtype::f32, existing mode = existing::refuse) {
  model::check(c);
  const model::parameter_layout layout(c);
  need(static_cast<std::int64_t>(values.size()) == layout.size(), folder.string(), ": the model has ", layout.size(),
       " values (with padding), ", values.size(), " were given");
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  need(!failed && std::filesystem::is_directory(folder), "cannot make the folder ", folder.string(), ": ", failed.message());
  for (auto name : {"config.json", "model.safetensors"})
    need(mode == existing::overwrite || !std::filesystem::exists(folder / name), (folder / name).string(),
         " exists already; name another output, remove it, or ask to overwrite it");
  for (auto& t : layout.tensors()) check_finite(part_of(values, t), folder.string() + " (not written)", t.name);
  std::vector<tensor_announcement> announced;
  for (auto& t : layout.tensors()) announced.push_back({t.name, type, t.shape});
  safetensors_writer out(folder / "model.safetensors", announced, {{"format", "pt"}}, mode);
  for (auto& t : layout.tensors()) out.write(part_of(values, t));
  out.commit();
  write_file(folder / "config.json", config_to_hugging_face(c, type).dump(2) + "\n", mode);
}

}  // namespace supra::io
