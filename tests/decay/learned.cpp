#include "supra/decay/learned.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<learned_decay>({}, {{}, -8, 3}); }
BOOST_AUTO_TEST_CASE(starts_at_a_slope) {
  BOOST_TEST(learned_decay{}.log_gamma(std::log(0.25)) == -0.25, boost::test_tools::tolerance(1e-14));
}
