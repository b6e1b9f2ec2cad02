// A backend with a launch of its own for steps is asked first; its kernels compute the angles that no launch before them gave.
#include "supra/core/step.hpp"

#include "supra/core/serial.hpp"
#include "supra/supra.hpp"
#include "supra/testing/check_composition.hpp"
#include "test.hpp"

using namespace supra;

namespace {
struct stepping : serial_backend {
  bool takes = true;
  int steps = 0;  // taken
  template <class K>
  bool launch_step(std::int64_t n, const K& kernel) {
    BOOST_TEST((kernel.call.angles == nullptr));
    if (!takes) return false;
    ++steps;
    launch(n, scratch_bytes_of<typename K::template scratch<team>>(kernel.call), kernel);
    return true;
  }
};

template <class Composition>
void same_by_either_launch() {
  const testing::attention_case c{4, 2, 8, 6, 16, 3, 11, 5};
  stepping b;
  attention<Composition, stepping, double> layer;
  testing::attention_run<stepping, double> run(b, layer, c);
  const auto x = run.random();
  const auto whole = run.forward(x, {c.count, c.length}, run.tokens()), own = run.recurrent(x);
  BOOST_TEST(b.steps == 11);
  b.takes = false;
  const auto plain = run.recurrent(x);
  BOOST_TEST(b.steps == 11);
  const double most = testing::attention_tolerance<double>(c);
  for (const auto* y : {&own, &plain}) {
    BOOST_TEST(testing::relative_difference(y->o, whole.o) <= most);
    BOOST_TEST(testing::relative_difference(y->state, whole.state) <= most);
  }
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_launch_of_its_own_or_none) {
  same_by_either_launch<supra_attention>();
  same_by_either_launch<linear_attention<hedgehog, rope_interleaved, learned_decay, sum_norm>>();
  same_by_either_launch<linear_attention<softmax_temperature, xpos, per_token_decay, rms_norm_gain>>();
  same_by_either_launch<linear_attention<elementwise<relu>, no_position, no_decay, no_norm>>();
}
