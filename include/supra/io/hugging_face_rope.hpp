// The rotary positions of a Hugging Face config.json, to and from model::config.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "supra/io/json.hpp"
#include "supra/model/config.hpp"

namespace supra::io::detail {

inline double yarn_attention_factor(const fields& f, double factor) {
  auto scale = [&](double m) { return factor <= 1 ? 1 : 0.1 * m * std::log(factor) + 1; };
  if (f.has("attention_factor")) return f.number("attention_factor", 0);
  const double m = f.number("mscale", 0), all = f.number("mscale_all_dim", 0);
  return m != 0 && all != 0 ? scale(m) / scale(all) : 0;
}

// type is the older name of rope_type; finetuned is a note that changes nothing.
inline constexpr std::string_view rope_keys[] = {
    "rope_theta", "rope_type", "type", "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings",
    "beta_fast", "beta_slow", "attention_factor", "mscale", "mscale_all_dim", "truncate", "partial_rotary_factor", "finetuned"};

// rope_theta at the top or in rope_parameters; scaling in rope_scaling or rope_parameters.
inline void read_rope(const fields& f, model::config& c) {
  c.rope_theta = f.number("rope_theta", 1e4);
  need(f.number("partial_rotary_factor", 1) == 1, f.where(), ": rotary positions on a part of the head are not supported");
  const std::string key = f.either({"rope_parameters", "rope_scaling"});
  if (!f.has(key)) return;
  const fields r = f.object(key);
  for (auto& [name, value] : r.all().items())
    need(std::ranges::count(rope_keys, name) > 0, r.where(), ": the key ", in_quotes(name), " is not known here, and may ",
         "change the angles");
  c.rope_theta = r.number("rope_theta", c.rope_theta);
  need(r.number("partial_rotary_factor", 1) == 1, r.where(), ": rotary positions on a part of the head are not supported");
  const std::string kind = r.text(r.either({"rope_type", "type"}), "default");
  if (kind == "default" || kind == "none") return;
  need(kind == "linear" || kind == "llama3" || kind == "yarn", r.where(), ": rope scaling ", in_quotes(kind),
       " is not supported; linear, llama3 and yarn are");
  need(!(kind == "yarn" && !r.flag("truncate", true)), r.where(), ": yarn without truncate is not supported");
  auto& s = c.scaling;
  s.kind = kind;
  s.original_length = r.number("original_max_position_embeddings", static_cast<double>(c.max_length));
  s.factor = r.number("factor", static_cast<double>(c.max_length) / s.original_length);
  s.low_freq_factor = r.number("low_freq_factor", s.low_freq_factor);
  s.high_freq_factor = r.number("high_freq_factor", s.high_freq_factor);
  s.beta_fast = r.number("beta_fast", s.beta_fast), s.beta_slow = r.number("beta_slow", s.beta_slow);
  if (kind == "yarn") s.attention_factor = yarn_attention_factor(r, s.factor);
  need(s.factor > 0 && s.original_length > 0, r.where(), ": factor and original_max_position_embeddings must be positive");
}

inline json write_rope(const model::config& c, bool all) {
  const auto& s = c.scaling;
  json r = {{"rope_theta", c.rope_theta}, {"rope_type", s.kind == "none" ? "default" : s.kind}};
  if (all || s.kind != "none") r["factor"] = s.factor;
  if (all || s.kind == "llama3") r["low_freq_factor"] = s.low_freq_factor, r["high_freq_factor"] = s.high_freq_factor;
  if (all || s.kind == "llama3" || s.kind == "yarn") r["original_max_position_embeddings"] = s.original_length;
  if (all || s.kind == "yarn") r["beta_fast"] = s.beta_fast, r["beta_slow"] = s.beta_slow;
  if (all || (s.kind == "yarn" && s.attention_factor != 0)) r["attention_factor"] = s.attention_factor;
  return r;
}

}  // namespace supra::io::detail
