// One test of a layer's backward for all layers: the gradient of <d, y> in the layer's inputs and parameters, laid end to end.
#pragma once

#include <numeric>
#include <random>

#include "supra/eigen/backend.hpp"
#include "supra/testing/check_gradients.hpp"
#include "test.hpp"

namespace supra_test {

using numbers = std::vector<double>;

inline numbers random(std::size_t n, std::uint64_t seed, double shift = 0) {
  std::mt19937_64 g(seed);
  std::normal_distribution<double> normal;
  numbers x(n);
  for (auto& y : x) y = shift + normal(g);
  return x;
}
inline numbers nans(std::size_t n) { return numbers(n, std::numeric_limits<double>::quiet_NaN()); }
inline double dot(const numbers& x, const numbers& y) { return std::inner_product(x.begin(), x.end(), y.begin(), 0.0); }
inline numbers joined(std::initializer_list<numbers> parts) {
  numbers r;
  for (auto& p : parts) r.insert(r.end(), p.begin(), p.end());
  return r;
}
// Piece i of numbers laid end to end with these sizes.
inline numbers piece(const numbers& x, std::initializer_list<std::size_t> sizes, std::size_t i) {
  std::size_t at = 0, j = 0;
  for (auto n : sizes) {
    if (j++ == i) return {x.begin() + static_cast<std::ptrdiff_t>(at), x.begin() + static_cast<std::ptrdiff_t>(at + n)};
    at += n;
  }
  return {};
}
template <class F> void check(F f, const numbers& x, const numbers& gradient, double tolerance = 1e-6) {
  const auto report = supra::testing::check_gradients(f, x, gradient, tolerance);
  BOOST_TEST(report.ok(), report.sentence());
}

}  // namespace supra_test
