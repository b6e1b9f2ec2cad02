#include "supra/decay/slopes.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<slope_decay>(); }
BOOST_AUTO_TEST_CASE(a_power_of_two) {
  for (int h = 0; h < 8; ++h)
    BOOST_TEST(slope_decay{}.log_gamma(h, 8) == -std::exp2(-(h + 1)), boost::test_tools::tolerance(1e-14));
}
BOOST_AUTO_TEST_CASE(six_heads_take_four_slopes_and_two_of_eight) {
  numbers found;
  for (int h = 0; h < 6; ++h) found.push_back(slope_decay{}.log_gamma(h, 6));
  close(found, {-0.25, -0.0625, -0.015625, -0.00390625, -0.5, -0.125}, 1e-14);
}
BOOST_AUTO_TEST_CASE(a_start_replaces_the_first_slope) {
  BOOST_TEST(slope_decay{0.1}.log_gamma(0, 8) == -0.1, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(slope_decay{0.1}.log_gamma(2, 8) == -0.025, boost::test_tools::tolerance(1e-14));
}
