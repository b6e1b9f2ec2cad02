// llama2.c's legacy .bin: seven int32, then float32 tensors, all layers of one kind together. Its rotary positions turn
// neighbours (2i, 2i + 1); ours turn halves (i, i + d/2), so the rows of wq and wk change places here.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "supra/io/dtype.hpp"
#include "supra/io/mapped_file.hpp"
#include "supra/io/weights.hpp"

namespace supra::io {

namespace detail {

struct llama2c_part {
  std::string name;                                  // the model's; of a layer: what follows "model.layers.N."
  std::int64_t size;                                 // numbers; of a layer's tensor, for one layer
  bool per_layer, halves;                            // halves: rows change places
};

// The file's tensors in its order; an empty name is skipped (the two rotary tables).
inline std::vector<llama2c_part> llama2c_parts(const model::config& c) {
  const std::int64_t q = c.dim * c.dim, k = c.kv_heads * c.head_dim * c.dim, h = c.hidden * c.dim;
  std::vector<llama2c_part> parts = {
      {"model.embed_tokens.weight", c.vocab * c.dim, false, false}, {"input_layernorm.weight", c.dim, true, false},
      {"self_attn.q_proj.weight", q, true, true}, {"self_attn.k_proj.weight", k, true, true},
      {"self_attn.v_proj.weight", k, true, false}, {"self_attn.o_proj.weight", q, true, false},
      {"post_attention_layernorm.weight", c.dim, true, false}, {"mlp.gate_proj.weight", h, true, false},
      {"mlp.down_proj.weight", h, true, false}, {"mlp.up_proj.weight", h, true, false},
      {"model.norm.weight", c.dim, false, false}, {"", c.max_length * c.head_dim, false, false}};
  if (!c.tied) parts.push_back({"lm_head.weight", c.vocab * c.dim, false, false});
  return parts;
}

template <class T>
void read_halves(const std::byte* from, std::span<T> to, std::int64_t head_dim, std::int64_t columns) {
  for (std::int64_t r = 0; r < static_cast<std::int64_t>(to.size()) / columns; ++r)
    from_bytes(dtype::f32, from + neighbours_row(r, head_dim) * columns * 4,
               to.subspan(static_cast<std::size_t>(r * columns), static_cast<std::size_t>(columns)));
}

}  // namespace detail

// The configuration in the first 28 bytes, checked against the file's size, so that nothing after can overflow.
inline model::config llama2c_config(std::span<const std::byte> file, const std::string& where) {
  std::int32_t h[7];
  need(file.size() >= sizeof h, where, ": a llama2.c file starts with 28 bytes of header, this one has ", file.size(),
       " bytes");
  std::memcpy(h, file.data(), sizeof h);
  need(h[0] != 0x616b3432, where, ": this is a llama2.c file of version 1 or 2; only the legacy version is read");
  model::config c;
  c.dim = h[0], c.hidden = h[1], c.layers = h[2], c.heads = h[3], c.kv_heads = h[4];
  c.tied = h[5] > 0, c.vocab = std::abs(std::int64_t{h[5]}), c.max_length = h[6];
  need(c.dim > 0 && c.heads > 0 && c.dim % c.heads == 0, where, ": dim (", c.dim, ") must be a multiple of the heads (",
       c.heads, ")");
  c.head_dim = c.dim / c.heads;
  try {
    model::check(c);
  } catch (const std::invalid_argument& e) {
    fail(where, ": ", e.what());
  }
  using wide = __int128;                             // sums of products of three numbers below 2^31: below 2^98
  const wide dim = c.dim, kv = wide{c.kv_heads} * c.head_dim,
             layer = 2 * dim + 2 * dim * dim + 2 * kv * dim + 3 * dim * c.hidden;
  const wide count = dim * c.vocab * (c.tied ? 1 : 2) + layer * c.layers + dim + wide{c.max_length} * c.head_dim;
  const wide bytes = 28 + 4 * count;
  need(bytes == static_cast<wide>(file.size()), where, ": by its header the file must have ",
       bytes < (wide{1} << 62) ? std::to_string(static_cast<std::int64_t>(bytes)) : "more than 2^62", " bytes, it has ",
       file.size());
  return c;
}

template <class T>
loaded<T> parse_llama2c(std::span<const std::byte> file, const std::string& where) {
  const model::config c = llama2c_config(file, where);
  const model::parameter_layout layout(c);
  loaded<T> m{c, room_for<T>(layout), "llama2.c file"};
  const std::byte* from = file.data() + 28;
  for (auto& part : detail::llama2c_parts(c)) {
    for (std::int64_t l = 0; l < (part.per_layer ? c.layers : 1); ++l, from += part.size * 4) {
      if (part.name.empty()) continue;
      const std::string name = part.per_layer ? model::layer_name(l, part.name) : part.name;
      const auto values = part_of(std::span<T>(m.values), layout.at(name));
      if (part.halves) detail::read_halves(from, values, c.head_dim, c.dim);
      else from_bytes(dtype::f32, from, values);
      check_finite<T>(values, where, name);
    }
  }
  return m;
}

template <class T>
loaded<T> load_llama2c(const std::filesystem::path& path) {
  const mapped_file file(path);
  return parse_llama2c<T>(file.bytes(), file.path());
}

}  // namespace supra::io
