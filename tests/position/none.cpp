#include "supra/position/none.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<no_position>(); }
BOOST_AUTO_TEST_CASE(does_nothing) { BOOST_TEST(IsIdentity<no_position>); }
