#include "supra/position/rope_scaled.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

namespace {
// Radians per token of each pair.
numbers frequencies(const rope_scaled& s, int n) {
  numbers r;
  for (int i = 0; i < n / 2; ++i) r.push_back(s.table(n, i) * 2 * 3.14159265358979323846);
  return r;
}
}  // namespace

BOOST_AUTO_TEST_CASE(satisfies_everything) {
  passes<rope_scaled>();
  passes(rope_scaled{500000, rope_scaling_kind::llama3, 8});
  passes(rope_scaled{10000, rope_scaling_kind::yarn, 4, 2048});
}
BOOST_AUTO_TEST_CASE(unscaled_is_rope) { close(turned(rope_scaled{}, 9, {1, 2, 3, 4}), turned(rope{}, 9, {1, 2, 3, 4}), 0); }
BOOST_AUTO_TEST_CASE(linear_divides_positions) {
  close(turned(rope_scaled{10000, rope_scaling_kind::linear, 4}, 36, {1, 2, 3, 4}), turned(rope{}, 9, {1, 2, 3, 4}));
}
// Computed from Hugging Face's formulas apart from this code: a short wave kept, a middle one mixed, long ones stretched.
BOOST_AUTO_TEST_CASE(llama3_numbers) {
  close(frequencies({500000, rope_scaling_kind::llama3, 8}, 16),
        {1, 0.193922744749, 0.0376060309309, 0.00729266473722, 0.000524846160993, 3.42810219595e-05, 6.64786987118e-06,
         1.28917317215e-06},
        1e-11);
  BOOST_TEST((rope_scaled{500000, rope_scaling_kind::llama3, 8}.table(16, 8) == 1));
}
BOOST_AUTO_TEST_CASE(yarn_numbers) {
  rope_scaled s{10000, rope_scaling_kind::yarn, 4, 2048};
  close(frequencies(s, 16), {1, 0.316227766017, 0.1, 0.0256935059889, 0.00625, 0.00138349647632, 0.00025, 7.90569415042e-05},
        1e-11);
  close({s.table(16, 8)}, {1.13862943611}, 1e-11);
  s.attention_factor = 1.5;
  close({s.table(16, 8)}, {1.5}, 0);
}
BOOST_AUTO_TEST_CASE(the_attention_factor_scales_scores_by_its_square) {
  const rope_scaled s{10000, rope_scaling_kind::yarn, 4, 2048};
  const double a = 0.1 * std::log(4.0) + 1;
  close({dot(turned(s, 5, {1, 2}), turned(s, 5, {3, 4}))}, {11 * a * a});
}
