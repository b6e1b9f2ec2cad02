// A layer's tensors, or their gradients, where they lie in flat arrays laid out by parameter_layout. M: what matrices are
// stored as, V: the rest. Null where the configuration has none.
#pragma once

#include <vector>

#include "supra/layer/linear_attention.hpp"
#include "supra/model/parameters.hpp"

namespace supra::model {

template <class M, class V>
struct layer_tensors {
  V* norm1;
  M *wq, *wk, *wv;
  V *bq, *bk, *bv;
  M* wo;
  V* norm2;
  M *w1, *w2, *w3, *gate;
  V* gate_bias;
  M* output_gate;
  V* branch_mix;
  layer::linear_attention_tensors<M, V> own;
};

// Of layer l, in two flat arrays or one.
template <class M, class V>
layer_tensors<M, V> tensors_of_layer(const parameter_layout& layout, std::int64_t l, M* matrices, V* vectors) {
  auto in = [&](auto* array, const std::string& rest) {
    const std::string name = layer_name(l, rest);
    return layout.has(name) ? array + layout.at(name).offset : nullptr;
  };
  auto m = [&](const std::string& rest) { return in(matrices, rest); };
  auto v = [&](const std::string& rest) { return in(vectors, rest); };
  auto maps = [&](char of) {
    layer::map_tensors<M, V> all;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::string map = map_name(of, static_cast<std::int64_t>(i));
      all[i] = {m(map + ".weight"), v(map + ".bias")};
    }
    return all;
  };
  return {v("input_layernorm.weight"),
          m("self_attn.q_proj.weight"),
          m("self_attn.k_proj.weight"),
          m("self_attn.v_proj.weight"),
          v("self_attn.q_proj.bias"),
          v("self_attn.k_proj.bias"),
          v("self_attn.v_proj.bias"),
          m("self_attn.o_proj.weight"),
          v("post_attention_layernorm.weight"),
          m("mlp.gate_proj.weight"),
          m("mlp.down_proj.weight"),
          m("mlp.up_proj.weight"),
          m("self_attn.decay_gate.weight"),
          v("self_attn.decay_gate.bias"),
          m("self_attn.output_gate.weight"),
          v("self_attn.branch_mix"),
          {maps('q'), maps('k'), v("self_attn.q_norm.weight"), v("self_attn.k_norm.weight"), v("self_attn.feature_q"),
           v("self_attn.feature_k"), v("self_attn.normalizer"), v("self_attn.decay")}};
}
template <class M, class V>
std::vector<layer_tensors<M, V>> tensors_of_layers(const parameter_layout& layout, std::int64_t layers, M* matrices,
                                                   V* vectors) {
  std::vector<layer_tensors<M, V>> all;
  for (std::int64_t l = 0; l < layers; ++l) all.push_back(tensors_of_layer(layout, l, matrices, vectors));
  return all;
}

}  // namespace supra::model
