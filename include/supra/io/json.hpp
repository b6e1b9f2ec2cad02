// JSON files read strictly: no key twice, nothing after the value, bounded depth; and fields of them with sentences.
#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "supra/io/error.hpp"
#include "supra/io/mapped_file.hpp"

namespace supra::io {

using json = nlohmann::json;

// `where` names the file in errors.
inline json parse_json(std::string_view text, const std::string& where) {
  std::vector<std::set<std::string>> keys;
  auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    need(depth <= 64, where, ": the JSON is nested more than 64 deep");
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key)
      need(keys.back().insert(parsed.get<std::string>()).second, where, ": the key ", in_quotes(parsed.get<std::string>()),
           " is there twice");
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), watch);
  } catch (const json::exception& e) {
    fail(where, ": not valid JSON: ", e.what());
  }
}

inline json read_json(const std::filesystem::path& path) {
  const mapped_file file(path);
  need(file.size() <= 100'000'000, path.string(), ": a JSON of ", file.size(), " bytes is not read (at most 100,000,000)");
  return parse_json(file.text(), path.string());
}

// Fields of one JSON object; a missing or null field gives the default.
class fields {
 public:
  fields(const json& object, std::string where) : object_(object), where_(std::move(where)) {
    need(object_.is_object(), where_, ": expected a JSON object");
  }
  bool has(const std::string& key) const { return object_.contains(key) && !object_.at(key).is_null(); }
  bool mentions(const std::string& key) const { return object_.contains(key); }       // null counts too
  const json& at(const std::string& key) const {
    need(has(key), where_, ": ", in_quotes(key), " is missing");
    return object_.at(key);
  }
  const std::string& where() const { return where_; }
  const json& all() const { return object_; }

  std::int64_t integer(const std::string& key) const {
    const json& v = at(key);
    const bool fits = v.is_number_unsigned() ? v.get<std::uint64_t>() >> 63 == 0 : v.is_number_integer();
    need(fits, where_, ": ", in_quotes(key), " must be an integer, found ", found(v));
    return v.get<std::int64_t>();
  }
  std::int64_t integer(const std::string& key, std::int64_t fallback) const { return has(key) ? integer(key) : fallback; }
  double number(const std::string& key, double fallback) const {
    if (!has(key)) return fallback;
    const json& v = object_.at(key);
    need(v.is_number() && std::isfinite(v.get<double>()), where_, ": ", in_quotes(key), " must be a finite number, found ",
         found(v));
    return v.get<double>();
  }
  bool flag(const std::string& key, bool fallback) const {
    if (!has(key)) return fallback;
    need(object_.at(key).is_boolean(), where_, ": ", in_quotes(key), " must be true or false, found ", found(object_.at(key)));
    return object_.at(key).get<bool>();
  }
  std::string text(const std::string& key, const std::string& fallback) const {
    if (!has(key)) return fallback;
    need(object_.at(key).is_string(), where_, ": ", in_quotes(key), " must be a string, found ", found(object_.at(key)));
    return object_.at(key).get<std::string>();
  }
  fields object(const std::string& key) const { return {at(key), where_ + ", " + key}; }
  // The first of several names that is there, else the last.
  std::string either(std::initializer_list<const char*> keys) const {
    for (auto key : keys)
      if (has(key)) return key;
    return *(keys.end() - 1);
  }

 private:
  static std::string found(const json& v) { return in_quotes(v.dump(-1, ' ', true, json::error_handler_t::replace)); }
  const json& object_;
  std::string where_;
};

}  // namespace supra::io
