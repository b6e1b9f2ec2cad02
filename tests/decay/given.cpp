#include "supra/decay/given.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<given_decay>({}, {{}, -4, 0}); }
BOOST_AUTO_TEST_CASE(is_what_is_given) {
  BOOST_TEST(given_decay{}.log_gamma(-0.3) == -0.3);
  BOOST_TEST(given_decay{}.vjp(-0.3, 7.0) == 7);
}
