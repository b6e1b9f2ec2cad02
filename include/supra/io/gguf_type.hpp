// The element types of GGUF's tensors by their numbers, and the shape of a block: a row is stored in blocks of so many elements
// and bytes (ggml's format).
#pragma once

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

namespace supra::io {

enum class gguf_type : std::uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  bf16 = 30
};

struct gguf_type_info {
  const char* name;
  std::int64_t elements, bytes;  // of a block; 0: the type is not read
};

// Indexed by number.
// clang-format off
inline constexpr gguf_type_info gguf_types[] = {
    {"F32", 1, 4},       {"F16", 1, 2},      {"Q4_0", 32, 18},    {"Q4_1", 32, 20}, {"Q4_2", 0, 0},     {"Q4_3", 0, 0},
    {"Q5_0", 32, 22},    {"Q5_1", 32, 24},   {"Q8_0", 32, 34},    {"Q8_1", 0, 0},   {"Q2_K", 0, 0},     {"Q3_K", 0, 0},
    {"Q4_K", 256, 144},  {"Q5_K", 256, 176}, {"Q6_K", 256, 210},  {"Q8_K", 0, 0},   {"IQ2_XXS", 0, 0},  {"IQ2_XS", 0, 0},
    {"IQ3_XXS", 0, 0},   {"IQ1_S", 0, 0},    {"IQ4_NL", 0, 0},    {"IQ3_S", 0, 0},  {"IQ2_S", 0, 0},    {"IQ4_XS", 0, 0},
    {"I8", 0, 0},        {"I16", 0, 0},      {"I32", 0, 0},       {"I64", 0, 0},    {"F64", 0, 0},      {"IQ1_M", 0, 0},
    {"BF16", 1, 2},      {"Q4_0_4_4", 0, 0}, {"Q4_0_4_8", 0, 0},  {"Q4_0_8_8", 0, 0}, {"TQ1_0", 0, 0},  {"TQ2_0", 0, 0},
    {"IQ4_NL_4_4", 0, 0}, {"IQ4_NL_4_8", 0, 0}, {"IQ4_NL_8_8", 0, 0}, {"MXFP4", 0, 0}};
// clang-format on

inline const gguf_type_info& info(gguf_type t) { return gguf_types[static_cast<std::uint32_t>(t)]; }

// "Q3_K (11)", also of a number that is no type.
inline std::string gguf_type_text(std::uint32_t number) {
  return (number < std::size(gguf_types) ? gguf_types[number].name : "of a type unknown here") +
         (" (" + std::to_string(number) + ")");
}

// "F32, F16, ..." of those that are read.
inline std::string readable_gguf_types() {
  std::string all;
  for (auto& t : gguf_types)
    if (t.elements > 0) all += (all.empty() ? "" : ", ") + std::string(t.name);
  return all;
}

}  // namespace supra::io
