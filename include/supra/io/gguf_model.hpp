// A GGUF file as a model. Its rows of queries and keys are in the order of interleaved rotary positions, and change places
// here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supra/io/gguf_config.hpp"
#include "supra/io/weights.hpp"

namespace supra::io {

namespace detail {

// Our name of a tensor as GGUF's: "model.layers.3.mlp.up_proj.weight" is "blk.3.ffn_up.weight".
inline std::string gguf_name(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {{"model.embed_tokens", "token_embd"},
                                                                            {"model.norm", "output_norm"},
                                                                            {"lm_head", "output"},
                                                                            {"input_layernorm", "attn_norm"},
                                                                            {"post_attention_layernorm", "ffn_norm"},
                                                                            {"self_attn.q_proj", "attn_q"},
                                                                            {"self_attn.k_proj", "attn_k"},
                                                                            {"self_attn.v_proj", "attn_v"},
                                                                            {"self_attn.o_proj", "attn_output"},
                                                                            {"mlp.gate_proj", "ffn_gate"},
                                                                            {"mlp.up_proj", "ffn_up"},
                                                                            {"mlp.down_proj", "ffn_down"}};
  static constexpr std::string_view layers = "model.layers.";
  std::string out;
  if (name.starts_with(layers)) {
    name.remove_prefix(layers.size());
    const std::size_t dot = name.find('.');
    out = "blk." + std::string(name.substr(0, dot)) + ".";
    name.remove_prefix(dot + 1);
  }
  const std::size_t dot = name.rfind('.');  // before "weight" or "bias"
  for (auto& [ours, theirs] : names)
    if (name.substr(0, dot) == ours) out += theirs;
  return out.append(name.substr(dot));
}

// Every tensor of the model is there in its shape, and no other is, but what config_from_gguf has used and output biases of
// zero.
inline void check_gguf_tensors(const gguf_file& file, const model::parameter_layout& layout) {
  std::vector<std::string> missing, unknown;
  std::set<std::string, std::less<>> expected = {"rope_freqs.weight"};
  for (auto& t : layout.tensors()) {
    const std::string name = gguf_name(t.name);
    if (!file.has(name)) missing.push_back(name);
    expected.insert(name);
  }
  need(missing.empty(), file.where(), ": by its keys these tensors must be there and are not: ", list_text(missing));
  for (auto& [name, t] : file.tensors()) {
    if (expected.count(name)) continue;
    if (name.starts_with("blk.") && name.ends_with(".attn_output.bias")) {
      std::vector<float> bias(static_cast<std::size_t>(t.columns));
      for (std::int64_t r = 0; r < t.rows; ++r) {
        dequantise(t.type, file.row(t, r), t.columns, bias.data());
        for (float x : bias)
          need(x == 0, file.where(), ": tensor ", in_quotes(name), " is not zero, and an output bias is not supported");
      }
    } else
      unknown.emplace_back(name);
  }
  need(unknown.empty(), file.where(), ": by its keys these tensors have no place in the model: ", list_text(unknown));
  for (auto& t : layout.tensors()) {
    const auto& found = file.at(gguf_name(t.name)).shape;
    need(found == t.shape, file.where(), ": tensor ", in_quotes(gguf_name(t.name)), " has shape ", shape_text(found),
         ", by the keys it must be ", shape_text(t.shape));
  }
}

}  // namespace detail

template <class T>
loaded<T> model_from_gguf(const gguf_file& file) {
  const model::config c = config_from_gguf(file);
  std::int64_t elements = 0;
  for (auto& [name, t] : file.tensors()) elements += t.elements();
  check_against_file(c, elements, static_cast<std::int64_t>(file.tensors().size()), file.where());
  const model::parameter_layout layout(c);
  detail::check_gguf_tensors(file, layout);
  loaded<T> m{c, {}, "GGUF file"};
  m.values.reserve(static_cast<std::size_t>(layout.size()));  // and appended to: every page is written once
  std::vector<float> row, moved;
  for (auto& info : layout.tensors()) {
    const std::string name = detail::gguf_name(info.name);
    const gguf_tensor& t = file.at(name);
    const bool turned = name.find(".attn_q.") != name.npos || name.find(".attn_k.") != name.npos;
    m.values.resize(static_cast<std::size_t>(info.offset));
    row.resize(static_cast<std::size_t>(t.columns));
    for (std::int64_t r = 0; r < t.rows; ++r) {
      dequantise(t.type, file.row(t, turned && t.rows > 1 ? neighbours_row(r, c.head_dim) : r), t.columns, row.data());
      if (turned && t.rows == 1) {  // a bias: its elements are the rows
        moved = row;
        for (std::int64_t i = 0; i < t.columns; ++i)
          row[static_cast<std::size_t>(i)] = moved[static_cast<std::size_t>(neighbours_row(i, c.head_dim))];
      }
      check_finite(std::span<const float>(row), file.where(), name);
      m.values.insert(m.values.end(), row.begin(), row.end());
    }
  }
  m.values.resize(static_cast<std::size_t>(layout.size()));
  return m;
}

template <class T>
loaded<T> load_gguf(const std::filesystem::path& path) {
  return model_from_gguf<T>(gguf_file(path));
}

}  // namespace supra::io
