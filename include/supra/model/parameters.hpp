// The model's parameters: names (Hugging Face's where it has one), shapes and places in one flat array, which gradients and
// optimizer moments share. Matrices are (out, in), row major: y = x W^T.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "supra/model/config.hpp"

namespace supra::model {

struct tensor_info {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0, size = 0;                 // elements, into the flat array
  bool added = false;                                // not in the teacher: part of the linear attention
};

// Where each tensor lies; offsets are multiples of 16 elements so that every tensor is aligned.
class parameter_layout {
 public:
  parameter_layout() = default;
  explicit parameter_layout(const config& c);

  const std::vector<tensor_info>& tensors() const { return tensors_; }
  std::int64_t size() const { return size_; }        // elements of the flat array, padding included
  std::int64_t count() const {                       // parameters
    std::int64_t n = 0;
    for (auto& t : tensors_) n += t.size;
    return n;
  }
  bool has(const std::string& name) const { return index_.count(name) != 0; }
  const tensor_info& at(const std::string& name) const {
    auto i = index_.find(name);
    if (i == index_.end()) throw std::out_of_range("the model has no tensor named " + name);
    return tensors_[i->second];
  }

 private:
  void add(std::string name, std::vector<std::int64_t> shape, bool added = false) {
    std::int64_t n = 1;
    for (auto s : shape) n *= s;
    index_[name] = tensors_.size();
    tensors_.push_back({std::move(name), std::move(shape), size_, n, added});
    size_ += (n + 15) / 16 * 16;
  }
  std::vector<tensor_info> tensors_;
  std::map<std::string, std::size_t> index_;
  std::int64_t size_ = 0;
};

// Width of a mapped row of the feature map's name: F for a head of width d.
inline std::int64_t feature_width(const std::string& feature, std::int64_t d) {
  return feature == "hedgehog" ? 2 * d : feature == "taylor2" ? 1 + d + d * d : d;
}

// Learned numbers per head that the named stages own.
inline std::int64_t feature_parameters(const std::string& feature) { return feature == "softmax_temperature" ? 1 : 0; }
inline std::int64_t normalizer_parameters(const std::string& normalizer, std::int64_t e) {
  return normalizer == "rms_norm_gain" ? e : 0;
}

inline std::string layer_name(std::int64_t l, const std::string& rest) {
  return "model.layers." + std::to_string(l) + "." + rest;
}

// The maps of queries (`of` 'q') or of keys ('k'), one after another: map_q, map_q.1, map_q.2.
inline std::string map_name(char of, std::int64_t i) {
  return std::string("self_attn.map_") + of + (i == 0 ? "" : "." + std::to_string(i));
}

inline parameter_layout::parameter_layout(const config& c) {
  const std::int64_t q = c.heads * c.head_dim, k = c.kv_heads * c.head_dim;
  add("model.embed_tokens.weight", {c.vocab, c.dim});
  for (std::int64_t l = 0; l < c.layers; ++l) {
    auto name = [&](const char* rest) { return layer_name(l, rest); };
    add(name("input_layernorm.weight"), {c.dim});
    add(name("self_attn.q_proj.weight"), {q, c.dim});
    add(name("self_attn.k_proj.weight"), {k, c.dim});
    add(name("self_attn.v_proj.weight"), {k, c.dim});
    if (c.attention_bias) {
      add(name("self_attn.q_proj.bias"), {q});
      add(name("self_attn.k_proj.bias"), {k});
      add(name("self_attn.v_proj.bias"), {k});
    }
    add(name("self_attn.o_proj.weight"), {c.dim, q});
    if (c.linear) {
      const auto& a = c.attention;
      const std::int64_t d = c.head_dim, r = mapped_width(c), f = feature_width(a.feature, r);
      auto maps = [&](char of, std::int64_t heads) {
        for (std::int64_t i = 0; i < a.map_depth; ++i) {
          const bool dense = a.map == map_kind::dense;
          const std::int64_t in = i == 0 ? d : r;
          using shape = std::vector<std::int64_t>;
          add(layer_name(l, map_name(of, i) + ".weight"), dense ? shape{heads * r, heads * in} : shape{heads, r, in}, true);
          add(layer_name(l, map_name(of, i) + ".bias"), dense ? shape{heads * r} : shape{heads, r}, true);
        }
      };
      if (a.map != map_kind::none) maps('q', c.heads);
      if (a.map == map_kind::per_head || (a.map == map_kind::dense && !a.shared_map)) maps('k', c.kv_heads);
      if (a.qk_norm) {
        add(name("self_attn.q_norm.weight"), {c.heads * f}, true);
        add(name("self_attn.k_norm.weight"), {c.heads * f}, true);
      }
      if (auto n = feature_parameters(a.feature)) {
        add(name("self_attn.feature_q"), {c.heads, n}, true);
        add(name("self_attn.feature_k"), {c.kv_heads, n}, true);
      }
      if (auto n = normalizer_parameters(a.normalizer, d)) add(name("self_attn.normalizer"), {c.heads, n}, true);
      if (a.decay == "learned") add(name("self_attn.decay"), {c.heads}, true);
      if (a.decay == "per_token") {
        add(name("self_attn.decay_gate.weight"), {c.heads, c.dim}, true);
        add(name("self_attn.decay_gate.bias"), {c.heads}, true);
      }
      if (a.output_gate) add(name("self_attn.output_gate.weight"), {q, c.dim}, true);
      if (a.window > 0) add(name("self_attn.branch_mix"), {c.heads}, true);
    }
    add(name("post_attention_layernorm.weight"), {c.dim});
    add(name("mlp.gate_proj.weight"), {c.hidden, c.dim});
    add(name("mlp.up_proj.weight"), {c.hidden, c.dim});
    add(name("mlp.down_proj.weight"), {c.dim, c.hidden});
  }
  add("model.norm.weight", {c.dim});
  if (!c.tied) add("lm_head.weight", {c.vocab, c.dim});
}

}  // namespace supra::model
