#include "supra/testing/check_gradients.hpp"

#include "test.hpp"

using supra::testing::check_gradients;

namespace {
double f(const std::vector<double>& x) { return std::exp(x[0]) * std::sin(x[1]) + 3 * x[2]; }
std::vector<double> gradient(const std::vector<double>& x) {
  return {std::exp(x[0]) * std::sin(x[1]), std::exp(x[0]) * std::cos(x[1]), 3};
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_right_gradient_passes_far_below_the_tolerance) {
  for (double a : {-3.0, 0.0, 2.0, 20.0}) {
    const std::vector<double> x{a / 4, a, 1e6};
    const auto r = check_gradients(f, x, gradient(x));
    BOOST_TEST(r.ok());
    BOOST_TEST(r.worst < 1e-7);
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_gradient_is_named) {
  const std::vector<double> x{0.3, 0.7, 1};
  auto g = gradient(x);
  g[1] *= 1.001;
  const auto r = check_gradients(f, x, g);
  BOOST_TEST(!r.ok());
  BOOST_TEST(r.index == 1u);
  BOOST_TEST(r.worst == 0.001, boost::test_tools::tolerance(0.01));
  BOOST_TEST(r.sentence().find("index 1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(nan_is_never_right) {
  auto nan = gradient({1, 1, 1});
  nan[2] = std::nan("");
  BOOST_TEST(!check_gradients(f, {1, 1, 1}, nan).ok());
}

BOOST_AUTO_TEST_CASE(a_constant_function_has_no_gradient) {
  auto constant = [](const std::vector<double>&) { return 5.0; };
  BOOST_TEST(check_gradients(constant, {1, 2}, {0, 0}).ok());
  BOOST_TEST(!check_gradients(constant, {1, 2}, {0, 1e-3}).ok());
}

BOOST_AUTO_TEST_CASE(sizes_must_agree) { BOOST_CHECK_THROW(check_gradients(f, {1, 2, 3}, {1, 2}), std::invalid_argument); }
