#include "supra/reference/oracle.hpp"

#include "supra/core/serial.hpp"
#include "supra/supra.hpp"
#include "supra/testing/check_composition.hpp"
#include "test.hpp"

using namespace supra;

namespace {

// The core on the serial backend against both forms of the oracle.
template <class Composition> void core_agrees(const testing::attention_case& c) {
  serial_backend b;
  attention<Composition, serial_backend, double> layer;
  testing::attention_run<serial_backend, double> run(b, layer, c);
  const auto x = run.random();
  const sequences seq{c.count, c.length};
  const auto core = run.forward(x, seq, run.tokens());
  const reference::oracle<Composition> oracle({run.tokens(), c.heads, c.kv_heads, c.d, c.e}, seq);
  const reference::oracle_inputs in{x.q, x.k, x.v, x.decay, x.feature_q, x.feature_k, x.normalizer, x.state};
  for (auto form : {reference::form::quadratic, reference::form::recurrent}) {
    const auto r = oracle(in, form);
    BOOST_TEST(testing::relative_difference(core.o, r.y) < testing::attention_tolerance<double>(c));
    BOOST_TEST(testing::relative_difference(core.state, r.state) < testing::attention_tolerance<double>(c));
  }
}
template <class Composition> void core_agrees() {
  core_agrees<Composition>({4, 2, 8, 6, 16, 2, 37, 1});
  core_agrees<Composition>({3, 1, 4, 5, 7, 1, 50, 2});
}

}  // namespace

BOOST_AUTO_TEST_CASE(paper) { core_agrees<supra_attention>(); }
BOOST_AUTO_TEST_CASE(hedgehog_gated) { core_agrees<linear_attention<hedgehog, rope_interleaved, per_token_decay, sum_norm>>(); }
BOOST_AUTO_TEST_CASE(taylor2_learned) { core_agrees<linear_attention<taylor2, no_position, learned_decay, sum_norm>>(); }
BOOST_AUTO_TEST_CASE(temperature_xpos) {
  core_agrees<linear_attention<softmax_temperature, xpos, retnet_decay, rms_norm_gain>>();
}
BOOST_AUTO_TEST_CASE(relu_absolute) {
  core_agrees<linear_attention<elementwise<relu>, absolute, per_token_decay, group_norm>>();
}

BOOST_AUTO_TEST_CASE(positions_start_where_the_sequence_says) {
  using composition = linear_attention<elementwise<identity>, rope, no_decay, no_norm>;
  const std::int64_t start[] = {1000};
  const sequences here{1, 3}, there{1, 3, nullptr, nullptr, start};
  const reference::oracle_inputs in{{1, 2, 3, 4, 5, 6}, {2, 1, 4, 3, 6, 5}, {1, 2, 3}, {}, {}, {}, {}, {}};
  const auto a = reference::oracle<composition>({3, 1, 1, 2, 1}, here)(in, reference::form::quadratic);
  const auto b = reference::oracle<composition>({3, 1, 1, 2, 1}, there)(in, reference::form::quadratic);
  for (std::size_t i = 0; i < 3; ++i)
    BOOST_TEST(a.y[i] == b.y[i], boost::test_tools::tolerance(1e-12));  // distances alone count
  BOOST_TEST(a.state[0] != b.state[0]);
}
