// bos_token_id and eos_token_id of a config.json to and from model::config: an id, null for none, of ends also a list.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "supra/io/json.hpp"
#include "supra/model/config.hpp"

namespace supra::io {

namespace detail {

// -1 for null; `fallback` where the file says nothing.
inline std::vector<std::int64_t> token_ids(const fields& f, const std::string& key, std::int64_t fallback) {
  if (!f.has(key)) return {f.mentions(key) ? -1 : fallback};
  const json& v = f.at(key);
  if (!v.is_array()) return {f.integer(key)};
  need(!v.empty() && std::ranges::all_of(v, [](auto& id) { return id.is_number_integer(); }), f.where(), ": ", in_quotes(key),
       " must be a token id or a list of them");
  return v.get<std::vector<std::int64_t>>();
}

}  // namespace detail

inline void read_special_tokens(const fields& f, std::int64_t usual_bos, std::int64_t usual_eos, model::config& c) {
  c.bos = detail::token_ids(f, "bos_token_id", usual_bos)[0];
  c.more_eos = detail::token_ids(f, "eos_token_id", usual_eos);
  c.eos = c.more_eos[0], c.more_eos.erase(c.more_eos.begin());
}

inline void write_special_tokens(const model::config& c, json& to) {
  to["bos_token_id"] = c.bos < 0 ? json(nullptr) : json(c.bos);
  to["eos_token_id"] = c.eos < 0 ? json(nullptr) : json(c.eos);
  if (c.more_eos.empty()) return;
  std::vector<std::int64_t> ends = c.more_eos;
  ends.insert(ends.begin(), c.eos);
  to["eos_token_id"] = ends;
}

}  // namespace supra::io
