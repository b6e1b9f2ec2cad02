#include "supra/testing/check_composition.hpp"

#include "supra/core/serial.hpp"
#include "supra/supra.hpp"
#include "test.hpp"

using namespace supra;

namespace {

struct wrong_vjp : elementwise<elu1> {
  void vjp(auto lanes, const auto&, auto, auto dy, auto dx) const {
    lanes.each(dy.size(), [&](auto i) { dx[i] = dy[i]; });
  }
};
// Scales by how often it was called: no two runs agree.
struct counts_calls : no_norm {
  auto forward(auto lanes, const auto& at, auto o, auto z, auto y) const {
    static int calls = 0;
    no_norm::forward(lanes, at, o, z, y);
    const int call = ++calls;
    lanes.each(y.size(), [&](auto i) { y[i] *= 1 + call % 7; });
    return typename decltype(y)::value_type(0);
  }
};
struct wrong_gate : per_token_decay {
  template <class A> A vjp(A, A d) const { return d; }
};

template <class Composition> std::string failures() {
  serial_backend b;
  std::string all;
  for (const auto& f : testing::check_composition<Composition, serial_backend, double>(b, {2, 1, 4, 3, 4, 2, 11}).failures)
    all += f + "\n";
  return all;
}
bool says(const std::string& all, const std::string& words) { return all.find(words) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_CASE(a_good_composition_passes) { BOOST_TEST(failures<supra_attention>() == ""); }

BOOST_AUTO_TEST_CASE(a_wrong_gradient_is_named) {
  const auto map = failures<linear_attention<wrong_vjp, rope, no_decay, no_norm>>();
  BOOST_TEST(says(map, "gradient of q"), map);
  BOOST_TEST(says(map, "gradient of k"), map);
  BOOST_TEST(!says(map, "gradient of v"), map);
  const auto gate = failures<linear_attention<softmax, rope, wrong_gate, no_norm>>();
  BOOST_TEST(says(gate, "gradient of decay"), gate);
  BOOST_TEST(!says(gate, "gradient of q"), gate);
}

BOOST_AUTO_TEST_CASE(forms_that_disagree_are_named) {
  const auto all = failures<linear_attention<softmax, rope, no_decay, counts_calls>>();
  BOOST_TEST(says(all, "recurrent: outputs"), all);
  BOOST_TEST(says(all, "chunks of 1: outputs"), all);
}
