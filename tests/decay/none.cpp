#include "supra/decay/none.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<no_decay>(); }
BOOST_AUTO_TEST_CASE(keeps_everything) { BOOST_TEST(no_decay{}.log_gamma(3, 8) == 0); }
