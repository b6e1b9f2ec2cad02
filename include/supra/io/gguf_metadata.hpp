// The keys of a GGUF file and their values, by type. Names, strings and arrays are views of the file's bytes: whoever asks
// keeps the file.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "supra/io/gguf_value.hpp"

namespace supra::io {

class gguf_metadata {
 public:
  gguf_metadata() = default;
  // `count` keys from the cursor on.
  gguf_metadata(gguf_cursor& from, std::uint64_t count, std::string where) : where_(std::move(where)) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string_view key = from.text("a key");
      need(!key.empty(), where_, ": a key without a name");
      const auto [at, fresh] = values_.emplace(key, gguf_value{});
      need(fresh, of(key), " is there twice");
      at->second = read_gguf_value(from, of(key));
    }
  }

  const std::string& where() const { return where_; }
  const std::map<std::string_view, gguf_value>& values() const { return values_; }
  bool has(std::string_view key) const { return values_.count(key) != 0; }

  std::string_view text(std::string_view key) const { return one<std::string_view>(key, "a string"); }
  std::string_view text(std::string_view key, std::string_view fallback) const { return has(key) ? text(key) : fallback; }
  std::int64_t integer(std::string_view key) const { return one<std::int64_t>(key, "an integer"); }
  std::int64_t integer(std::string_view key, std::int64_t fallback) const { return has(key) ? integer(key) : fallback; }
  bool flag(std::string_view key) const {
    const gguf_value& v = at(key, false, "a BOOL");
    need(v.kind == gguf_kind::flag, of(key), " must be a BOOL, found ", v.type_text());
    return std::to_integer<int>(v.bytes[0]) == 1;
  }
  bool flag(std::string_view key, bool fallback) const { return has(key) ? flag(key) : fallback; }
  // A finite number. An F32 stands for the shortest decimal that rounds to it: 1e-5, not 9.99999975e-06.
  double number(std::string_view key) const {
    double x = one<double>(key, "a number");
    need(std::isfinite(x), of(key), " must be a finite number, found ", x);
    if (at(key, false, "").kind != gguf_kind::f32) return x;
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, static_cast<float>(x)).ptr;
    std::from_chars(text, end, x);
    return x;
  }
  double number(std::string_view key, double fallback) const { return has(key) ? number(key) : fallback; }

  std::vector<std::string_view> strings(std::string_view key) const { return many<std::string_view>(key, "strings"); }
  std::vector<std::int64_t> integers(std::string_view key) const { return many<std::int64_t>(key, "integers"); }
  std::vector<double> numbers(std::string_view key) const { return many<double>(key, "numbers"); }
  std::uint64_t length(std::string_view key) const { return at(key, true, "an array").count; }  // of an array

 private:
  std::string of(std::string_view key) const { return where_ + ": the key " + in_quotes(key); }
  const gguf_value& at(std::string_view key, bool array, const std::string& expected) const {
    const auto found = values_.find(key);
    need(found != values_.end(), of(key), " is missing");
    need(found->second.array == array, of(key), " must be ", expected, ", found ", found->second.type_text());
    return found->second;
  }
  template <class T>
  T one(std::string_view key, const char* expected) const {
    const gguf_value& v = at(key, false, expected);
    T x{};
    need(each_gguf_element<T>(v, of(key), [&](T y) { x = y; }), of(key), " must be ", expected, ", found ", v.type_text());
    return x;
  }
  template <class T>
  std::vector<T> many(std::string_view key, const std::string& expected) const {
    const gguf_value& v = at(key, true, "an array of " + expected);
    std::vector<T> all;
    all.reserve(static_cast<std::size_t>(v.count));  // each has a byte or more in the file
    need(each_gguf_element<T>(v, of(key), [&](T x) { all.push_back(x); }), of(key), " must be an array of ", expected,
         ", found ", v.type_text());
    return all;
  }

  std::string where_;
  std::map<std::string_view, gguf_value> values_;
};

}  // namespace supra::io
