// Tells a model's weights from others: what saved states carry.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "supra/io/fingerprint.hpp"
#include "supra/io/hugging_face_config.hpp"
#include "supra/model/decoder.hpp"

namespace supra::model {

// Over 64-bit words of the configuration and every weight, as 16 hexadecimal digits.
template <class T>
std::string fingerprint(const config& c, const std::vector<T>& values) {
  io::fingerprint hash;
  auto take = [&](const void* from, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, static_cast<const char*>(from) + i, std::min<std::size_t>(8, bytes - i));
      hash.add(word);
    }
  };
  const std::string text = io::config_to_hugging_face(c, io::dtype::f32).dump();
  take(text.data(), text.size()), take(values.data(), values.size() * sizeof(T));
  static const char* hex = "0123456789abcdef";
  std::string digits;
  for (int i = 60; i >= 0; i -= 4) digits += hex[hash.value >> i & 15];
  return digits;
}
template <class B, class T>
std::string fingerprint(const transformer<B, T>& m) {
  return fingerprint(m.c, m.values());
}
template <class B, class T>
std::string fingerprint(const decoder<B, T>& d) {
  return d.whole() ? fingerprint(*d.whole()) : d.identity;
}

}  // namespace supra::model
