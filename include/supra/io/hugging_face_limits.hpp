// What a Hugging Face config.json may say that changes a model's meaning in ways that are not supported: refused by name.
#pragma once

#include <string>

#include "supra/io/json.hpp"

namespace supra::io::detail {

// Keys of other models, or of rare variants, each with the values that change nothing.
inline void refuse_other_meanings(const fields& f) {
  const std::pair<const char*, json> neutral[] = {{"mlp_bias", false},
                                                  {"partial_rotary_factor", 1},
                                                  {"quantization_config", nullptr},
                                                  {"logit_scale", 1},
                                                  {"logits_scaling", 1},
                                                  {"final_logit_softcapping", nullptr},
                                                  {"embedding_multiplier", 1},
                                                  {"residual_multiplier", 1},
                                                  {"attn_logit_softcapping", nullptr},
                                                  {"attention_multiplier", 1},
                                                  {"query_pre_attn_scalar", nullptr},
                                                  {"clip_qkv", nullptr},
                                                  {"num_experts", 0},
                                                  {"num_local_experts", 0},
                                                  {"no_rope_layers", json::array()},
                                                  {"no_rope_layer_interval", 0},
                                                  {"use_qk_norm", false},
                                                  {"qk_layernorm", false},
                                                  {"is_encoder_decoder", false},
                                                  {"add_cross_attention", false},
                                                  {"attention_chunk_size", nullptr},
                                                  {"pruned_heads", json::object()}};
  for (auto& [key, nothing] : neutral)
    need(!f.has(key) || f.at(key) == nothing, f.where(), ": ", in_quotes(key), " is ",
         in_quotes(f.has(key) ? f.at(key).dump(-1, ' ', true, json::error_handler_t::replace) : ""),
         ", which is not supported; ", nothing.dump(), " or nothing is");
}

// The window of last tokens that attention sees, one for all layers; 0: all tokens.
inline std::int64_t uniform_window(const fields& f, std::int64_t layers, std::int64_t window) {
  if (!f.has("layer_types")) return window;
  const json& types = f.at("layer_types");
  need(types.is_array() && static_cast<std::int64_t>(types.size()) == layers, f.where(), ": \"layer_types\" must name the ",
       "attention of each of the ", layers, " layers");
  for (auto& t : types) {
    need(t == "full_attention" || t == "sliding_attention", f.where(), ": the layer type ",
         in_quotes(t.dump(-1, ' ', true, json::error_handler_t::replace)),
         " is not supported; full_attention and sliding_attention are");
    need(t == types[0], f.where(), ": layers of different kinds of attention (\"layer_types\") are not supported");
  }
  if (types.empty() || types[0] == "full_attention") return 0;
  need(window > 0, f.where(), ": \"layer_types\" says sliding_attention, but there is no \"sliding_window\"");
  return window;
}

// Qwen2's: only where use_sliding_window says so, and only in layers from max_window_layers on.
inline std::int64_t qwen2_window(const fields& f, std::int64_t layers) {
  if (!f.flag("use_sliding_window", false)) return 0;
  const std::int64_t window = f.mentions("sliding_window") ? f.integer("sliding_window", 0) : 4096;
  if (f.has("layer_types") || window == 0) return uniform_window(f, layers, window);
  const std::int64_t full = f.integer("max_window_layers", 28);
  need(full <= 0 || full >= layers, f.where(), ": a sliding window in some layers only (\"max_window_layers\" ", full, " of ",
       layers, ") is not supported");
  return full <= 0 ? window : 0;
}

}  // namespace supra::io::detail
