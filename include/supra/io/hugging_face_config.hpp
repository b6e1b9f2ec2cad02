// config.json of a Hugging Face folder to and from model::config: LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, and
// this library's own SupraForCausalLM, which is the same file plus an object "supra" with what the others cannot say.
#pragma once

#include <filesystem>
#include <string>

#include "supra/io/dtype.hpp"
#include "supra/io/hugging_face_limits.hpp"
#include "supra/io/hugging_face_rope.hpp"
#include "supra/io/special_tokens.hpp"
#include "supra/model/config.hpp"

namespace supra::io {

inline model::map_kind map_kind_of(const std::string& name, const std::string& where) {
  if (name == "none") return model::map_kind::none;
  if (name == "dense") return model::map_kind::dense;
  need(name == "per_head", where, ": the map must be none, dense or per_head, found ", in_quotes(name));
  return model::map_kind::per_head;
}
inline const char* name_of(model::map_kind k) {
  return k == model::map_kind::none ? "none" : k == model::map_kind::dense ? "dense" : "per_head";
}

namespace detail {

// The object "supra": everything of model::config that Llama's and Mistral's files have no word for.
inline void read_supra(const fields& f, model::config& c) {
  need(f.integer("version") == 1, f.where(), ": version ", f.integer("version"), " is not known, this library reads version 1");
  const std::string norm = f.text("norm", "rms");
  need(norm == "rms" || norm == "layer_gain", f.where(), ": the norm must be rms or layer_gain, found ", in_quotes(norm));
  c.norm = norm == "rms" ? model::norm_kind::rms : model::norm_kind::layer_gain;
  c.linear = f.flag("linear", true);
  c.sliding_window = f.integer("sliding_window", 0);
  auto& a = c.attention;
  a.feature = f.text("feature", a.feature), a.position = f.text("position", a.position);
  a.decay = f.text("decay", a.decay), a.normalizer = f.text("normalizer", a.normalizer);
  a.map = map_kind_of(f.text("map", name_of(a.map)), f.where());
  a.shared_map = f.flag("shared_map", a.shared_map), a.qk_norm = f.flag("qk_norm", a.qk_norm);
  a.decay_start = f.number("decay_start", a.decay_start), a.output_gate = f.flag("output_gate", a.output_gate);
  a.map_depth = f.integer("map_depth", a.map_depth), a.map_width = f.number("map_width", a.map_width);
  a.window = f.integer("window", a.window);
  const fields s = f.object("rope");
  c.scaling.factor = s.number("factor", 1);
  c.scaling.low_freq_factor = s.number("low_freq_factor", 1), c.scaling.high_freq_factor = s.number("high_freq_factor", 4);
  c.scaling.original_length = s.number("original_max_position_embeddings", 8192);
  c.scaling.beta_fast = s.number("beta_fast", 32), c.scaling.beta_slow = s.number("beta_slow", 1);
  c.scaling.attention_factor = s.number("attention_factor", 0);
}

inline json write_supra(const model::config& c) {
  const auto& a = c.attention;
  json j = {{"version", 1}, {"linear", c.linear}, {"norm", c.norm == model::norm_kind::rms ? "rms" : "layer_gain"},
          {"feature", a.feature}, {"position", a.position}, {"decay", a.decay}, {"normalizer", a.normalizer},
          {"map", name_of(a.map)}, {"shared_map", a.shared_map}, {"qk_norm", a.qk_norm}, {"decay_start", a.decay_start},
          {"sliding_window", c.sliding_window}, {"rope", write_rope(c, true)}};
  // What has its usual value is left out: files are those of before it had a name, and saved states know models by this text.
  if (a.map_depth != 1) j["map_depth"] = a.map_depth;
  if (a.map_width != 1) j["map_width"] = a.map_width;
  if (a.output_gate) j["output_gate"] = true;
  if (a.window > 0) j["window"] = a.window;
  return j;
}

inline std::string architecture_of(const fields& f) {
  if (!f.has("architectures")) {                     // base models saved alone name only their type
    const std::string type = f.text("model_type", "");
    if (type == "llama") return "LlamaForCausalLM";
    if (type == "mistral") return "MistralForCausalLM";
    if (type == "qwen2") return "Qwen2ForCausalLM";
    if (type == "openlm") return "OpenLMForCausalLM";
    fail(f.where(), ": \"architectures\" is missing, so the model's kind is not known");
  }
  const json& v = f.at("architectures");
  need(v.is_array() && v.size() == 1 && v[0].is_string(), f.where(), ": \"architectures\" must be a list of one name");
  return v[0].get<std::string>();
}

}  // namespace detail

inline model::config config_from_hugging_face(const json& object, const std::string& where) {
  const fields f(object, where);
  const std::string kind = detail::architecture_of(f);
  const bool mistral = kind == "MistralForCausalLM", qwen2 = kind == "Qwen2ForCausalLM", supra = kind == "SupraForCausalLM";
  need(mistral || qwen2 || supra || kind == "LlamaForCausalLM", where, ": the architecture ", in_quotes(kind),
       " is not supported; LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM and SupraForCausalLM are");
  need(f.text("hidden_act", "silu") == "silu", where, ": hidden_act must be silu, found ", in_quotes(f.text("hidden_act", "")));
  detail::refuse_other_meanings(f);
  model::config c;
  c.vocab = f.integer("vocab_size"), c.dim = f.integer("hidden_size"), c.layers = f.integer("num_hidden_layers");
  c.heads = f.integer("num_attention_heads"), c.hidden = f.integer("intermediate_size");
  const bool grouped = !f.mentions("num_key_value_heads");
  c.kv_heads = f.integer("num_key_value_heads", grouped && mistral ? 8 : grouped && qwen2 ? 32 : c.heads);
  if (!f.has("head_dim")) {
    need(c.heads > 0 && c.dim % c.heads == 0, where, ": head_dim is not given, and hidden_size ", c.dim,
         " is not a multiple of num_attention_heads ", c.heads);
    c.head_dim = c.dim / c.heads;
  } else c.head_dim = f.integer("head_dim");
  c.max_length = f.integer("max_position_embeddings", mistral ? 4096 * 32 : qwen2 ? 32768 : 2048);
  c.norm_eps = f.number("rms_norm_eps", 1e-6);
  c.tied = f.flag("tie_word_embeddings", false), c.attention_bias = qwen2 || f.flag("attention_bias", false);
  // Where the file says nothing: the defaults of each class. Llama's knows no window.
  if (mistral)
    c.sliding_window =
        detail::uniform_window(f, c.layers, f.mentions("sliding_window") ? f.integer("sliding_window", 0) : 4096);
  if (qwen2) c.sliding_window = detail::qwen2_window(f, c.layers);
  read_special_tokens(f, qwen2 ? -1 : 1, qwen2 ? -1 : 2, c);
  detail::read_rope(f, c);
  if (supra) detail::read_supra(f.object("supra"), c);
  try {
    model::check(c);
  } catch (const std::invalid_argument& e) {
    fail(where, ": ", e.what());
  }
  return c;
}

// The architecture is the plainest that can say it all: Llama, Mistral with a window, Qwen2 with biases, else this library's
// own.
inline json config_to_hugging_face(const model::config& c, dtype type) {
  const bool windowed = c.sliding_window > 0;
  const bool supra = c.linear || c.norm != model::norm_kind::rms, qwen2 = !supra && c.attention_bias;
  const std::string name = supra ? "Supra" : qwen2 ? "Qwen2" : windowed ? "Mistral" : "Llama";
  const std::string stored = type == dtype::bf16  ? "bfloat16"
                             : type == dtype::f16 ? "float16"
                             : type == dtype::f64 ? "float64"
                                                  : "float32";
  std::string lower = name;
  lower[0] = static_cast<char>(lower[0] - 'A' + 'a');
  json j = {{"architectures", json::array({name + "ForCausalLM"})},
            {"model_type", lower}, {"hidden_act", "silu"}, {"mlp_bias", false},
            {"vocab_size", c.vocab}, {"hidden_size", c.dim}, {"num_hidden_layers", c.layers}, {"num_attention_heads", c.heads},
            {"num_key_value_heads", c.kv_heads}, {"head_dim", c.head_dim}, {"intermediate_size", c.hidden},
            {"max_position_embeddings", c.max_length}, {"rms_norm_eps", c.norm_eps}, {"tie_word_embeddings", c.tied},
            {"attention_bias", c.attention_bias}, {"rope_theta", c.rope_theta}, {"torch_dtype", stored}};
  write_special_tokens(c, j);
  if (c.scaling.kind != "none") j["rope_scaling"] = detail::write_rope(c, false);
  if (windowed) j["sliding_window"] = c.sliding_window;
  if (qwen2) j["use_sliding_window"] = windowed, j["max_window_layers"] = windowed ? 0 : c.layers;
  if (supra) j["supra"] = detail::write_supra(c);
  return j;
}

}  // namespace supra::io
