// Steps of one token of heads as models have them, which a device takes on teams of its own (supra/cuda/launch_step.hpp):
// one after another they are the whole text.
#include "session.hpp"
#include "supra/supra.hpp"
#include "supra/testing/check_composition.hpp"

using namespace supra;

namespace {
template <class Composition, class T>
void one_by_one(int d) {
  const testing::attention_case c{4, 2, d, d, 16, 3, 19, 7};
  kokkos_backend<> b;
  attention<Composition, kokkos_backend<>, T> layer;
  testing::attention_run<kokkos_backend<>, T> run(b, layer, c);
  const auto x = run.random();
  const auto whole = run.forward(x, {c.count, c.length}, run.tokens()), steps = run.recurrent(x), again = run.recurrent(x);
  const double most = testing::attention_tolerance<T>(c);
  BOOST_TEST(testing::relative_difference(steps.o, whole.o) <= most);
  BOOST_TEST(testing::relative_difference(steps.state, whole.state) <= most);
  BOOST_TEST((again.o == steps.o && again.state == steps.state));
}
}  // namespace

BOOST_AUTO_TEST_CASE(steps_are_the_whole_text) {
  for (int d : {24, 32, 64, 128}) {
    BOOST_TEST_CONTEXT("heads of " << d) {
      one_by_one<supra_attention, bf16>(d);
      one_by_one<linear_attention<hedgehog, rope, learned_decay, sum_norm>, float>(d);
    }
  }
}
