#include "supra/decay/retnet.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<retnet_decay>(); }
BOOST_AUTO_TEST_CASE(values) {
  for (int h : {0, 1, 7})
    BOOST_TEST(std::exp(retnet_decay{}.log_gamma(h, 8)) == 1 - std::exp2(-5 - h), boost::test_tools::tolerance(1e-14));
}
BOOST_AUTO_TEST_CASE(far_heads_still_decay) { BOOST_TEST(retnet_decay{}.log_gamma(63, 64) < 0); }   // log(1 - 2^-68) would be 0
