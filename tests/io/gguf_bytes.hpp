// A GGUF file built in memory: keys and tensors in the order given, packed as the format wants it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "supra/io/gguf_type.hpp"
#include "supra/io/gguf_value.hpp"
#include "temporary.hpp"

namespace supra_test {

inline std::string gguf_text(const std::string& text) {
  std::string bytes;
  put(bytes, static_cast<std::uint64_t>(text.size()));
  return bytes + text;
}

class gguf_bytes {
 public:
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;  // of what is written; the key is the caller's

  // A key with the bytes of its value; an array's hold the elements' type and their count too.
  gguf_bytes& raw(const std::string& key, std::uint32_t kind, const std::string& value) {
    keys_ += gguf_text(key);
    put(keys_, kind);
    keys_ += value;
    ++key_count_;
    return *this;
  }
  template <class N>
  gguf_bytes& key(const std::string& name, supra::io::gguf_kind kind, N x) {
    std::string bytes;
    put(bytes, x);
    return raw(name, static_cast<std::uint32_t>(kind), bytes);
  }
  gguf_bytes& integer(const std::string& name, std::uint32_t x) { return key(name, supra::io::gguf_kind::u32, x); }
  gguf_bytes& number(const std::string& name, float x) { return key(name, supra::io::gguf_kind::f32, x); }
  gguf_bytes& flag(const std::string& name, bool x) { return key(name, supra::io::gguf_kind::flag, x); }
  gguf_bytes& text(const std::string& name, const std::string& x) {
    return raw(name, static_cast<std::uint32_t>(supra::io::gguf_kind::text), gguf_text(x));
  }
  template <class N>
  gguf_bytes& array(const std::string& name, supra::io::gguf_kind kind, const std::vector<N>& all) {
    std::string bytes;
    put(bytes, static_cast<std::uint32_t>(kind)), put(bytes, static_cast<std::uint64_t>(all.size()));
    for (N x : all) put(bytes, x);
    return raw(name, static_cast<std::uint32_t>(supra::io::gguf_kind::array), bytes);
  }
  gguf_bytes& strings(const std::string& name, const std::vector<std::string>& all) {
    std::string bytes;
    put(bytes, static_cast<std::uint32_t>(supra::io::gguf_kind::text)), put(bytes, static_cast<std::uint64_t>(all.size()));
    for (auto& x : all) bytes += gguf_text(x);
    return raw(name, static_cast<std::uint32_t>(supra::io::gguf_kind::array), bytes);
  }

  // Lengths as the format has them: neighbours first.
  gguf_bytes& info(const std::string& name, const std::vector<std::uint64_t>& lengths, std::uint32_t type,
                   std::uint64_t place) {
    infos_ += gguf_text(name);
    put(infos_, static_cast<std::uint32_t>(lengths.size()));
    for (auto n : lengths) put(infos_, n);
    put(infos_, type), put(infos_, place);
    ++tensor_count_;
    return *this;
  }
  gguf_bytes& tensor(const std::string& name, const std::vector<std::uint64_t>& lengths, supra::io::gguf_type type,
                     const std::string& bytes) {
    pad(data_);
    info(name, lengths, static_cast<std::uint32_t>(type), data_.size());
    data_ += bytes;
    return *this;
  }
  gguf_bytes& data(const std::string& bytes) { return data_ += bytes, *this; }

  std::string bytes() const {
    std::string all = "GGUF";
    put(all, version), put(all, tensor_count_), put(all, key_count_);
    all += keys_ + infos_;
    pad(all);
    return all + data_;
  }

 private:
  void pad(std::string& bytes) const { bytes.resize((bytes.size() + alignment - 1) / alignment * alignment); }
  std::string keys_, infos_, data_;
  std::uint64_t key_count_ = 0, tensor_count_ = 0;
};

}  // namespace supra_test
