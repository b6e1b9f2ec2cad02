// silu(gate) up: values from the definition, in place, at large gates; gradients against central differences in double.
#include "supra/layer/swiglu.hpp"

#include <random>
#include <tuple>

#include "supra/core/serial.hpp"
#include "supra/eigen/backend.hpp"
#include "supra/testing/check_gradients.hpp"
#include "test.hpp"

using namespace supra;
using numbers = std::vector<double>;
using backends = std::tuple<serial_backend, eigen_backend>;

namespace {
constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
double plain(double gate, double up) { return gate / (1 + std::exp(-gate)) * up; }
numbers random(std::size_t n) {
  std::mt19937_64 g(1);
  std::normal_distribution<double> normal(0, 2);
  numbers x(n);
  for (auto& y : x) y = normal(g);
  return x;
}
}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(values_and_gradients, B, backends) {
  B b;
  const int width = 7;
  const std::int64_t n = 19;
  const std::size_t all = width * n;
  const auto at = random(2 * all), dy = numbers(at.rbegin(), at.rbegin() + all);
  const double *gate = at.data(), *up = gate + all;
  numbers y(all, nan_value), gradient(2 * all, nan_value), in_place(at.begin(), at.begin() + all);
  for_rows(b, n, layer::swiglu_forward<double>{gate, up, y.data(), width});
  for_rows(b, n, layer::swiglu_forward<double>{in_place.data(), up, in_place.data(), width});
  for (std::size_t i = 0; i < all; ++i) BOOST_TEST(y[i] == plain(gate[i], up[i]), boost::test_tools::tolerance(1e-14));
  BOOST_TEST(in_place == y);
  for_rows(b, n, layer::swiglu_backward<double>{gate, up, dy.data(), gradient.data(), gradient.data() + all, nullptr, width});
  auto f = [&](const numbers& p) {
    double s = 0;
    for (std::size_t i = 0; i < all; ++i) s += dy[i] * plain(p[i], p[all + i]);
    return s;
  };
  const auto r = testing::check_gradients(f, at, gradient);
  BOOST_TEST(r.ok(), r.sentence());
}

BOOST_AUTO_TEST_CASE(large_gates_stay_finite) {
  serial_backend b;
  const std::vector<float> gate{-1000, -90, 0, 90, 1000}, up(5, 2.0f), dy(5, 1.0f);
  std::vector<float> y(5, std::nanf("")), dgate = y, dup = y;
  for_rows(b, 1, layer::swiglu_forward<float>{gate.data(), up.data(), y.data(), 5});
  for_rows(b, 1, layer::swiglu_backward<float>{gate.data(), up.data(), dy.data(), dgate.data(), dup.data(), nullptr, 5});
  BOOST_TEST((y == std::vector<float>{0, 0, 0, 180, 2000} || std::abs(y[1]) < 1e-30f));
  BOOST_TEST(dgate[0] == 0);
  BOOST_TEST(dgate[2] == 1);
  BOOST_TEST(dgate[4] == 2);
  BOOST_TEST(dup[4] == 1000);
}
