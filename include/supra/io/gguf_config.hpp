// A GGUF file's keys to model::config, for the architectures llama and mistral; every other is refused by name. A key of the
// architecture that is not known here could change the model, so it is refused too.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "supra/io/gguf.hpp"
#include "supra/io/gguf_blocks.hpp"
#include "supra/model/config.hpp"
#include "supra/position/rope_scaled.hpp"

namespace supra::io {

namespace detail {

// Keys of one architecture: "llama.block_count" is integer("block_count").
class gguf_architecture {
 public:
  explicit gguf_architecture(const gguf_metadata& m) : m_(m), name_(m.text("general.architecture")) {
    need(name_ == "llama" || name_ == "mistral", m.where(), ": the architecture ", in_quotes(name_),
         " is not supported; llama and mistral are");
    // clang-format off
    static constexpr std::string_view known[] = {
        "vocab_size", "context_length", "embedding_length", "block_count", "feed_forward_length", "tensor_data_layout",
        "attention.head_count", "attention.head_count_kv", "attention.key_length", "attention.value_length",
        "attention.layer_norm_rms_epsilon", "attention.sliding_window", "rope.dimension_count", "rope.freq_base",
        "rope.scale_linear", "rope.scaling.type", "rope.scaling.factor", "rope.scaling.original_context_length",
        "rope.scaling.attn_factor", "rope.scaling.finetuned", "rope.scaling.yarn_beta_fast", "rope.scaling.yarn_beta_slow",
        "expert_count", "expert_used_count"};
    // clang-format on
    for (auto& [full, value] : m.values())
      need(!full.starts_with(name_ + ".") ||
               std::find(std::begin(known), std::end(known), full.substr(name_.size() + 1)) != std::end(known),
           m.where(), ": the key ", in_quotes(full), " is not known, and may change what the model computes");
  }
  const std::string& where() const { return m_.where(); }
  std::string key(std::string_view rest) const { return name_ + "." + std::string(rest); }
  bool has(std::string_view rest) const { return m_.has(key(rest)); }
  std::int64_t integer(std::string_view rest) const { return m_.integer(key(rest)); }
  std::int64_t integer(std::string_view rest, std::int64_t fallback) const { return m_.integer(key(rest), fallback); }
  double number(std::string_view rest, double fallback) const { return m_.number(key(rest), fallback); }
  std::string_view text(std::string_view rest, std::string_view fallback) const { return m_.text(key(rest), fallback); }
  void needs(bool ok, std::string_view rest, const auto&... found) const { need(ok, where(), ": ", key(rest), " ", found...); }

 private:
  const gguf_metadata& m_;
  std::string name_;
};

// The only order of the rows of queries and keys that the format has a name for: that of interleaved rotary positions.
inline constexpr std::string_view interleaved_rows = "Meta AI original pth";

// Linear and YaRN are named by keys. YaRN's attn_factor multiplies what follows from the factor; ours replaces it.
inline void read_gguf_scaling(const gguf_architecture& a, model::config& c) {
  auto& s = c.scaling;
  s.factor = a.number("rope.scaling.factor", a.number("rope.scale_linear", 0));
  const std::string kind(a.text("rope.scaling.type", s.factor > 0 && s.factor != 1 ? "linear" : "none"));
  if (kind == "none") return void(s = {});
  a.needs(kind == "linear" || kind == "yarn", "rope.scaling.type", in_quotes(kind),
          " is not supported; none, linear and yarn are");
  a.needs(s.factor > 0, "rope.scaling.factor", "must be positive, found ", s.factor);
  s.kind = kind;
  s.original_length = a.number("rope.scaling.original_context_length", static_cast<double>(c.max_length));
  a.needs(s.original_length > 0, "rope.scaling.original_context_length", "must be positive, found ", s.original_length);
  s.beta_fast = a.number("rope.scaling.yarn_beta_fast", s.beta_fast);
  s.beta_slow = a.number("rope.scaling.yarn_beta_slow", s.beta_slow);
  const double more = a.number("rope.scaling.attn_factor", 1);
  if (kind == "yarn" && more != 1) s.attention_factor = more * (0.1 * std::log(std::max(s.factor, 1.0)) + 1);
}

// Llama 3's scaling is a tensor of what divides each pair's frequency. It must be what its formula gives for the constants that
// all of Llama 3.1 to 3.3 have: then the largest is the factor.
inline void read_gguf_frequencies(const gguf_file& file, model::config& c) {
  if (!file.has("rope_freqs.weight")) return;
  const gguf_tensor& t = file.at("rope_freqs.weight");
  const int d = static_cast<int>(c.head_dim);
  need(c.scaling.kind == "none", file.where(), ": there are keys of a rope scaling (", c.scaling.kind,
       ") and a tensor rope_freqs.weight; one of them was expected");
  need(t.elements() == d / 2, file.where(), ": rope_freqs.weight has shape ", shape_text(t.shape), ", and a head has ", d / 2,
       " pairs");
  std::vector<float> found(static_cast<std::size_t>(t.elements()));
  for (std::int64_t r = 0; r < t.rows; ++r) dequantise(t.type, file.row(t, r), t.columns, found.data() + r * t.columns);
  const rope_scaled scaling{c.rope_theta, rope_scaling_kind::llama3, *std::max_element(found.begin(), found.end())};
  need(scaling.factor >= 1, file.where(), ": rope_freqs.weight must have 1 or more in it, found at most ", scaling.factor);
  for (int i = 0; i < d / 2; ++i) {
    const double wanted = rope_turns(c.rope_theta, d, i) / scaling.table(d, i), is = found[static_cast<std::size_t>(i)];
    // the tensor is float32, of a formula in double
    need(std::abs(is - wanted) <= 1e-6 * wanted, file.where(), ": rope_freqs.weight holds ", is, " at pair ", i,
         ", where Llama 3's scaling by ", scaling.factor, " has ", wanted, "; no other is supported");
  }
  if (scaling.factor == 1) return;
  c.scaling.kind = "llama3", c.scaling.factor = scaling.factor, c.scaling.original_length = scaling.original_length;
  c.scaling.low_freq_factor = scaling.low_freq_factor, c.scaling.high_freq_factor = scaling.high_freq_factor;
}

}  // namespace detail

inline model::config config_from_gguf(const gguf_file& file) {
  const gguf_metadata& m = file.metadata();
  const detail::gguf_architecture a(m);
  const std::string& where = file.where();
  const std::int64_t parts = m.integer("split.count", 1);
  need(parts <= 1, where, ": this is one of ", parts, " parts of a model; join them first (llama-gguf-split --merge)");
  a.needs(a.integer("expert_count", 0) == 0, "expert_count", "is ", a.integer("expert_count", 0),
          ", and experts are not supported");
  const std::string_view order = a.text("tensor_data_layout", detail::interleaved_rows);
  a.needs(order == detail::interleaved_rows, "tensor_data_layout", "is ", in_quotes(order), ", and only ",
          in_quotes(detail::interleaved_rows), " is supported");

  model::config c;
  const gguf_tensor& embedding = file.at("token_embd.weight");
  c.vocab = embedding.rows, c.dim = a.integer("embedding_length"), c.layers = a.integer("block_count");
  c.heads = a.integer("attention.head_count"), c.kv_heads = a.integer("attention.head_count_kv", c.heads);
  c.hidden = a.integer("feed_forward_length"), c.max_length = a.integer("context_length");
  a.needs(c.heads > 0 && (a.has("attention.key_length") || c.dim % c.heads == 0), "attention.head_count", "is ", c.heads,
          ", of which the width ", c.dim, " must be a multiple where attention.key_length is not given");
  c.head_dim = a.integer("attention.key_length", c.dim / c.heads);
  a.needs(a.integer("attention.value_length", c.head_dim) == c.head_dim, "attention.value_length", "must be the keys' (",
          c.head_dim, "), found ", a.integer("attention.value_length", c.head_dim));
  a.needs(a.integer("rope.dimension_count", c.head_dim) == c.head_dim, "rope.dimension_count", "must be a whole head (",
          c.head_dim, "), found ", a.integer("rope.dimension_count", c.head_dim));
  a.needs(a.integer("vocab_size", c.vocab) == c.vocab, "vocab_size", "is ", a.integer("vocab_size", c.vocab),
          ", and token_embd.weight has ", c.vocab, " rows");
  need(!m.has("tokenizer.ggml.tokens") || m.length("tokenizer.ggml.tokens") == static_cast<std::uint64_t>(c.vocab), where,
       ": the tokenizer does not fit: token_embd.weight has ", c.vocab, " rows, tokenizer.ggml.tokens ",
       m.has("tokenizer.ggml.tokens") ? m.length("tokenizer.ggml.tokens") : 0);
  c.norm_eps = a.number("attention.layer_norm_rms_epsilon", 1e-5), c.rope_theta = a.number("rope.freq_base", 1e4);
  c.sliding_window = a.integer("attention.sliding_window", 0);
  c.tied = !file.has("output.weight"), c.attention_bias = file.has("blk.0.attn_q.bias");
  c.bos = m.integer("tokenizer.ggml.bos_token_id", -1), c.eos = m.integer("tokenizer.ggml.eos_token_id", -1);
  detail::read_gguf_scaling(a, c);
  try {
    model::check(c);
  } catch (const std::invalid_argument& e) { fail(where, ": ", e.what()); }
  detail::read_gguf_frequencies(file, c);
  return c;
}

}  // namespace supra::io
