#include "supra/normalizer/none.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<no_norm>(); }
BOOST_AUTO_TEST_CASE(values) { close(normalized<no_norm>({1, -2, 3}), {1, -2, 3}, 0); }
