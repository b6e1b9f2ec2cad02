// Names and packing of the SUPRA paper's code: q, k, v together in in_proj, gate and up in w12, the map and norms of the linear
// attention under _totrain_*.
#pragma once

#include <string>

#include "supra/io/error.hpp"
#include "supra/model/config.hpp"

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

}  // namespace supra::io
