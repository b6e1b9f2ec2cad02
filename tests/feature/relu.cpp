#include "supra/feature/relu.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<elementwise<relu>>(); }
BOOST_AUTO_TEST_CASE(values) { close(mapped<elementwise<relu>>(numbers{-2, 0, 3}), {0, 0, 3}, 0); }
BOOST_AUTO_TEST_CASE(nan_stays) { BOOST_TEST(std::isnan(relu::value(std::nanf("")))); }
BOOST_AUTO_TEST_CASE(flat_at_zero) { BOOST_TEST(relu::derivative(0.0) == 0); }
