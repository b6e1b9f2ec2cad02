// Matrices of every size and kind for tests of packed weights, their bounds and a product's oracle in double.
#pragma once

#include <random>

#include "supra/core/serial.hpp"
#include "supra/layer/packed_product.hpp"
#include "test.hpp"

namespace supra_test {

using supra::layer::weight_kind;
inline constexpr std::int64_t some_rows[] = {1, 3, 17}, some_cols[] = {1, 5, 64, 97, 288};

inline std::vector<float> numbers(std::int64_t n, std::uint64_t seed, double size = 1) {
  std::mt19937_64 g(seed);
  std::normal_distribution<double> normal(0, size);
  std::vector<float> x(static_cast<std::size_t>(n));
  for (auto& one : x) one = static_cast<float>(normal(g));
  return x;
}

// What one weight may lose: half a step of int8's scale (and the rounding of what stands for it to float), half a unit in the
// last place of bf16 (whose smallest step is 2^-133), nothing of f32.
inline double weight_bound(weight_kind kind, float w, double scale) {
  const double u = supra::unit_roundoff<float>;
  if (kind == weight_kind::f32) return 0;
  return kind == weight_kind::bf16 ? supra::unit_roundoff<supra::bf16> * std::abs(w) + 0x1p-134
                                   : scale / 2 + 2 * u * std::abs(w) + u * scale;
}

template <class B>
struct packed_case {
  std::int64_t rows, cols;
  std::vector<float> values;
  supra::layer::packed_matrix<B> matrix;
  packed_case(B& b, weight_kind kind, std::int64_t rows, std::int64_t cols, double size = 1)
      : rows(rows), cols(cols), values(numbers(rows * cols, 7, size)), matrix(b, kind, rows, cols, values.data(), "W") {}

  // Of y = x . row r of the weights as packed, in double, and how far floats may be from it: the sums in any order, and for
  // int8 x in multiples of max |x| / 8127 and its product with three rounded factors.
  double exact(const float* x, std::int64_t r) const {
    double sum = 0;
    for (std::int64_t c = 0; c < cols; ++c) sum += double(x[c]) * matrix.view().weight(r, c);
    return sum;
  }
  double bound(const float* x, std::int64_t r) const {
    double terms = 0, weights = 0, most = 0;
    for (std::int64_t c = 0; c < cols; ++c) {
      const double w = std::abs(matrix.view().weight(r, c)), a = std::abs(double(x[c]));
      terms += a * w, weights += w, most = std::max(most, a);
    }
    const double u = supra::unit_roundoff<float>;
    if (matrix.view().kind != weight_kind::int8) return (static_cast<double>(cols) + 2) * u * terms;
    return most / 8127 * (0.5 + 8127 * 2 * u) * weights + 8 * u * (terms + most * weights / 64);
  }
};

}  // namespace supra_test
