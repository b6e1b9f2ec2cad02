#include "supra/feature/elu1.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<elementwise<elu1>>(); }
BOOST_AUTO_TEST_CASE(values) {
  close(mapped<elementwise<elu1>>(numbers{-2, -0.5, 0, 3}), {0.1353352832366127, 0.6065306597126334, 1, 4});
}
BOOST_AUTO_TEST_CASE(far_out) {
  BOOST_TEST(elu1::value(1000.0f) == 1001);          // the branch not taken must not overflow
  BOOST_TEST(elu1::derivative(1000.0f) == 1);
  BOOST_TEST(elu1::value(-1000.0f) == 0);
  BOOST_TEST(std::isnan(elu1::value(std::nanf(""))));
}
