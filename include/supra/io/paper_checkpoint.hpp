// Checkpoints of the SUPRA paper's code as safetensors, in one file or in shards. Prefixes: `param.` and `grad.` in golden
// files, `model.` in Hugging Face's copies.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "supra/io/model_files.hpp"
#include "supra/io/paper_config.hpp"
#include "supra/io/paper_names.hpp"

namespace supra::io {

// The prefix under which the files hold a model, or nothing that names one: then they are of another kind.
inline bool find_paper_prefix(const safetensors_folder& files, std::string& prefix) {
  for (auto p : {"param.", "model.", "module.", "module.model.", ""})
    if (prefix = p; files.has(prefix + "tok_embeddings.weight")) return true;
  return false;
}

namespace detail {

inline tensor_place paper_tensor(const model::config& c, const model::tensor_info& t, const std::string& prefix, bool paired) {
  const paper_place p = paper_place_of(c, t.name);
  tensor_place place{prefix + p.name, t.shape, p.first * (t.size / t.shape[0])};
  place.shape[0] = p.of;
  if (paired && (t.name.ends_with("q_proj.weight") || t.name.ends_with("k_proj.weight"))) place.paired = c.head_dim;
  return place;
}

}  // namespace detail

// All parameters, or with the prefix `grad.` all gradients, into `to`, laid out by parameter_layout.
template <class T>
void read_paper(const safetensors_folder& files, const std::string& prefix, const model::config& c,
                const model::parameter_layout& layout, std::span<T> to) {
  for (auto& t : layout.tensors()) {
    const auto p = detail::paper_tensor(c, t, prefix, false);
    files.read_part(p.name, p.first, part_of(to, t));
  }
}

inline model_files open_paper(safetensors_folder files, const json& configuration, const std::string& config_where) {
  std::string prefix;
  need(find_paper_prefix(files, prefix), files.where(), ": there is no tensor tok_embeddings.weight");
  const model::config c = config_from_paper(configuration, config_where);
  check_against_file(c, files.elements(), static_cast<std::int64_t>(files.count()), files.where());
  const bool paired = paper_rope_interleaved(configuration, config_where);
  std::vector<tensor_place> places;
  const model::parameter_layout layout(c);
  for (auto& t : layout.tensors()) places.push_back(detail::paper_tensor(c, t, prefix, paired));
  // Tables of angles; the output matrix of a tied model, if it is the embedding; what a golden file holds besides.
  const auto harmless = [&](const std::string& name) {
    if (name.ends_with("pos_embed.inv_freq")) return true;
    if (!c.tied || name != prefix + "output.weight") return prefix == "param." && !name.starts_with(prefix);
    check_tied(files, "weight_tying", name, prefix + "tok_embeddings.weight");
    return true;
  };
  return {c, "checkpoint of the paper's code", files, std::move(places), "the configuration", harmless};
}

// The configuration of a file's model comes from its metadata, from `config`, or from a .json of the same stem beside it.
inline model_files open_paper(const std::filesystem::path& path, std::filesystem::path config = {}) {
  const safetensors_file file(path);
  std::string prefix;
  need(find_paper_prefix(file, prefix), path.string(), ": there is no tensor tok_embeddings.weight, so this is not one of the ",
       "paper's checkpoints; a Hugging Face model is named by its folder");
  const auto inside = file.metadata().find("config");
  if (config.empty() && inside != file.metadata().end()) {
    const std::string where = path.string() + ", __metadata__.config";
    return open_paper(file, parse_json(inside->second, where), where);
  }
  if (config.empty()) config = std::filesystem::path(path).replace_extension(".json");
  need(std::filesystem::exists(config), path.string(),
       ": the file holds no configuration (__metadata__.config); put the paper's ", "configuration beside it as ",
       config.string());
  return open_paper(file, read_json(config), config.string());
}

// Hugging Face's copy: a folder whose config.json has the arguments of the paper's code as an object.
inline model_files open_paper_folder(const std::filesystem::path& folder, const json& config) {
  const std::string where = (folder / "config.json").string();
  const fields f(config, where);
  auto arguments = f.at("params_args_dict");
  need(arguments.is_object(), where, ": \"params_args_dict\" must be an object, the arguments of the paper's code");
  for (auto key : {"bos_token_id", "eos_token_id"})
    if (config.contains(key)) arguments[key] = config[key];
  return open_paper(safetensors_folder(folder), arguments, where + ", params_args_dict");
}

template <class T>
loaded<T> load_paper(const std::filesystem::path& path, std::filesystem::path config = {}) {
  return open_paper(path, std::move(config)).template load<T>();
}

}  // namespace supra::io
