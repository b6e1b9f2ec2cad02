// Vectors of 32-bit words, one word for each of `row_lanes` rows of a matrix: what products with packed weights are made of.
// A word holds one float weight, two of bf16 or four bytes.
#pragma once

#include <cstdint>

#include "supra/core/tile_product.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace supra::words {

inline constexpr int row_lanes = tile_detail::lanes<float>;
using floats = tile_detail::vec<float>;
using ints = tile_detail::vec<std::int32_t>;
using bits = tile_detail::vec<std::uint32_t>;

// sum[r] += the four unsigned bytes of w[r] times the four signed bytes of x, these from -64 to 64: then no instruction set
// rounds or saturates on the way, and every machine gets the same integers.
SUPRA_HOST_INLINE void add_byte_products(ints& sum, const bits& w, std::uint32_t x) {
#if defined(__AVX512VNNI__)
  sum = (ints)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)w, _mm512_set1_epi32(static_cast<int>(x)));
#elif defined(__AVX512BW__)
  const __m512i pairs = _mm512_maddubs_epi16((__m512i)w, _mm512_set1_epi32(static_cast<int>(x)));
  sum += (ints)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
#elif defined(__AVX2__) && !defined(__AVX512F__)
  const __m256i pairs = _mm256_maddubs_epi16((__m256i)w, _mm256_set1_epi32(static_cast<int>(x)));
  sum += (ints)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
#else
  for (int shift = 0; shift < 32; shift += 8)
    sum += (ints)(w >> shift & 255u) * std::int32_t{static_cast<std::int8_t>(x >> shift)};
#endif
}

}  // namespace supra::words
