// One block of a packed matrix times rows of x: the sums that packed_product.hpp is made of.
// f32 and bf16 are multiplied as floats. int8 is multiplied as integers: a row of x becomes 14-bit multiples of max |x| / 8127,
// in two planes of bytes, x = t (128 high + low); their products are exact, so x's rounding (6e-5 of its largest) is all that
// is lost beyond the weights'.
#pragma once

#include "supra/layer/packed_matrix.hpp"

namespace supra::layer {

namespace packed_detail {
using namespace words;

inline constexpr int rows_at_once = row_lanes > 8 ? 4 : 2;  // of x: their sums stay in registers
inline constexpr int parts = 4;                             // partial sums of a row
using sums = floats[rows_at_once];

// s[r] = sum over columns of x[r] w, for R rows of x that lie `stride` apart and one block of W.
template <int R>
SUPRA_HOST_INLINE void add_floats(const bits* w, const float* x, std::int64_t stride, int cols, sums& s) {
  floats part[R][parts] = {};
  int l = 0;
  for (; l + parts <= cols; l += parts)
#pragma GCC unroll 4
    for (int p = 0; p < parts; ++p)
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) part[r][p] += x[r * stride + l + p] * (floats)w[l + p];
  for (; l < cols; ++l)
    for (int r = 0; r < R; ++r) part[r][0] += x[r * stride + l] * (floats)w[l];
  for (int r = 0; r < R; ++r) s[r] = (part[r][0] + part[r][1]) + (part[r][2] + part[r][3]);
}
template <int R>
SUPRA_HOST_INLINE void add_halves(const bits* w, const float* x, std::int64_t stride, int cols, sums& s) {
  floats part[R][parts] = {};
  int l = 0;
  for (; l + parts <= cols; l += parts)
#pragma GCC unroll 4
    for (int p = 0; p < parts; p += 2) {
      const bits word = w[(l + p) / 2];
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        part[r][p] += x[r * stride + l + p] * (floats)(word << 16);
        part[r][p + 1] += x[r * stride + l + p + 1] * (floats)(word & 0xffff0000u);
      }
    }
  for (; l < cols; ++l)
    for (int r = 0; r < R; ++r) part[r][0] += x[r * stride + l] * (floats)(l % 2 ? w[l / 2] & 0xffff0000u : w[l / 2] << 16);
  for (int r = 0; r < R; ++r) s[r] = (part[r][0] + part[r][1]) + (part[r][2] + part[r][3]);
}

// A row of x as integers: planes of bytes in the order of the matrix's words, the unit t, and what 128, a byte's zero, adds up
// to in each plane. Room for `x_room` floats and two planes of `plane_room` words.
struct integer_row {
  const std::uint32_t *high = nullptr, *low = nullptr;
  float unit = 0;
  std::int32_t high_offset = 0, low_offset = 0;

  static std::int64_t whole_vectors(std::int64_t n) { return (n + row_lanes - 1) / row_lanes * row_lanes; }
  static std::int64_t plane_room(std::int64_t groups) { return whole_vectors(groups); }
  static std::int64_t x_room(std::int64_t groups) { return whole_vectors(3 * groups + plane_room(groups)); }

  void set(const float* x, int cols, int groups, float* padded, std::uint32_t* planes) {
    const auto last = static_cast<int>(x_room(groups)), words = static_cast<int>(plane_room(groups));
    for (int i = 0; i < cols; ++i) padded[i] = x[i];
    for (int i = cols; i < last; ++i) padded[i] = 0;
    const float most = largest(padded, cols);
    unit = most / 8127 < FLT_MIN ? FLT_MIN : most / 8127;
    ints sums[2] = {};
    for (int g = 0; g < words; g += row_lanes) split(padded + g, groups, groups - g, 1 / unit, planes + g, words, sums);
    high = planes, low = planes + words;
    std::uint32_t of_high = 0, of_low = 0;  // sums of a row that is not finite are any number, and may go round
    for (int i = 0; i < row_lanes; ++i)
      of_high -= 128 * static_cast<std::uint32_t>(sums[0][i]), of_low -= 128 * static_cast<std::uint32_t>(sums[1][i]);
    high_offset = static_cast<std::int32_t>(of_high), low_offset = static_cast<std::int32_t>(of_low);
  }

 private:
  // Of the absolute values, compared as integers: NaN and infinity are the largest, and so become the unit.
  static SUPRA_HOST_INLINE float largest(const float* x, int cols) {
    ints most = {};
    for (int i = 0; i < cols; i += row_lanes) {
      const ints size = *reinterpret_cast<const ints*>(x + i) & 0x7fffffff;
      most = size > most ? size : most;
    }
    std::int32_t all = 0;
    for (int i = 0; i < row_lanes; ++i) all = most[i] > all ? most[i] : all;
    return std::bit_cast<float>(all);
  }
  // One vector of words, of which the first `left` are columns: n = round(x / unit) = 128 high + low.
  static SUPRA_HOST_INLINE void split(const float* x, int groups, int left, float inverse, std::uint32_t* to, int low,
                                      ints (&sums)[2]) {
    constexpr float magic = 12582912;  // 1.5 2^23: adding it rounds to a whole number, kept in the low bits
    ints lane = {}, high_word = {}, low_word = {};
    for (int i = 0; i < row_lanes; ++i) lane[i] = i;
    const ints columns = lane < left;
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      const floats scaled = *reinterpret_cast<const floats*>(x + k * groups) * inverse + magic;
      const ints n = ((ints)scaled - std::bit_cast<std::int32_t>(magic)) & columns, top = (n + 64) >> 7, rest = n - (top << 7);
      sums[0] += top, sums[1] += rest;
      high_word |= (top & 255) << 8 * k, low_word |= (rest & 255) << 8 * k;
    }
    *reinterpret_cast<ints*>(to) = high_word, *reinterpret_cast<ints*>(to + low) = low_word;
  }
};
template <int R>
SUPRA_HOST_INLINE void add_bytes(const bits* w, const integer_row* x, int groups, sums& s) {
  constexpr int P = R == 1 ? 4 : 1;
  ints high[R][P] = {}, low[R][P] = {};
  int l = 0;
  for (; l + P <= groups; l += P)
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        add_byte_products(high[r][p], w[l + p], x[r].high[l + p]);
        add_byte_products(low[r][p], w[l + p], x[r].low[l + p]);
      }
  for (; l < groups; ++l)
    for (int r = 0; r < R; ++r)
      add_byte_products(high[r][0], w[l], x[r].high[l]), add_byte_products(low[r][0], w[l], x[r].low[l]);
  for (int r = 0; r < R; ++r) {
    for (int p = 1; p < P; ++p) high[r][0] += high[r][p], low[r][0] += low[r][p];
    s[r] = x[r].unit * (128.0f * __builtin_convertvector(high[r][0] + x[r].high_offset, floats) +
                        __builtin_convertvector(low[r][0] + x[r].low_offset, floats));
  }
}
}  // namespace packed_detail

}  // namespace supra::layer
