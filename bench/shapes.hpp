// The models that benchmarks run: SUPRA's student of known shapes, with random weights.
#pragma once

#include <stdexcept>
#include <string>

#include "supra/model/config.hpp"

namespace bench {

inline supra::model::config student(const std::string& name) {
  supra::model::config c;
  c.linear = true, c.tied = true, c.max_length = 256;
  if (name == "stories260k")
    c.vocab = 512, c.dim = 64, c.layers = 5, c.heads = 8, c.kv_heads = 4, c.head_dim = 8, c.hidden = 172,
    c.attention.shared_map = false;
  else if (name == "tok105")
    c.vocab = 105, c.dim = 128, c.layers = 5, c.heads = 8, c.kv_heads = 4, c.head_dim = 16, c.hidden = 352,
    c.attention.shared_map = false;
  else if (name == "15m")
    c.vocab = 32000, c.dim = 288, c.layers = 6, c.heads = c.kv_heads = 6, c.head_dim = 48, c.hidden = 768;
  else
    throw std::invalid_argument("there is no shape " + name + "; there are stories260k, tok105 and 15m");
  return c;
}

}  // namespace bench
