// Dequantising: a block of GGUF's types to float, by ggml's formats (ggml-common.h and ggml-quants.c name them). Products of a
// block's scales and a quant are exact in float, so a value is rounded once at most: where an offset is added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "supra/io/dtype.hpp"
#include "supra/io/gguf_type.hpp"

namespace supra::io {

namespace detail {

inline int byte_at(const std::byte* b, int i) { return std::to_integer<int>(b[i]); }
inline float half_at(const std::byte* b) {
  std::uint16_t bits;
  std::memcpy(&bits, b, sizeof bits);
  return from_f16(bits);
}

// 32 elements: d, of q4_1 also an offset, then 16 bytes of which the low halves come first.
inline void read_q4_0(const std::byte* b, float* to) {
  const float d = half_at(b);
  for (int j = 0; j < 16; ++j) {
    const int q = byte_at(b + 2, j);
    to[j] = d * static_cast<float>((q & 15) - 8), to[16 + j] = d * static_cast<float>((q >> 4) - 8);
  }
}
inline void read_q4_1(const std::byte* b, float* to) {
  const float d = half_at(b), m = half_at(b + 2);
  for (int j = 0; j < 16; ++j) {
    const int q = byte_at(b + 4, j);
    to[j] = d * static_cast<float>(q & 15) + m, to[16 + j] = d * static_cast<float>(q >> 4) + m;
  }
}
// The same with a fifth bit of each element in 4 bytes before; value(q) of an element's 0 to 31.
template <class Value>
void read_q5(const std::byte* b, float* to, Value&& value) {
  std::uint32_t high;
  std::memcpy(&high, b, sizeof high);
  for (int j = 0; j < 16; ++j) {
    const int q = byte_at(b + 4, j);
    to[j] = value((q & 15) | static_cast<int>(high >> j & 1) << 4);
    to[16 + j] = value(q >> 4 | static_cast<int>(high >> (16 + j) & 1) << 4);
  }
}
inline void read_q5_0(const std::byte* b, float* to) {
  read_q5(b + 2, to, [d = half_at(b)](int q) { return d * static_cast<float>(q - 16); });
}
inline void read_q5_1(const std::byte* b, float* to) {
  read_q5(b + 4, to, [d = half_at(b), m = half_at(b + 2)](int q) { return d * static_cast<float>(q) + m; });
}
inline void read_q8_0(const std::byte* b, float* to) {
  const float d = half_at(b);
  for (int j = 0; j < 32; ++j) to[j] = d * static_cast<float>(static_cast<std::int8_t>(b[2 + j]));
}

// The scale and the offset of the j-th 32 of 256 elements: six bits each, eight pairs in 12 bytes.
struct scale_and_offset {
  int scale, offset;
};
inline scale_and_offset six_bits(const std::byte* b, int j) {
  if (j < 4) return {byte_at(b, j) & 63, byte_at(b, j + 4) & 63};
  return {(byte_at(b, j + 4) & 15) | byte_at(b, j - 4) >> 6 << 4, byte_at(b, j + 4) >> 4 | byte_at(b, j) >> 6 << 4};
}

// 256 elements: d, the offsets' unit, scales; of q5_k the fifth bits in 32 bytes; then 128 bytes, each 32 of which hold 32
// elements in their low halves and the next 32 in their high ones. `high` is null for q4_k.
inline void read_q45_k(const std::byte* b, const std::byte* high, const std::byte* low, float* to) {
  const float d = half_at(b), unit = half_at(b + 2);
  for (int j = 0; j < 8; ++j) {
    const auto s = six_bits(b + 4, j);
    const float scale = d * static_cast<float>(s.scale), offset = unit * static_cast<float>(s.offset);
    for (int i = 0; i < 32; ++i) {
      const int q = byte_at(low + j / 2 * 32, i) >> (j % 2 * 4) & 15, fifth = high ? byte_at(high, i) >> j & 1 : 0;
      to[32 * j + i] = scale * static_cast<float>(q | fifth << 4) - offset;
    }
  }
}
// 256 elements: low four bits in 128 bytes, high two in 64, 16 signed scales, d. Each half of the elements is four rows of 32:
// two in the low and two in the high halves of 64 bytes, with two bits each from the same 32 bytes.
inline void read_q6_k(const std::byte* b, float* to) {
  const float d = half_at(b + 208);
  for (int half = 0; half < 2; ++half)
    for (int row = 0; row < 4; ++row)
      for (int i = 0; i < 32; ++i) {
        const int low = byte_at(b + half * 64 + row % 2 * 32, i) >> (row / 2 * 4) & 15,
                  high = byte_at(b + 128 + half * 32, i) >> (2 * row) & 3;
        const auto scale = static_cast<std::int8_t>(b[192 + half * 8 + row * 2 + i / 16]);
        to[half * 128 + row * 32 + i] = d * static_cast<float>(scale) * static_cast<float>((low | high << 4) - 32);
      }
}

}  // namespace detail

// `columns` elements, whole blocks of them.
inline void dequantise(gguf_type type, const std::byte* from, std::int64_t columns, float* to) {
  const auto [name, elements, bytes] = info(type);
  const auto all = std::span(to, static_cast<std::size_t>(columns));
  auto each = [&, elements = elements, bytes = bytes](auto block) {
    for (std::int64_t i = 0; i < columns; i += elements, from += bytes) block(from, to + i);
  };
  switch (type) {
    case gguf_type::f32:
      from_bytes(dtype::f32, from, all);
      break;
    case gguf_type::f16:
      from_bytes(dtype::f16, from, all);
      break;
    case gguf_type::bf16:
      from_bytes(dtype::bf16, from, all);
      break;
    case gguf_type::q4_0:
      each(detail::read_q4_0);
      break;
    case gguf_type::q4_1:
      each(detail::read_q4_1);
      break;
    case gguf_type::q5_0:
      each(detail::read_q5_0);
      break;
    case gguf_type::q5_1:
      each(detail::read_q5_1);
      break;
    case gguf_type::q8_0:
      each(detail::read_q8_0);
      break;
    case gguf_type::q4_k:
      each([](auto* b, float* y) { detail::read_q45_k(b, nullptr, b + 16, y); });
      break;
    case gguf_type::q5_k:
      each([](auto* b, float* y) { detail::read_q45_k(b, b + 16, b + 48, y); });
      break;
    case gguf_type::q6_k:
      each(detail::read_q6_k);
      break;
  }
}

}  // namespace supra::io
