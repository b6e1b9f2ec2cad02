// m x + (1 - m) z: values from the definition, gradients against central differences in double, and mixes so large that one
// branch is all.
#include "supra/layer/branch_mix.hpp"

#include <tuple>

#include "gradients.hpp"
#include "supra/core/serial.hpp"

using namespace supra;
using namespace supra_test;
using backends = std::tuple<serial_backend, eigen_backend>;

namespace {
constexpr int heads = 3, d = 5;
constexpr std::int64_t n = 130;  // more than a block of a sum's rows
constexpr std::size_t all = n * heads * d;

// x, z and branch_mix laid end to end -> y.
numbers mixed(const numbers& p) {
  numbers y(all);
  for (std::size_t i = 0; i < all; ++i) {
    const double m = 1 / (1 + std::exp(-p[2 * all + i / d % heads]));
    y[i] = m * p[i] + (1 - m) * p[all + i];
  }
  return y;
}
}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(values_and_gradients, B, backends) {
  B b;
  const auto p = random(2 * all + heads, 1), dy = random(all, 2), before = random(heads, 3);
  const double *x = p.data(), *z = x + all, *mix = z + all;
  auto y = nans(all);
  for_rows(b, n * heads, layer::branch_mix_forward<double>{x, z, mix, y.data(), heads, d});
  const auto wanted = mixed(p);
  for (std::size_t i = 0; i < all; ++i) BOOST_TEST(std::abs(y[i] - wanted[i]) <= 1e-15 * (1 + std::abs(x[i]) + std::abs(z[i])));

  auto gradient = nans(2 * all);
  gradient.insert(gradient.end(), before.begin(), before.end());  // branch_mix's is added to
  double *const dx = gradient.data(), *const dz = dx + all;
  using rows = layer::branch_mix_gradients<double>;
  layer::branch_mix_backward(b, n, rows{x, z, dy.data(), mix, dx, dz, nullptr, heads, d}, dz + all);
  auto in_place = dy, again = nans(all), sums = before;
  layer::branch_mix_backward(
      b, n, rows{x, z, in_place.data(), mix, again.data(), in_place.data(), nullptr, heads, d}, sums.data());
  BOOST_TEST((again == numbers(dx, dz) && in_place == numbers(dz, dz + all)));
  for (int h = 0; h < heads; ++h)
    BOOST_TEST(sums[static_cast<std::size_t>(h)] == gradient[2 * all + static_cast<std::size_t>(h)]);
  for (int h = 0; h < heads; ++h) gradient[2 * all + static_cast<std::size_t>(h)] -= before[static_cast<std::size_t>(h)];
  check([&](const numbers& at) { return dot(dy, mixed(at)); }, p, gradient);
}

BOOST_AUTO_TEST_CASE(a_large_mix_is_one_branch_alone) {
  serial_backend b;
  const std::vector<float> x{1.25f, -3, 7, 9}, z{2, 0.1f, -5, 11}, dy(4, 1.0f), mix{1000, -1000};
  std::vector<float> y(4, std::nanf("")), dx = y, dz = y, sums(2, 0.0f);
  for_rows(b, 2, layer::branch_mix_forward<float>{x.data(), z.data(), mix.data(), y.data(), 2, 2});
  BOOST_TEST((y == std::vector<float>{1.25f, -3, -5, 11}));
  using rows = layer::branch_mix_gradients<float>;
  layer::branch_mix_backward(
      b, 1, rows{x.data(), z.data(), dy.data(), mix.data(), dx.data(), dz.data(), nullptr, 2, 2}, sums.data());
  BOOST_TEST((dx == std::vector<float>{1, 1, 0, 0} && dz == std::vector<float>{0, 0, 1, 1} && sums == std::vector<float>{0, 0}));
}
