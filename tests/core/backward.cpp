// What a backward pass keeps beside its outputs: made anew for each call's size, and only where it is wanted.
#include "supra/core/backward.hpp"

#include "supra/core/serial.hpp"
#include "supra/supra.hpp"
#include "supra/testing/check_composition.hpp"
#include "test.hpp"

using namespace supra;

namespace {
// One that is not asked for the gradients of its stages' own numbers.
struct inputs_alone : any_attention<serial_backend, double> {
  using B = serial_backend;
  using in_type = attention_inputs<double>;
  any_attention& all;
  explicit inputs_alone(any_attention& a) : all(a) {}
  attention_widths widths(int d, int e) const override { return all.widths(d, e); }
  void forward(B& b, const attention_shape& shape, const sequences& seq, const in_type& in,
               const attention_outputs<double>& out) override {
    all.forward(b, shape, seq, in, out);
  }
  void backward(B& b, const attention_shape& shape, const sequences& seq, const in_type& in,
                const attention_gradients<double>& wanted) override {
    auto grad = wanted;
    grad.d_normalizer = grad.d_feature_q = grad.d_feature_k = nullptr;
    all.backward(b, shape, seq, in, grad);
  }
  void step(B&, const attention_shape&, std::int64_t, const std::int64_t*, const in_type&, double*, strided<double>) override {}
  void map(B&, std::int64_t, int, int, strided<const double>, const double*, strided<double>) override {}
  void map_vjp(B&, std::int64_t, int, int, strided<const double>, const double*, strided<const double>, strided<double>,
               double*) override {}
};

testing::attention_values gradients(any_attention<serial_backend, double>& layer, const testing::attention_case& c) {
  serial_backend b;
  testing::attention_run<serial_backend, double> run(b, layer, c);
  const auto x = run.random();
  const sequences seq{c.count, c.length};
  const auto y = run.forward(x, seq, run.tokens());
  return run.backward(x, seq, run.tokens(), y, std::vector<double>(y.o.size(), 0.5), std::vector<double>(y.state.size(), 0.25));
}

template <class Composition>
void same_without_own_numbers() {
  const testing::attention_case c{4, 2, 8, 6, 16, 3, 21, 5};
  attention<Composition, serial_backend, double> all;
  inputs_alone alone(all);
  const auto wanted = gradients(all, c), found = gradients(alone, c);
  BOOST_TEST((found.q == wanted.q && found.k == wanted.k && found.v == wanted.v && found.decay == wanted.decay &&
              found.state == wanted.state));
}

template <class Composition>
void same_after_larger_and_smaller_calls() {
  attention<Composition, serial_backend, double> kept;
  for (std::int64_t length : {3, 50, 7}) {
    const testing::attention_case c{4, 2, 8, 6, 16, 2, length, 5};
    attention<Composition, serial_backend, double> fresh;
    const auto wanted = gradients(fresh, c), found = gradients(kept, c);
    for (int i = 0; i < 8; ++i) BOOST_TEST((*found.all[i] == *wanted.all[i]));
  }
}
using gains = linear_attention<hedgehog, rope, per_token_decay, rms_norm_gain>;
using denominator = linear_attention<softmax_temperature, xpos, learned_decay, sum_norm>;
using nothing = linear_attention<elementwise<relu>, no_position, no_decay, no_norm>;
}  // namespace

BOOST_AUTO_TEST_CASE(what_is_not_wanted_changes_nothing) {
  same_without_own_numbers<gains>(), same_without_own_numbers<denominator>(), same_without_own_numbers<nothing>();
}
BOOST_AUTO_TEST_CASE(calls_of_all_sizes) {
  same_after_larger_and_smaller_calls<gains>(), same_after_larger_and_smaller_calls<denominator>(),
      same_after_larger_and_smaller_calls<nothing>();
}
