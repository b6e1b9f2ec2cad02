// Which widths walk on tensor cores, and that what walks there is right: no kernel of theirs is left to plain teams.
// A build for few widths has three here: tiles of 64 columns that are full, by one warpgroup's state and by two, and one that
// is not.
#ifdef SUPRA_CUDA_WIDTHS
#undef SUPRA_CUDA_WIDTHS
#define SUPRA_CUDA_WIDTHS 48, 64, 128
#endif
#include <algorithm>

#include "walked.hpp"

using namespace supra;
using supra_test::walks, supra_test::watched;

namespace {
// Of these widths, those that this build has.
std::vector<supra_test::head_widths> heads(std::initializer_list<int> widths) {
  std::vector<supra_test::head_widths> built;
  for (int w : {SUPRA_CUDA_WIDTHS})
    if (std::count(widths.begin(), widths.end(), w)) built.push_back({w, w});
  return built;
}
}  // namespace

// q . dq and k . dk summed in registers and a denominator, then half as many columns of the state as it has rows.
BOOST_AUTO_TEST_CASE(gated) {
  walks<linear_attention<softmax, no_position, per_token_decay, sum_norm>>(heads({32, 48, 64, 96, 128}));
}
// A normalizer's own numbers, summed in the pass that makes the gradient behind it.
BOOST_AUTO_TEST_CASE(gains) {
  walks<linear_attention<elementwise<relu>, rope, per_token_decay, rms_norm_gain>>(heads({32, 48, 64, 96, 128}));
}
using twice = linear_attention<hedgehog, rope, slope_decay, group_norm>;
BOOST_AUTO_TEST_CASE(twice_as_many_features_and_a_denominator) {
  walks<linear_attention<hedgehog, no_position, slope_decay, sum_norm>>(heads({32, 48, 64, 128}));
}
BOOST_AUTO_TEST_CASE(twice_as_many_features) { walks<twice>(heads({32, 48, 64, 128})); }
BOOST_AUTO_TEST_CASE(other_widths_are_left_to_plain_teams) {
  watched b;
  BOOST_TEST((testing::check_composition<twice, watched, bf16>(b, {2, 1, 40, 40, 64, 2, 75, 3}).ok()));
  BOOST_TEST((testing::check_composition<twice, watched, bf16>(b, {2, 1, 128, 64, 64, 2, 75, 4}).ok()));
  BOOST_TEST(b.walked == 0);
}
