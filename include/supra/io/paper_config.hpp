// Configurations of the SUPRA paper's code (arXiv 2405.06640): its model_configs/*.json, the arguments in its Hugging Face
// copies, and the one in the golden files' metadata.
#pragma once

#include <cmath>
#include <string>

#include "supra/io/json.hpp"
#include "supra/io/special_tokens.hpp"
#include "supra/model/config.hpp"

namespace supra::io {

namespace detail {

inline model::norm_kind paper_norm(const fields& f) {
  const std::string name = f.text(f.either({"model_norm", "norm_type", "norm"}), "gain_only_layer_norm");
  if (name == "rms_norm") return model::norm_kind::rms;
  need(name == "gain_only_layer_norm" || name == "gain_only_lp_layer_norm", f.where(), ": the norm ", in_quotes(name),
       " is not supported; rms_norm, gain_only_layer_norm and gain_only_lp_layer_norm are");
  return model::norm_kind::layer_gain;
}

inline void paper_attention(const fields& f, model::config& c) {
  const std::string norm_key = f.either({"qk_norm", "apply_qk_norm"});
  const bool linear_names = f.text("attn_name", f.has("use_decay") ? "linear_attn" : "auto") == "linear_attn";
  c.linear = linear_names;
  need(c.linear || !f.flag(norm_key, false), f.where(), ": qk_norm in softmax attention is not supported");
  if (!c.linear) return;
  auto& a = c.attention;
  a.feature = "relu", a.normalizer = "group_norm", a.map = model::map_kind::dense;
  a.shared_map = c.heads == c.kv_heads;
  a.qk_norm = f.flag(norm_key, false);
  a.decay = !f.flag("use_decay", false) ? "none" : f.flag("use_retnet_slopes", false) ? "retnet" : "slopes";
  a.decay_start = f.number("decay_start", 0);
}

}  // namespace detail

// Is the rope of this file the one of neighbours (Meta's), so that rows of q and k must change places?
inline bool paper_rope_interleaved(const json& object, const std::string& where) {
  const fields f(object, where);
  return f.text("positional_embedding_type", "rotary") == "llama_rotary" || f.text("rope_style", "half_split") == "interleaved";
}

inline model::config config_from_paper(const json& object, const std::string& where) {
  const fields f(object, where);
  need(!f.has("ssm_cfg") && !f.has("d_model"), where, ": this is a Mamba model's configuration, which is not supported");
  need(!f.flag("post_embed_norm", false), where, ": a norm after the embedding (post_embed_norm) is not supported");
  need(f.number("rotary_scale", 1) == 1, where, ": rotary_scale must be 1");
  need(f.number("group_norm_eps", 1e-5) == 1e-5, where, ": group_norm_eps must be 1e-5");
  need(f.integer("moe_freq", 0) == 0, where, ": mixtures of experts are not supported");
  const std::string ffn = f.text("ffn_type", "swiglu"), position = f.text("positional_embedding_type", "rotary");
  need(ffn == "swiglu" || ffn == "swiglu_torch", where, ": the feed-forward ", in_quotes(ffn), " is not supported, swiglu is");
  need(position == "rotary" || position == "llama_rotary" || position == "none", where, ": the positions ", in_quotes(position),
       " are not supported; rotary, llama_rotary and none are");
  model::config c;
  c.dim = f.integer(f.either({"dim", "hidden_dim"})), c.layers = f.integer("n_layers"), c.heads = f.integer("n_heads");
  c.kv_heads = f.integer("n_heads_kv", c.heads), c.vocab = f.integer("vocab_size"), c.max_length = f.integer("seq_len", 2048);
  need(c.heads > 0 && c.dim > 0 && c.dim < (1LL << 31) && c.dim % c.heads == 0, where, ": the width ", c.dim,
       " must be a multiple of n_heads, ", c.heads);
  c.head_dim = c.dim / c.heads;
  for (auto key : {"qk_head_dim", "v_head_dim"})
    need(f.integer(key, c.head_dim) == c.head_dim, where, ": ", key, " must be the width of a head, ", c.head_dim, ", found ",
         f.integer(key, c.head_dim));
  // Llama's rule where the width of the feed-forward is not given: 8/3 of the model's, up to a multiple of 256.
  c.hidden = f.integer(f.either({"ffn_hidden", "intermediate_dim_ffn"}), 256 * ((8 * c.dim / 3 + 255) / 256));
  c.norm = detail::paper_norm(f), c.norm_eps = f.number("norm_eps", 1e-5);
  c.rope_theta = f.number(f.either({"rope_theta", "rotary_base_frequency"}), 1e4);
  c.tied = f.flag("weight_tying", false);
  detail::paper_attention(f, c);
  c.attention.position = position == "none" ? "none" : "rope";
  need(c.linear || position != "none", where, ": softmax attention without positions is not supported");
  need(!c.linear || !paper_rope_interleaved(object, where), where,
       ": linear attention with interleaved rotary positions is not supported");
  const bool neox = c.vocab > 50000;                 // GPT-NeoX's tokenizer, with <|endoftext|> as 0; else Llama's
  read_special_tokens(f, neox ? 0 : 1, neox ? 0 : 2, c);
  try {
    model::check(c);
  } catch (const std::invalid_argument& e) {
    fail(where, ": ", e.what());
  }
  return c;
}

// config.json of a folder in the layout of Hugging Face's copies of the paper's models. What that code has no words for is
// refused.
inline json config_to_paper_folder(const model::config& c) {
  const auto& a = c.attention;
  const auto is = [](bool ok, const auto&... what) {
    need(ok, "the layout of the paper's code cannot hold ", what..., "; leave --format out for Hugging Face's layout");
  };
  is(c.head_dim * c.heads == c.dim, "heads of width ", c.head_dim, ": its ", c.heads, " heads are as wide as the model, ",
     c.dim);
  is(!c.attention_bias, "biases of projections"), is(c.scaling.kind == "none", "scaled rotary positions");
  is(c.linear || c.sliding_window == 0, "a sliding window");
  if (c.linear) {
    is(a.feature == "relu" && a.map == model::map_kind::dense, "the feature map ", a.feature,
       ": it has relu after a dense map");
    is(a.map_depth == 1 && a.map_width == 1, "a feature map of ", a.map_depth, " learned maps of ", a.map_width,
       " times a head's width: it has one, as wide as the head");
    is(a.shared_map == (c.heads == c.kv_heads), "a map of keys alone where there are as many of them as queries");
    is(!a.output_gate, "a gate on the heads' output");
    is(a.window == 0, "softmax attention over a window beside the linear one");
    is(a.normalizer == "group_norm", "the normalizer ", a.normalizer, ": it has group_norm");
    is(a.position == "rope" || a.position == "none", "the position ", a.position, ": it has rope and none");
    is(a.decay == "slopes" || a.decay == "retnet" || a.decay == "none", "the decay ", a.decay,
       ": it has slopes, retnet and none");
  }
  json p = {{"dim", c.dim}, {"n_layers", c.layers}, {"n_heads", c.heads}, {"n_heads_kv", c.kv_heads}, {"vocab_size", c.vocab},
            {"seq_len", c.max_length}, {"intermediate_dim_ffn", c.hidden}, {"norm_eps", c.norm_eps}, {"ffn_type", "swiglu"},
            {"model_norm", c.norm == model::norm_kind::rms ? "rms_norm" : "gain_only_lp_layer_norm"},
            {"post_embed_norm", false}, {"weight_tying", c.tied}, {"rotary_base_frequency", c.rope_theta},
            {"positional_embedding_type", c.linear && a.position == "none" ? "none" : "rotary"},
            {"attn_name", c.linear ? "linear_attn" : "xformers_attn"}, {"qk_norm", c.linear && a.qk_norm}};
  if (c.linear) {
    p["use_decay"] = a.decay != "none", p["use_retnet_slopes"] = a.decay == "retnet", p["decay_start"] = nullptr;
    if (a.decay_start != 0) p["decay_start"] = a.decay_start;
    p["qk_head_dim"] = p["v_head_dim"] = c.head_dim;
  }
  json folder = {{"architectures", json::array({"OpenLMForCausalLM"})}, {"model_type", "openlm"}, {"params", nullptr},
                 {"params_args_dict", p}};
  write_special_tokens(c, folder);
  return folder;
}

}  // namespace supra::io
