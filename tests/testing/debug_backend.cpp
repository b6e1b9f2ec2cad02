#include "supra/testing/debug_backend.hpp"

#include "supra/supra.hpp"
#include "supra/testing/check_composition.hpp"
#include "test.hpp"

using namespace supra;
using testing::debug_backend;

namespace {

template <class Composition> void conforms(const testing::attention_case& c) {
  debug_backend b;
  const auto report = testing::check_composition<Composition, debug_backend, float>(b, c);
  for (const auto& f : report.failures) BOOST_ERROR(f);
}

// A stage whose every lane only sees its own part.
struct forgets_the_sum {
  SUPRA_FN static constexpr int out_dim(int d) { return d; }
  void forward(auto lanes, const auto&, auto x, auto y) const {
    double s = 0;
    lanes.each(x.size(), [&](auto i) { s += x[i] * x[i]; });
    lanes.each(x.size(), [&](auto i) { y[i] = static_cast<float>(x[i] / s); });
  }
  void vjp(auto lanes, const auto&, auto, auto dy, auto dx) const {
    lanes.each(dy.size(), [&](auto i) { dx[i] = dy[i]; });
  }
};
template <class B> std::vector<double> output(B& b) {
  using composition = linear_attention<forgets_the_sum, no_position, no_decay, no_norm>;
  attention<composition, B, float> layer;
  testing::attention_run<B, float> run(b, layer, {1, 1, 12, 4, 4, 1, 6});
  return run.forward(run.random(), {1, 6}, 6).o;
}

}  // namespace

BOOST_AUTO_TEST_CASE(paper) { conforms<supra_attention>({2, 1, 12, 5, 4, 1, 7}); }
BOOST_AUTO_TEST_CASE(hedgehog_gated) {
  conforms<linear_attention<hedgehog, rope_interleaved, per_token_decay, sum_norm>>({2, 2, 12, 6, 4, 2, 5});
}
BOOST_AUTO_TEST_CASE(taylor2_learned) {
  conforms<linear_attention<taylor2, no_position, learned_decay, rms_norm_gain>>({1, 1, 4, 3, 4, 1, 5});
}
BOOST_AUTO_TEST_CASE(temperature_xpos) {
  conforms<linear_attention<softmax_temperature, xpos, slope_decay, rms_norm>>({2, 1, 8, 6, 3, 1, 7});
}

BOOST_AUTO_TEST_CASE(absolute_learned) {
  conforms<linear_attention<elementwise<relu>, absolute, learned_decay, group_norm>>({2, 1, 12, 5, 4, 1, 7});
}

BOOST_AUTO_TEST_CASE(a_missing_reduction_shows_in_the_values) {
  serial_backend one;
  debug_backend three;
  BOOST_TEST(testing::relative_difference(output(one), output(three)) > 0.01);
}
