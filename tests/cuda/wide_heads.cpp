// Wide heads, walked on tensor cores where a composition asks: q and k two and four times as wide as v, as learned maps make
// them, and heads of 256.
#include "walked.hpp"

using namespace supra;

namespace {
// q . dq and k . dk summed in registers; none; a denominator, and a decay of each head's own.
using best = linear_attention<elementwise<relu>, rope, per_token_decay, rms_norm_gain>;
using paper = linear_attention<elementwise<relu>, rope, slope_decay, group_norm>;
using with_denominator = linear_attention<softmax, no_position, learned_decay, sum_norm>;

template <class Composition>
void walks_wide() {
  std::vector<supra_test::head_widths> widths;
  for (int e : {SUPRA_CUDA_WIDTHS})
    for (int d : {2 * e, 4 * e})
      if ((e == 64 || e == 128) && d <= 256) widths.push_back({d, e});
  supra_test::walks<Composition>(widths, 8);
}
}  // namespace
template <>
inline constexpr bool supra::cuda::wide_heads<kernel_stages<best>> = true;
template <>
inline constexpr bool supra::cuda::wide_heads<kernel_stages<paper>> = true;
template <>
inline constexpr bool supra::cuda::wide_heads<kernel_stages<with_denominator>> = true;

BOOST_AUTO_TEST_CASE(gated) { walks_wide<best>(); }
BOOST_AUTO_TEST_CASE(the_papers) { walks_wide<paper>(); }
BOOST_AUTO_TEST_CASE(a_denominator) { walks_wide<with_denominator>(); }
BOOST_AUTO_TEST_CASE(heads_of_256) {
  supra_test::walks<best>({{256, 256}}, 8);
  supra_test::walks<paper>({{256, 256}}, 8);
}
