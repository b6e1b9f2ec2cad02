// Element types of tensor files, and conversion between their bytes and float, double or std::int64_t.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "supra/io/error.hpp"

namespace supra::io {

static_assert(std::endian::native == std::endian::little, "the file formats are little-endian, and so must the machine be");

enum class dtype { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean, f8_e4m3, f8_e5m2 };

struct dtype_info {
  dtype type;
  const char* name;                                  // safetensors' name
  std::int64_t bytes;
};
inline constexpr dtype_info dtypes[] = {
    {dtype::f64, "F64", 8}, {dtype::f32, "F32", 4}, {dtype::f16, "F16", 2}, {dtype::bf16, "BF16", 2}, {dtype::i64, "I64", 8},
    {dtype::i32, "I32", 4}, {dtype::i16, "I16", 2}, {dtype::i8, "I8", 1}, {dtype::u64, "U64", 8}, {dtype::u32, "U32", 4},
    {dtype::u16, "U16", 2}, {dtype::u8, "U8", 1}, {dtype::boolean, "BOOL", 1}, {dtype::f8_e4m3, "F8_E4M3", 1},
    {dtype::f8_e5m2, "F8_E5M2", 1}};

inline const dtype_info& info(dtype t) { return dtypes[static_cast<int>(t)]; }

inline const dtype_info* find_dtype(std::string_view name) {
  for (auto& d : dtypes)
    if (name == d.name) return &d;
  return nullptr;
}

inline float from_bf16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

// Nearest, ties to even; a NaN stays one.
inline std::uint16_t to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (std::isnan(x)) return static_cast<std::uint16_t>((bits >> 16) | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

inline float from_f16(std::uint16_t bits) {
  const std::uint32_t exponent = (bits >> 10) & 31, fraction = bits & 1023;
  float x;
  if (exponent == 31) x = fraction ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  else if (exponent == 0) x = static_cast<float>(fraction) * 0x1p-24f;
  else x = std::bit_cast<float>((exponent + 112) << 23 | fraction << 13);
  return bits & 0x8000 ? -x : x;
}

// Nearest, ties to even: beyond 65504 infinity, below 2^-24 steps of it; a NaN stays one.
inline std::uint16_t to_f16(float x) {
  const auto sign = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16 & 0x8000);
  const float size = std::fabs(x);
  if (std::isnan(x)) return static_cast<std::uint16_t>(sign | 0x7e00);
  if (size >= 65520) return static_cast<std::uint16_t>(sign | 0x7c00);
  const int exponent = size < 0x1p-14f ? -14 : std::ilogb(size);
  const auto steps = static_cast<std::uint16_t>(std::nearbyint(std::ldexp(size, 10 - exponent)));  // at most 2048, exact
  return static_cast<std::uint16_t>(sign + ((exponent + 14) << 10) + steps);
}

// Values of one stored type S after another, through memcpy: a tensor's bytes need not be aligned.
template <class S, class T, class F>
void convert_each(const std::byte* from, std::span<T> to, F&& f) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    S x;
    std::memcpy(&x, from + i * sizeof(S), sizeof(S));
    to[i] = static_cast<T>(f(x));
  }
}

// Bytes of `from` (to.size() elements) as T: floats to float or double, integers and booleans to std::int64_t; false where
// the type cannot be T.
template <class T>
bool from_bytes(dtype type, const std::byte* from, std::span<T> to) {
  auto same = [](auto x) { return x; };
  if constexpr (std::is_floating_point_v<T>) {
    switch (type) {
      case dtype::f64: return convert_each<double>(from, to, same), true;
      case dtype::f32: return convert_each<float>(from, to, same), true;
      case dtype::f16: return convert_each<std::uint16_t>(from, to, from_f16), true;
      case dtype::bf16: return convert_each<std::uint16_t>(from, to, from_bf16), true;
      default: return false;
    }
  } else {
    static_assert(std::is_same_v<T, std::int64_t>, "tensors are read as float, double or std::int64_t");
    switch (type) {
      case dtype::i64: return convert_each<std::int64_t>(from, to, same), true;
      case dtype::i32: return convert_each<std::int32_t>(from, to, same), true;
      case dtype::i16: return convert_each<std::int16_t>(from, to, same), true;
      case dtype::i8: return convert_each<std::int8_t>(from, to, same), true;
      case dtype::u32: return convert_each<std::uint32_t>(from, to, same), true;
      case dtype::u16: return convert_each<std::uint16_t>(from, to, same), true;
      case dtype::u8: case dtype::boolean: return convert_each<std::uint8_t>(from, to, same), true;
      case dtype::u64:
        convert_each<std::uint64_t>(from, to, [](std::uint64_t x) {
          need(x >> 63 == 0, "an unsigned number of ", x, " does not fit 63 bits");
          return x;
        });
        return true;
      default: return false;
    }
  }
}

// Values as F64, F32, F16 or BF16 bytes; `to` has values.size() elements of that type.
template <class T>
void to_bytes(dtype type, std::span<const T> values, std::byte* to) {
  auto put = [&](auto f) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto x = f(values[i]);
      std::memcpy(to + i * sizeof(x), &x, sizeof(x));
    }
  };
  if (type == dtype::f64) put([](T x) { return static_cast<double>(x); });
  else if (type == dtype::f32) put([](T x) { return static_cast<float>(x); });
  else if (type == dtype::f16) put([](T x) { return to_f16(static_cast<float>(x)); });
  else if (type == dtype::bf16) put([](T x) { return to_bf16(static_cast<float>(x)); });
  else fail("numbers are written as F64, F32, F16 or BF16, not as ", info(type).name);
}

}  // namespace supra::io
