// One value of a GGUF file's metadata: its type as the format numbers it, and its bytes, which stay in the file. An array of
// strings is as many lengths and characters; nothing is copied before it is asked for.
#pragma once

#include <cstdint>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <type_traits>

#include "supra/io/gguf_cursor.hpp"

namespace supra::io {

enum class gguf_kind : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, flag, text, array, u64, i64, f64 };

struct gguf_kind_info {
  const char* name;
  std::uint64_t bytes;  // 0: as the value says
};
inline constexpr gguf_kind_info gguf_kinds[] = {{"U8", 1},  {"I8", 1},  {"U16", 2},  {"I16", 2},    {"U32", 4},
                                                {"I32", 4}, {"F32", 4}, {"BOOL", 1}, {"STRING", 0}, {"ARRAY", 0},
                                                {"U64", 8}, {"I64", 8}, {"F64", 8}};
inline const gguf_kind_info& info(gguf_kind k) { return gguf_kinds[static_cast<std::uint32_t>(k)]; }

struct gguf_value {
  gguf_kind kind = gguf_kind::u8;  // of an array: its elements'
  bool array = false;
  std::uint64_t count = 1;
  std::span<const std::byte> bytes;

  std::string type_text() const {
    return array ? "an array of " + std::to_string(count) + " " + info(kind).name : std::string("a ") + info(kind).name;
  }
};

namespace detail {

inline gguf_kind read_gguf_kind(gguf_cursor& from, const std::string& where) {
  const auto number = from.number<std::uint32_t>("a type");
  need(number < std::size(gguf_kinds), where, ": type ", number, " is not known (0 to ", std::size(gguf_kinds) - 1, " are)");
  return static_cast<gguf_kind>(number);
}

}  // namespace detail

// The value at the cursor, type first; `where` names the file and the key.
inline gguf_value read_gguf_value(gguf_cursor& from, const std::string& where) {
  gguf_value v;
  v.kind = detail::read_gguf_kind(from, where);
  v.array = v.kind == gguf_kind::array;
  if (v.array) {
    v.kind = detail::read_gguf_kind(from, where);
    need(v.kind != gguf_kind::array, where, ": an array of arrays is not supported");
    v.count = from.number<std::uint64_t>("an array's length");
  }
  const std::size_t start = from.at();
  if (v.kind == gguf_kind::text) {
    for (std::uint64_t i = 0; i < v.count; ++i) from.text("a string");
  } else {
    std::uint64_t bytes;
    need(!__builtin_mul_overflow(v.count, info(v.kind).bytes, &bytes), where, ": an array of ", v.count,
         " elements is larger than any file");
    from.take(bytes, v.array ? "an array" : "a value");
  }
  v.bytes = from.from(start);
  if (v.kind == gguf_kind::flag)
    for (auto b : v.bytes)
      need(std::to_integer<int>(b) <= 1, where, ": a BOOL must be 0 or 1, found ", std::to_integer<int>(b));
  return v;
}

// Element by element into `to(x)`, x an std::int64_t, double (F32 and F64) or std::string_view; false where the kind is none
// of those that T can hold.
template <class T, class To>
bool each_gguf_element(const gguf_value& v, const std::string& where, To&& to) {
  gguf_cursor from(v.bytes, where);
  auto all = [&]<class N>(N) {
    for (std::uint64_t i = 0; i < v.count; ++i) {
      const N x = from.number<N>("a number");
      if constexpr (std::is_same_v<N, std::uint64_t>)
        need(x <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()), where, ": ", x,
             " does not fit 63 bits");
      to(static_cast<T>(x));
    }
    return true;
  };
  if constexpr (std::is_same_v<T, std::string_view>) {
    if (v.kind != gguf_kind::text) return false;
    for (std::uint64_t i = 0; i < v.count; ++i) to(from.text("a string"));
    return true;
  } else {
    switch (v.kind) {
      case gguf_kind::u8:
        return all(std::uint8_t{});
      case gguf_kind::i8:
        return all(std::int8_t{});
      case gguf_kind::u16:
        return all(std::uint16_t{});
      case gguf_kind::i16:
        return all(std::int16_t{});
      case gguf_kind::u32:
        return all(std::uint32_t{});
      case gguf_kind::i32:
        return all(std::int32_t{});
      case gguf_kind::u64:
        return all(std::uint64_t{});
      case gguf_kind::i64:
        return all(std::int64_t{});
      case gguf_kind::f32:
        return std::is_floating_point_v<T> && all(float{});
      case gguf_kind::f64:
        return std::is_floating_point_v<T> && all(double{});
      default:
        return false;
    }
  }
}

}  // namespace supra::io
