#include "conformance.hpp"

using namespace supra;

BOOST_AUTO_TEST_CASE(paper) { supra_test::conforms<linear_attention<elementwise<relu>, rope, slope_decay, group_norm>>(); }
BOOST_AUTO_TEST_CASE(retnet) {
  supra_test::conforms<linear_attention<elementwise<identity>, rope, retnet_decay, group_norm>>();
}
BOOST_AUTO_TEST_CASE(no_decay_no_norm) {
  supra_test::conforms<linear_attention<elementwise<exponential>, rope_interleaved, no_decay, no_norm>>();
}
