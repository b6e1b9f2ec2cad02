#include "supra/position/xpos.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<xpos>(); }
BOOST_AUTO_TEST_CASE(distances_alone_count) {
  const numbers q{0.3, -1, 2, 0.1}, k{1, 0.5, 0.25, -2};
  const double near = dot(turned(xpos{}, 7, q), turned(xpos{}, 2, k, true)),
               far = dot(turned(xpos{}, 3007, q), turned(xpos{}, 3002, k, true));
  BOOST_TEST(near == far, boost::test_tools::tolerance(1e-9));
}
BOOST_AUTO_TEST_CASE(falls_by_zeta_over_base_tokens) {
  // a row of two has one pair, zeta_0 = 0.4 / 1.4; turning keeps the length
  const auto x = turned(xpos{}, 512, {3, 4}), y = turned(xpos{}, 512, {3, 4}, true);
  BOOST_TEST(std::hypot(x[0], x[1]) == 5 * 0.4 / 1.4, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(std::hypot(y[0], y[1]) == 5 * 1.4 / 0.4, boost::test_tools::tolerance(1e-12));
}
BOOST_AUTO_TEST_CASE(floats_reach_35000) {
  const float log_zeta = static_cast<float>(xpos{}.table(128, 64));
  BOOST_TEST(std::isfinite(math::exp(-35000 * log_zeta)));
  BOOST_TEST(math::exp(35000 * log_zeta) > 0);
}
