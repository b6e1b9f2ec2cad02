// 2 sigmoid(z) o: values from the definition, in place, at z = 0 and at large z; gradients against central differences in
// double.
#include "supra/layer/output_gate.hpp"

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
double plain(double o, double z) { return 2 * o / (1 + std::exp(-z)); }
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
  const double *o = at.data(), *z = o + all;
  numbers y(all, nan_value), again = y, gradient(2 * all, nan_value), in_place(at.begin(), at.begin() + all);
  for_rows(b, n, layer::output_gate_forward<double>{o, z, y.data(), width});
  for_rows(b, n, layer::output_gate_forward<double>{in_place.data(), z, in_place.data(), width});
  for (std::size_t i = 0; i < all; ++i) BOOST_TEST(y[i] == plain(o[i], z[i]), boost::test_tools::tolerance(1e-14));
  BOOST_TEST(in_place == y);
  for_rows(b, n,
           layer::output_gate_backward<double>{o, z, dy.data(), gradient.data(), gradient.data() + all, again.data(), width});
  BOOST_TEST(again == y);
  auto f = [&](const numbers& p) {
    double s = 0;
    for (std::size_t i = 0; i < all; ++i) s += dy[i] * plain(p[i], p[all + i]);
    return s;
  };
  const auto r = testing::check_gradients(f, at, gradient);
  BOOST_TEST(r.ok(), r.sentence());
  numbers d_o = dy, dz(z, z + all);                  // each in the place of what it is used up with
  for_rows(b, n, layer::output_gate_backward<double>{o, dz.data(), d_o.data(), d_o.data(), dz.data(), again.data(), width});
  d_o.insert(d_o.end(), dz.begin(), dz.end());
  BOOST_TEST(d_o == gradient);
}

BOOST_AUTO_TEST_CASE(a_gate_of_zero_changes_no_bit_and_large_ones_stay_finite) {
  serial_backend b;
  const std::vector<float> o{1.1f, -3.3f, 2, 2, 2}, z{0, 0, -1000, 90, 1000}, dy(5, 1.0f);
  std::vector<float> y(5, std::nanf("")), d_o = y, dz = y, again = y;
  for_rows(b, 1, layer::output_gate_forward<float>{o.data(), z.data(), y.data(), 5});
  BOOST_TEST((y == std::vector<float>{1.1f, -3.3f, 0, 4, 4}));
  for_rows(b, 1, layer::output_gate_backward<float>{o.data(), z.data(), dy.data(), d_o.data(), dz.data(), again.data(), 5});
  BOOST_TEST((again == y));
  BOOST_TEST((d_o == std::vector<float>{1, 1, 0, 2, 2}));
  BOOST_TEST(dz[0] == 0.55f);
  BOOST_TEST((dz[2] == 0 && dz[3] == 0 && dz[4] == 0));
}
