#include "backends.hpp"

BOOST_AUTO_TEST_CASE(tbb_agrees_with_eigen) { supra_test::agrees("tbb"); }
