#include "supra/decay/per_token.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<per_token_decay>({}, {{}, -8, 8}); }
BOOST_AUTO_TEST_CASE(gamma_is_a_sigmoid) {
  for (double x : {-3.0, 0.0, 2.0})
    BOOST_TEST(std::exp(per_token_decay{}.log_gamma(x)) == 1 / (1 + std::exp(-x)), boost::test_tools::tolerance(1e-14));
}
BOOST_AUTO_TEST_CASE(far_gates) {
  BOOST_TEST(per_token_decay{}.log_gamma(-1000.0f) == -1000);
  BOOST_TEST(per_token_decay{}.log_gamma(1000.0f) == 0);
  BOOST_TEST(std::isfinite(per_token_decay{}.vjp(-1000.0f, 1.0f)));
}
