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
  // Where a column stands: part i of a word's group, and back.
  SUPRA_FN std::int64_t column(std::int64_t g, int i) const {
    return kind == weight_kind::int8 ? g + i * groups() : g * columns_a_word(kind) + i;
  }
  SUPRA_FN std::int64_t group(std::int64_t c) const {
    return kind == weight_kind::int8 ? c % groups() : c / columns_a_word(kind);
  }
  SUPRA_FN int part(std::int64_t c) const {
    return static_cast<int>(kind == weight_kind::int8 ? c / groups() : c % columns_a_word(kind));
  }
  SUPRA_FN float weight(std::int64_t r, std::int64_t c) const {  // as the product takes it
    const std::uint32_t word = words[place(r, group(c))];
    const int at = part(c);
    if (kind == weight_kind::f32) return bit_cast<float>(word);
    if (kind == weight_kind::bf16) return bit_cast<float>(at ? word & 0xffff0000u : word << 16);
    return scales[r] * static_cast<float>(static_cast<int>(word >> 8 * at & 255u) - 128);
  }
};

// Never so small that weights over it overflow.
inline float row_scale(std::span<const float> row) {
  float most = 0;
  for (float w : row) most = std::max(most, std::abs(w));
  return std::max(most / 127, FLT_MIN);
}
// Also what rounds to an infinite bf16 is no weight.
inline bool can_hold(weight_kind kind, float w) {
  return std::isfinite(w) && (kind != weight_kind::bf16 || std::isfinite(static_cast<float>(bf16(w))));
}

struct pack_rows {
  packed_view view;
  const float* values;  // (rows, cols)
  std::uint32_t* words;
  float* scales;
  template <class Lanes>
  void operator()(Lanes, std::int64_t r) const {
    const std::span<const float> row(values + r * view.cols, static_cast<std::size_t>(view.cols));
    if (view.kind == weight_kind::int8) scales[r] = row_scale(row);
    for (std::int64_t g = 0; g < view.groups(); ++g) {
      std::uint32_t word = view.kind == weight_kind::int8 ? 0x80808080u : 0u;
      for (int i = 0; i < columns_a_word(view.kind) && view.column(g, i) < view.cols; ++i)
        put(word, row[static_cast<std::size_t>(view.column(g, i))], i, r);
      words[view.place(r, g)] = word;
    }
  }

 private:
  void put(std::uint32_t& word, float w, int i, std::int64_t r) const {
    if (view.kind == weight_kind::f32) word = bit_cast<std::uint32_t>(w);
    if (view.kind == weight_kind::bf16) word |= static_cast<std::uint32_t>(bf16(w).bits) << 16 * i;
    if (view.kind == weight_kind::int8) {
      const auto n = static_cast<int>(std::nearbyint(static_cast<double>(w) / scales[r]));
      word = (word & ~(255u << 8 * i)) | static_cast<std::uint32_t>(std::clamp(n, -127, 127) + 128) << 8 * i;
    }
  }
};

template <class B>
class packed_matrix {
 public:
  packed_matrix() = default;
  // values (rows, cols), on the host; `name` is what an error calls them.
  packed_matrix(B& b, weight_kind kind, std::int64_t rows, std::int64_t cols, const float* values, const std::string& name)
      : view_{kind, rows, cols} {
    static_assert(on_host<B>(), "supra: packed weights lie in the host's memory");
    check(values, name);
    const std::int64_t n = view_.blocks() * words::row_lanes;  // rows beyond the last are zero bytes, and never looked at
    words_ = b.template allocate<std::uint32_t>(n * view_.groups());
    if (kind == weight_kind::int8) scales_ = b.template allocate<float>(n);
    view_.words = words_.data(), view_.scales = scales_.data();
    for_rows(b, rows, pack_rows{view_, values, words_.data(), scales_.data()});
    b.fence();
  }

  const packed_view& view() const { return view_; }
  std::int64_t bytes() const { return 4 * (words_.size() + scales_.size()); }

 private:
  template <class P>
  using buffer_of = decltype(std::declval<B&>().template allocate<P>(0));
  void check(const float* values, const std::string& name) const {
    constexpr std::int64_t most_columns = std::int64_t{1} << 16;  // their sum of bytes fits 32 bits
    if (view_.kind == weight_kind::int8 && view_.cols > most_columns)
      throw std::invalid_argument(name + ": rows of " + std::to_string(view_.cols) +
                                  " weights are too long for int8, which takes 65536; keep them as bf16");
    const float* const end = values + view_.rows * view_.cols;
    const float* const bad = std::find_if(values, end, [&](float w) { return !can_hold(view_.kind, w); });
    if (bad == end) return;
    const std::int64_t at = bad - values;
    throw std::invalid_argument(name + ": the weight in row " + std::to_string(at / view_.cols) + ", column " +
                                std::to_string(at % view_.cols) + " is " + std::to_string(*bad) + ", which " +
                                name_of(view_.kind) + " cannot hold");
  }

  packed_view view_;
  buffer_of<std::uint32_t> words_;
  buffer_of<float> scales_;
};

}  // namespace supra::layer
