#include "conformance.hpp"

using namespace supra;

BOOST_AUTO_TEST_CASE(hedgehog_gated) { supra_test::conforms<linear_attention<hedgehog, rope, per_token_decay, sum_norm>>(); }
BOOST_AUTO_TEST_CASE(softmax_learned) {
  supra_test::conforms<linear_attention<softmax, no_position, learned_decay, sum_norm>>();
}
BOOST_AUTO_TEST_CASE(elu1_sum) { supra_test::conforms<linear_attention<elementwise<elu1>, rope_scaled, no_decay, sum_norm>>(); }
