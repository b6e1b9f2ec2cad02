// The header of a safetensors file, parsed event by event: memory stays a small multiple of the header, whatever it says.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "supra/io/dtype.hpp"
#include "supra/io/error.hpp"

namespace supra::io {

struct tensor_entry {
  dtype type = dtype::f32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;                  // bytes, from the data's start
  std::int64_t elements() const { return static_cast<std::int64_t>(end - begin) / info(type).bytes; }
};

struct safetensors_header {
  std::string where;                                 // names the file in errors
  std::map<std::string, tensor_entry> tensors;
  std::map<std::string, std::string> metadata;
  std::span<const std::byte> data;
};

namespace detail {

// Accepts {name: {"dtype": text, "shape": [n...], "data_offsets": [begin, end]}..., "__metadata__": {text: text}} and
// nothing else. The state is the place in that grammar.
class safetensors_sax : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit safetensors_sax(safetensors_header& to) : to_(to) {}

  bool start_object(std::size_t) override {
    if (place_ == place::start) place_ = place::names;
    else if (place_ == place::tensor_value) place_ = place::tensor_keys;
    else if (place_ == place::metadata_value) place_ = place::metadata_keys;
    else wrong("an object");
    return true;
  }
  bool end_object() override {
    if (place_ == place::tensor_keys) finish_tensor();
    place_ = place_ == place::names ? place::start : place::names;
    return true;
  }
  bool key(std::string& name) override {
    if (place_ == place::names) start_entry(name);
    else if (place_ == place::tensor_keys) start_field(name);
    else metadata_key(name);
    return true;
  }
  bool string(std::string& text) override {
    if (place_ == place::dtype_value) {
      const dtype_info* d = find_dtype(text);
      need(d, where(), "the dtype ", in_quotes(text), " is not known");
      tensor().type = d->type;
      place_ = place::tensor_keys;
    } else if (place_ == place::metadata_text) {
      to_.metadata[key_] = text;
      place_ = place::metadata_keys;
    } else wrong("a string");
    return true;
  }
  bool start_array(std::size_t) override {
    if (place_ == place::shape_value) place_ = place::shape_numbers;
    else if (place_ == place::offsets_value) place_ = place::offsets_numbers;
    else wrong("an array");
    return true;
  }
  bool end_array() override {
    if (place_ == place::offsets_numbers) need(offsets_ == 2, where(), "data_offsets must be two numbers, found ", offsets_);
    place_ = place::tensor_keys;
    return true;
  }
  bool number_unsigned(number_unsigned_t n) override {
    if (place_ == place::shape_numbers) {
      need(n >> 63 == 0, where(), "a length of ", n, " in the shape is too large");
      tensor().shape.push_back(static_cast<std::int64_t>(n));
    } else if (place_ == place::offsets_numbers) {
      need(offsets_ < 2, where(), "data_offsets must be two numbers, found more");
      (offsets_++ == 0 ? tensor().begin : tensor().end) = n;
    } else wrong("a number");
    return true;
  }
  bool number_integer(number_integer_t n) override { return wrong(sentence("the negative number ", n).c_str()); }
  bool number_float(number_float_t, const string_t& text) override {
    return wrong(sentence("the number ", in_quotes(text)).c_str());
  }
  bool boolean(bool) override { return wrong("true or false"); }
  bool null() override { return wrong("null"); }
  bool binary(binary_t&) override { return wrong("binary data"); }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::json::exception& e) override {
    fail(to_.where, ": the safetensors header is not valid JSON at its byte ", at, ": ", e.what());
  }

 private:
  enum class place { start, names, tensor_value, tensor_keys, dtype_value, shape_value, shape_numbers, offsets_value,
                     offsets_numbers, metadata_value, metadata_keys, metadata_text };

  void start_entry(const std::string& name) {
    name_ = name;
    if (name == "__metadata__") {
      need(!metadata_seen_, where(), "the key is there twice");
      metadata_seen_ = true;
      place_ = place::metadata_value;
      return;
    }
    const auto [at, fresh] = to_.tensors.try_emplace(name);
    need(fresh, where(), "the key is there twice");
    tensor_ = &at->second;
    seen_[0] = seen_[1] = seen_[2] = false;
    offsets_ = 0;
    place_ = place::tensor_value;
  }
  void start_field(const std::string& name) {
    static const char* const names[] = {"dtype", "shape", "data_offsets"};
    static constexpr place places[] = {place::dtype_value, place::shape_value, place::offsets_value};
    const auto i = static_cast<std::size_t>(std::find(names, names + 3, name) - names);
    need(i < 3, where(), "the key ", in_quotes(name), " is none of dtype, shape, data_offsets");
    need(!seen_[i], where(), "the key ", in_quotes(name), " is there twice");
    seen_[i] = true;
    place_ = places[i];
  }
  void metadata_key(const std::string& name) {
    need(to_.metadata.count(name) == 0, where(), "the key ", in_quotes(name), " is there twice");
    key_ = name;
    place_ = place::metadata_text;
  }
  void finish_tensor() { need(seen_[0] && seen_[1] && seen_[2], where(), "dtype, shape and data_offsets must all be there"); }
  tensor_entry& tensor() { return *tensor_; }
  std::string where() const { return to_.where + ": safetensors header, " + (name_.empty() ? "" : in_quotes(name_) + ": "); }
  bool wrong(const char* found) {
    static const char* const expected[] = {"an object of tensors",
                                           "a tensor's name",
                                           "an object with dtype, shape and data_offsets",
                                           "a key",
                                           "the dtype's name",
                                           "an array of lengths",
                                           "a length (an integer from 0)",
                                           "an array of two offsets",
                                           "an offset (an integer from 0)",
                                           "an object of strings",
                                           "a key",
                                           "a string (metadata holds nothing else)"};
    fail(where(), "expected ", expected[static_cast<int>(place_)], ", found ", found);
  }

  safetensors_header& to_;
  place place_ = place::start;
  std::string name_, key_;
  tensor_entry* tensor_ = nullptr;
  bool seen_[3] = {}, metadata_seen_ = false;
  int offsets_ = 0;
};

// Every tensor's bytes are its shape's, and all of them cover the data once, without holes.
inline void check_places(const safetensors_header& h) {
  std::vector<const std::pair<const std::string, tensor_entry>*> order;
  for (auto& t : h.tensors) order.push_back(&t);
  for (auto* t : order) {
    const auto& [name, e] = *t;
    need(e.begin <= e.end && e.end <= h.data.size(), h.where, ": tensor ", in_quotes(name), " lies at bytes ", e.begin, " to ",
         e.end, " of ", h.data.size(), " bytes of data");
    std::uint64_t bytes = static_cast<std::uint64_t>(info(e.type).bytes);
    bool fits = true;
    for (auto n : e.shape) fits &= !__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(n), &bytes);
    const bool empty = std::find(e.shape.begin(), e.shape.end(), 0) != e.shape.end();
    need((fits || empty) && (empty ? 0 : bytes) == e.end - e.begin, h.where, ": tensor ", in_quotes(name), " of shape ",
         shape_text(e.shape), " and type ", info(e.type).name, " cannot have ", e.end - e.begin, " bytes");
  }
  std::sort(order.begin(), order.end(), [](auto* a, auto* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  std::uint64_t reached = 0;
  for (auto* t : order) {
    need(t->second.begin == reached, h.where, ": tensor ", in_quotes(t->first), " starts at byte ", t->second.begin,
         t->second.begin < reached ? " and overlaps" : " and leaves a hole after", " the one that ends at ", reached);
    reached = t->second.end;
  }
  need(reached == h.data.size(), h.where, ": ", h.data.size() - reached, " bytes follow the last tensor");
}

}  // namespace detail

inline safetensors_header parse_safetensors(std::span<const std::byte> bytes, const std::string& where) {
  need(bytes.size() >= 8, where, ": a safetensors file starts with 8 bytes of header length, this one has ", bytes.size(),
       " bytes");
  std::uint64_t length;
  std::memcpy(&length, bytes.data(), 8);
  need(length <= 100'000'000, where, ": the header's length says ", length,
       " bytes, a safetensors file has at most 100,000,000");
  need(length <= bytes.size() - 8, where, ": the header's length says ", length, " bytes, the file has ", bytes.size() - 8,
       " after it");
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + 8;
  need(length > 0 && text[0] == '{', where, ": a safetensors header starts with {");
  safetensors_header header;
  header.where = where;
  header.data = bytes.subspan(8 + length);
  detail::safetensors_sax sax(header);
  nlohmann::json::sax_parse(text, text + length, &sax);
  detail::check_places(header);
  return header;
}

}  // namespace supra::io
