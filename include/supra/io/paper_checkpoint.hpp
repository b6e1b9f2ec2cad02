// Checkpoints of the SUPRA paper's code as safetensors: q, k, v packed in in_proj, gate and up in w12, the map and norms of
// the linear attention under _totrain_*. Prefixes: `param.` and `grad.` in golden files, `model.` in Hugging Face's copies.
#pragma once

#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "supra/io/llama2c.hpp"
#include "supra/io/paper_config.hpp"
#include "supra/io/safetensors.hpp"
#include "supra/io/weights.hpp"

namespace supra::io {

// Where one parameter lies: rows [first, first + rows) of the tensor `name` with `of` rows. A vector's elements are rows.
struct paper_place {
  std::string name;                                  // without prefix
  std::int64_t first = 0, rows = 0, of = 0;
};

inline paper_place paper_place_of(const model::config& c, const std::string& parameter) {
  const std::int64_t q = c.heads * c.head_dim, k = c.kv_heads * c.head_dim, h = c.hidden, f = q;    // relu keeps the width
  if (parameter == "model.embed_tokens.weight") return {"tok_embeddings.weight", 0, c.vocab, c.vocab};
  if (parameter == "lm_head.weight") return {"output.weight", 0, c.vocab, c.vocab};
  if (parameter == "model.norm.weight") return {"norm.weight", 0, c.dim, c.dim};
  struct row { const char* ours; const char* theirs; std::int64_t first, rows, of; };
  const row table[] = {
      {"input_layernorm.weight", "attention_norm.weight", 0, c.dim, c.dim},
      {"self_attn.q_proj.weight", "attention.in_proj.weight", 0, q, q + 2 * k},
      {"self_attn.k_proj.weight", "attention.in_proj.weight", q, k, q + 2 * k},
      {"self_attn.v_proj.weight", "attention.in_proj.weight", q + k, k, q + 2 * k},
      {"self_attn.o_proj.weight", "attention.out_proj.weight", 0, c.dim, c.dim},
      {"self_attn.map_q.weight", "attention._totrain_embed.weight", 0, q, q},
      {"self_attn.map_q.bias", "attention._totrain_embed.bias", 0, q, q},
      {"self_attn.map_k.weight", "attention._totrain_embed_kv.weight", 0, k, k},
      {"self_attn.map_k.bias", "attention._totrain_embed_kv.bias", 0, k, k},
      {"self_attn.q_norm.weight", "attention._totrain_q_norm.weight", 0, f, f},
      {"self_attn.k_norm.weight", "attention._totrain_k_norm.weight", 0, f, f},
      {"post_attention_layernorm.weight", "ffn_norm.weight", 0, c.dim, c.dim},
      {"mlp.gate_proj.weight", "feed_forward.w12.weight", 0, h, 2 * h},
      {"mlp.up_proj.weight", "feed_forward.w12.weight", h, h, 2 * h},
      {"mlp.down_proj.weight", "feed_forward.w3.weight", 0, c.dim, c.dim}};
  const std::string layers = "model.layers.";
  const auto dot = parameter.find('.', layers.size());
  if (parameter.starts_with(layers) && dot != parameter.npos)
    for (auto& r : table)
      if (parameter.compare(dot + 1, parameter.npos, r.ours) == 0)
        return {parameter.substr(6, dot - 5) + r.theirs, r.first, r.rows, r.of};
  fail("the paper's checkpoints have no tensor for the parameter ", in_quotes(parameter));
}

// The prefix under which the file holds a model, or nothing that names one: then the file is of another kind.
inline bool find_paper_prefix(const safetensors_file& file, std::string& prefix) {
  for (auto p : {"param.", "model.", "module.", "module.model.", ""})
    if (prefix = p; file.has(prefix + "tok_embeddings.weight")) return true;
  return false;
}

// All parameters, or with the prefix `grad.` all gradients, into `to`, laid out by parameter_layout.
template <class T>
void read_paper(const safetensors_file& file, const std::string& prefix, const model::config& c,
                const model::parameter_layout& layout, std::span<T> to) {
  for (auto& t : layout.tensors()) {
    const paper_place p = paper_place_of(c, t.name);
    auto shape = t.shape;
    shape[0] = p.of;
    need(file.shape(prefix + p.name) == shape, file.where(), ": tensor ", in_quotes(prefix + p.name), " has shape ",
         shape_text(file.shape(prefix + p.name)), ", by the configuration it must be ", shape_text(shape));
    file.read_part(prefix + p.name, p.first * (t.size / t.shape[0]), part_of(to, t));
  }
}

namespace detail {

inline void check_paper_names(const safetensors_file& file, const std::string& prefix, const model::config& c,
                              const model::parameter_layout& layout) {
  std::set<std::string> known;
  std::vector<std::string> missing, unknown;
  for (auto& t : layout.tensors()) known.insert(prefix + paper_place_of(c, t.name).name);
  if (c.tied) known.insert(prefix + "output.weight");   // the same matrix under its second name
  for (auto& name : known)
    if (!file.has(name) && !(c.tied && name == prefix + "output.weight")) missing.push_back(name);
  for (auto& [name, entry] : file.tensors()) {
    const bool table = name.ends_with("pos_embed.inv_freq");
    if (name.starts_with(prefix) && !known.count(name) && !table) unknown.push_back(name);
  }
  need(missing.empty(), file.where(), ": by the configuration these tensors must be there and are not: ", list_text(missing));
  need(unknown.empty(), file.where(), ": by the configuration these tensors have no place in the model: ", list_text(unknown));
}

// Rows of every q and k from neighbours to halves.
template <class T>
void halve_rows(const model::config& c, const model::parameter_layout& layout, std::span<T> values) {
  for (std::int64_t l = 0; l < c.layers; ++l)
    for (auto name : {"self_attn.q_proj.weight", "self_attn.k_proj.weight"}) {
      const auto rows = part_of(values, layout.at(model::layer_name(l, name)));
      const std::vector<T> old(rows.begin(), rows.end());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto d = static_cast<std::size_t>(c.head_dim), w = static_cast<std::size_t>(c.dim), row = i / w, r = row % d;
        rows[i] = old[(row - r + 2 * (r % (d / 2)) + r / (d / 2)) * w + i % w];
      }
    }
}

}  // namespace detail

template <class T>
loaded<T> parse_paper(const safetensors_file& file, const json& configuration, const std::string& config_where) {
  std::string prefix;
  need(find_paper_prefix(file, prefix), file.where(), ": there is no tensor tok_embeddings.weight");
  const model::config c = config_from_paper(configuration, config_where);
  std::int64_t elements = 0;
  for (auto& [name, entry] : file.tensors()) elements += entry.elements();
  check_against_file(c, elements, static_cast<std::int64_t>(file.tensors().size()), file.where());
  const model::parameter_layout layout(c);
  detail::check_paper_names(file, prefix, c, layout);
  loaded<T> m{c, {}, "checkpoint of the paper's code"};
  for (auto& t : layout.tensors()) {                 // before room is asked for
    const auto& shape = file.shape(prefix + paper_place_of(c, t.name).name);
    need(shape.size() == t.shape.size(), file.where(), ": tensor for ", in_quotes(t.name), " has shape ", shape_text(shape));
  }
  m.values = room_for<T>(layout);
  read_paper(file, prefix, c, layout, std::span<T>(m.values));
  for (auto& t : layout.tensors()) check_finite<T>(part_of(std::span<T>(m.values), t), file.where(), t.name);
  if (paper_rope_interleaved(configuration, config_where)) detail::halve_rows(c, layout, std::span<T>(m.values));
  return m;
}

// The configuration comes from the file's metadata, from `config`, or from a .json of the same stem beside the file.
template <class T>
loaded<T> load_paper(const std::filesystem::path& path, std::filesystem::path config = {}) {
  const safetensors_file file(path);
  std::string prefix;
  need(find_paper_prefix(file, prefix), path.string(), ": there is no tensor tok_embeddings.weight, so this is not one of the ",
       "paper's checkpoints; a Hugging Face model is named by its folder");
  const auto inside = file.metadata().find("config");
  if (config.empty() && inside != file.metadata().end()) {
    const std::string where = path.string() + ", __metadata__.config";
    return parse_paper<T>(file, parse_json(inside->second, where), where);
  }
  if (config.empty()) config = std::filesystem::path(path).replace_extension(".json");
  need(std::filesystem::exists(config), path.string(),
       ": the file holds no configuration (__metadata__.config); put the paper's ", "configuration beside it as ",
       config.string());
  return parse_paper<T>(file, read_json(config), config.string());
}

}  // namespace supra::io
