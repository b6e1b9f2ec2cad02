// --attention NAME[,key=value...]: an attention of the program's, and what differs from it. The keys are those of the object
// "supra" in config.json.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "supra/io/error.hpp"
#include "supra/io/hugging_face_config.hpp"
#include "supra/model/config.hpp"

namespace supra::program {

using attention_config = model::linear_attention_config;

// supra and its kin are the paper's, best the one to take where what is lost counts most, hybrid the same beside a window.
inline const std::vector<std::pair<std::string, attention_config>>& named_attentions() {
  using enum model::map_kind;
  static const std::vector<std::pair<std::string, attention_config>> all = {
      {"supra", {}},
      {"supra-retnet", {.decay = "retnet"}},
      {"supra-nodecay", {.decay = "none"}},
      {"gated", {.decay = "per_token"}},
      {"learned", {.decay = "learned"}},
      {"hedgehog", {.feature = "hedgehog", .normalizer = "sum", .map = per_head}},
      {"elu1", {.feature = "elu1", .normalizer = "sum"}},
      {"softmax", {.feature = "softmax", .normalizer = "sum", .map = per_head}},
      {"taylor2",
       {.feature = "taylor2", .position = "rope_before", .decay = "per_token", .normalizer = "sum", .map = per_head}},
      {"exp", {.feature = "exp", .position = "rope_before", .decay = "per_token", .normalizer = "sum", .map = per_head}},
      {"best", {.decay = "per_token", .normalizer = "rms_norm_gain", .output_gate = true}},
      {"hybrid", {.decay = "per_token", .normalizer = "rms_norm_gain", .output_gate = true, .window = 128}}};
  return all;
}

struct attention_key {
  std::string name;
  std::vector<std::string> values;  // all that there are; none: numbers from least to most
  void (*set)(attention_config&, const std::string&);
  double least = 0, most = 0;
  const char* meaning = "";         // of the numbers
  bool whole = false;               // numbers that are whole
};
inline const std::vector<attention_key>& attention_keys() {
  using text = const std::string&;
  static const std::vector<std::string> flag = {"true", "false"};
  static const std::vector<attention_key> all = {
      {"feature",
       {"identity", "relu", "elu1", "exp", "softmax", "softmax_temperature", "hedgehog", "taylor2"},
       [](attention_config& a, text v) { a.feature = v; }},
      {"position",
       {"none", "rope", "rope_scaled", "rope_before", "xpos", "absolute"},
       [](attention_config& a, text v) { a.position = v; }},
      {"decay", {"none", "slopes", "retnet", "learned", "per_token"}, [](attention_config& a, text v) { a.decay = v; }},
      {"normalizer",
       {"none", "sum", "group_norm", "rms_norm", "rms_norm_gain"},
       [](attention_config& a, text v) { a.normalizer = v; }},
      {"map", {"none", "dense", "per_head"}, [](attention_config& a, text v) { a.map = io::map_kind_of(v, "--attention"); }},
      {"shared_map", flag, [](attention_config& a, text v) { a.shared_map = v == "true"; }},
      {"qk_norm", flag, [](attention_config& a, text v) { a.qk_norm = v == "true"; }},
      {"output_gate", flag, [](attention_config& a, text v) { a.output_gate = v == "true"; }},
      {"map_depth", {"1", "2", "3"}, [](attention_config& a, text v) { a.map_depth = std::stoll(v); }},
      {"map_width",
       {},
       [](attention_config& a, text v) { a.map_width = std::strtod(v.c_str(), nullptr); },
       0.5,
       4,
       "a number from 0.5 to 4, of a head's width"},
      {"window",
       {},
       [](attention_config& a, text v) { a.window = std::strtoll(v.c_str(), nullptr, 10); },
       0,
       static_cast<double>(model::most_window),
       "a whole number from 0 to 1048576, the tokens that softmax beside it sees",
       true},
      {"decay_start",
       {},
       [](attention_config& a, text v) { a.decay_start = std::strtod(v.c_str(), nullptr); },
       0,
       1,
       "a number from 0 (the first slope; 0: the paper's) to 1"}};
  return all;
}

// "a, b or c", of texts or of what has a name.
inline std::string alternatives(const std::vector<std::string>& names) {
  std::string all;
  for (std::size_t i = 0; i < names.size(); ++i) all += (i == 0 ? "" : i + 1 < names.size() ? ", " : " or ") + names[i];
  return all;
}
inline std::string attention_names() {
  std::vector<std::string> names;
  for (auto& [name, a] : named_attentions()) names.push_back(name);
  return alternatives(names);
}
inline std::string attention_key_names() {
  std::vector<std::string> names;
  for (auto& k : attention_keys()) names.push_back(k.name);
  return alternatives(names);
}
inline std::string values_of(const attention_key& k) {
  return k.values.empty() ? k.meaning : alternatives(k.values);
}
inline bool is_value(const attention_key& k, const std::string& text) {
  if (!k.values.empty()) return std::ranges::count(k.values, text) > 0;
  if (k.whole && text.find_first_not_of("0123456789") != text.npos) return false;
  char* end = nullptr;
  const double x = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0' && x >= k.least && x <= k.most;
}
// For --help.
inline std::string attention_words() {
  std::string all = "NAME[,key=value...]. NAME: " + attention_names() + "; what differs from it:";
  for (auto& k : attention_keys()) all += (k.name == "feature" ? " " : "; ") + k.name + "=" + values_of(k);
  return all;
}

// Throws io::error with a sentence that lists what there is.
inline attention_config attention_named(const std::string& text) {
  const auto where = "--attention " + text;
  const auto part = [&](std::size_t from) { return text.substr(from, text.find(',', from) - from); };
  const std::string name = part(0);
  const auto& named = named_attentions();
  const auto found = std::ranges::find(named, name, [](auto& n) { return n.first; });
  io::need(found != named.end(), where, ": the attention ", io::in_quotes(name), " is not known; it is one of ",
           attention_names(), ", and after it may come ,key=value");
  attention_config a = found->second;
  for (std::size_t at = name.size(); at < text.size();) {
    const std::string one = part(++at), key = one.substr(0, one.find('='));
    at += one.size();
    const auto& keys = attention_keys();
    const auto k = std::ranges::find(keys, key, &attention_key::name);
    io::need(k != keys.end() && key != one, where, ": expected key=value, found ", io::in_quotes(one), "; a key is ",
             attention_key_names());
    const std::string value = one.substr(key.size() + 1);
    io::need(is_value(*k, value), where, ": ", key, " must be ", values_of(*k), ", found ", io::in_quotes(value));
    k->set(a, value);
  }
  return a;
}

}  // namespace supra::program
