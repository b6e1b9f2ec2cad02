#include "supra/feature/identity.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<elementwise<identity>>(); }
BOOST_AUTO_TEST_CASE(values) { close(mapped<elementwise<identity>>(numbers{-2, 0, 3}), {-2, 0, 3}, 0); }
