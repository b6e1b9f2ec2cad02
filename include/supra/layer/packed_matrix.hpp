// Matrices (rows, columns) in fewer bits, for y = x W^T with few rows of x, where reading W is what costs:
//   f32    as they are
//   bf16   rounded to nearest: |w - w'| <= 2^-8 |w|
//   int8   whole multiples from -127 to 127 of one scale a row, max |w| / 127: |w - w'| <= scale / 2
// Rows stand in blocks of row_lanes; a block holds, for each group of 1, 2 or 4 columns, one 32-bit word a row: so a product
// reads memory from front to back, and its sums need no step across lanes. A bf16 group is two neighbours; byte i of int8's
// group g is column g + i groups, so that a row of x becomes words without a step across lanes either.
#pragma once

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "supra/core/types.hpp"
#include "supra/core/word_vectors.hpp"

namespace supra::layer {

enum class weight_kind { f32, bf16, int8 };
inline constexpr weight_kind weight_kinds[] = {weight_kind::f32, weight_kind::bf16, weight_kind::int8};
inline const char* name_of(weight_kind k) { return k == weight_kind::f32 ? "f32" : k == weight_kind::bf16 ? "bf16" : "int8"; }
inline weight_kind weight_kind_named(const std::string& name) {
  for (auto k : weight_kinds)
    if (name == name_of(k)) return k;
  throw std::invalid_argument("weights are kept as f32, bf16 or int8, found \"" + name + "\"");
}
SUPRA_FN constexpr int columns_a_word(weight_kind k) { return k == weight_kind::f32 ? 1 : k == weight_kind::bf16 ? 2 : 4; }

// Where a packed matrix lies, in the backend's memory. A byte holds the weight plus 128; scales are int8's, one a row.
struct packed_view {
  weight_kind kind = weight_kind::f32;
  std::int64_t rows = 0, cols = 0;
  const std::uint32_t* words = nullptr;
  const float* scales = nullptr;

  SUPRA_FN std::int64_t groups() const { return (cols + columns_a_word(kind) - 1) / columns_a_word(kind); }
  SUPRA_FN std::int64_t blocks() const { return (rows + words::row_lanes - 1) / words::row_lanes; }
  SUPRA_FN std::int64_t place(std::int64_t r, std::int64_t group) const {
    return (r / words::row_lanes * groups() + group) * words::row_lanes + r % words::row_lanes;
  }
  SUPRA_FN std::int64_t group(std::int64_t c) const {
    return kind == weight_kind::int8 ? c % groups() : c / columns_a_word(kind);
  }
  SUPRA_FN int part(std::int64_t c) const {  // of its word
    return static_cast<int>(kind == weight_kind::int8 ? c / groups() : c % columns_a_word(kind));
  }
  SUPRA_FN float weight(std::int64_t r, std::int64_t c) const {  // as the product takes it
    const std::uint32_t word = words[place(r, group(c))];
    const int at = part(c);
    if (kind == weight_kind::f32) return std::bit_cast<float>(word);
    if (kind == weight_kind::bf16) return std::bit_cast<float>(at ? word & 0xffff0000u : word << 16);
    return scales[r] * static_cast<float>(static_cast<int>(word >> 8 * at & 255u) - 128);
  }
};

// Never so small that weights over it overflow.
inline float row_scale(std::span<const float> row) {
  float most = 0;
  for (float w : row) most = std::max(most, std::abs(w));
  return std::max(most / 127, FLT_MIN);
}
inline std::uint32_t pack_weight(weight_kind kind, float w, float scale, int at) {
  if (kind == weight_kind::f32) return std::bit_cast<std::uint32_t>(w);
  if (kind == weight_kind::bf16) return static_cast<std::uint32_t>(bf16(w).bits) << 16 * at;
  const int n = static_cast<int>(std::lround(static_cast<double>(w) / scale));
  return static_cast<std::uint32_t>(std::clamp(n, -127, 127) + 128) << 8 * at;
}

template <class B>
class packed_matrix {
 public:
  packed_matrix() = default;
  // values (rows, cols); `name` is what an error calls them.
  packed_matrix(B& b, weight_kind kind, std::int64_t rows, std::int64_t cols, const float* values, const std::string& name)
      : view_{kind, rows, cols} {
    constexpr std::int64_t most_columns = std::int64_t{1} << 16;  // their sum of bytes fits 32 bits
    if (kind == weight_kind::int8 && cols > most_columns)
      throw std::invalid_argument(name + ": rows of " + std::to_string(cols) +
                                  " weights are too long for int8, which takes 65536; keep them as bf16");
    const auto n = static_cast<std::size_t>(view_.blocks() * words::row_lanes);
    std::vector<std::uint32_t> host(n * static_cast<std::size_t>(view_.groups()), kind == weight_kind::int8 ? 0x80808080u : 0u);
    std::vector<float> scales(kind == weight_kind::int8 ? n : 0, FLT_MIN);
    for (std::int64_t r = 0; r < rows; ++r)
      pack_row(r, {values + r * cols, static_cast<std::size_t>(cols)}, host, scales, name);
    words_ = upload(b, host), scales_ = upload(b, scales);
    view_.words = words_.data(), view_.scales = scales_.data();
  }

  const packed_view& view() const { return view_; }
  std::int64_t bytes() const { return 4 * (words_.size() + scales_.size()); }

 private:
  template <class P>
  using buffer_of = decltype(std::declval<B&>().template allocate<P>(0));
  template <class P>
  static buffer_of<P> upload(B& b, const std::vector<P>& from) {
    const auto n = static_cast<std::int64_t>(from.size());
    auto to = b.template allocate<P>(n);
    b.upload(from.data(), to.data(), n), b.fence();
    return to;
  }
  void pack_row(std::int64_t r, std::span<const float> row, std::vector<std::uint32_t>& to, std::vector<float>& scales,
                const std::string& name) const {
    const float scale = view_.kind == weight_kind::int8 ? row_scale(row) : 1.0f;
    if (!scales.empty()) scales[static_cast<std::size_t>(r)] = scale;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const bool fits = std::isfinite(row[c]) && (view_.kind != weight_kind::bf16 || std::isfinite(float(bf16(row[c]))));
      if (!fits)
        throw std::invalid_argument(name + ": the weight in row " + std::to_string(r) + ", column " + std::to_string(c) +
                                    " is " + std::to_string(row[c]) + ", which " + name_of(view_.kind) + " cannot hold");
      const int at = view_.part(static_cast<std::int64_t>(c));
      auto& word = to[static_cast<std::size_t>(view_.place(r, view_.group(static_cast<std::int64_t>(c))))];
      if (view_.kind == weight_kind::int8) word &= ~(255u << 8 * at);
      word |= pack_weight(view_.kind, row[c], scale, at);
    }
  }

  packed_view view_;
  buffer_of<std::uint32_t> words_;
  buffer_of<float> scales_;
};

}  // namespace supra::layer
