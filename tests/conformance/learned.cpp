#include "conformance.hpp"

using namespace supra;

BOOST_AUTO_TEST_CASE(temperature_gain) {
  supra_test::conforms<linear_attention<softmax_temperature, rope, learned_decay, rms_norm_gain>>();
}
BOOST_AUTO_TEST_CASE(xpos_given) { supra_test::conforms<linear_attention<elementwise<relu>, xpos, given_decay, rms_norm>>(); }
BOOST_AUTO_TEST_CASE(taylor2_sum) { supra_test::conforms<linear_attention<taylor2, no_position, slope_decay, sum_norm>>(); }
