// Which widths walk on tensor cores, and that what walks there is right: no kernel of theirs is left to plain teams.
#include "gpu.hpp"
#include "supra/supra.hpp"
#include "supra/testing/check_composition.hpp"

using namespace supra;

namespace {

// The backend, which counts what it could not walk so.
struct watched : cuda_backend {
  int walked = 0, refused = 0;
  template <class K>
  bool launch_walk(std::int64_t n, const K& kernel) {
    return count(cuda_backend::launch_walk(n, kernel));
  }
  template <class K, class L>
  bool launch_walk_pair(std::int64_t n, const K& one, const L& other) {
    return count(cuda_backend::launch_walk_pair(n, one, other));
  }
  bool count(bool taken) {
    ++(taken ? walked : refused);
    return taken;
  }
};

template <class Composition>
void walks(const std::vector<int>& widths) {
  watched b;
  for (int d : widths)
    // whole sequences, and parts of them; a last chunk of few tokens
    for (const auto& c : {testing::attention_case{16, 8, d, d, 64, 17, 75, 1}, {2, 2, d, d, 64, 1, 150, 2}}) {
      const auto report = testing::check_composition<Composition, watched, bf16>(b, c);
      for (const auto& f : report.failures) BOOST_ERROR("d " << d << ", T " << c.length << ": " << f);
    }
  BOOST_TEST(b.walked > 0);
#ifdef SUPRA_CUDA_HOPPER
  BOOST_TEST(b.refused == 0);
#endif
}

}  // namespace

// Float results and a denominator, then half as many columns of the state as it has rows.
BOOST_AUTO_TEST_CASE(gated) { walks<linear_attention<softmax, no_position, per_token_decay, sum_norm>>({32, 48, 64, 96, 128}); }
using wide = linear_attention<hedgehog, rope, slope_decay, group_norm>;
BOOST_AUTO_TEST_CASE(twice_as_many_features_and_a_denominator) {
  walks<linear_attention<hedgehog, no_position, slope_decay, sum_norm>>({32, 48, 64, 128});
}
BOOST_AUTO_TEST_CASE(twice_as_many_features) { walks<wide>({32, 48, 64, 128}); }
BOOST_AUTO_TEST_CASE(other_widths_are_left_to_plain_teams) {
  watched b;
  BOOST_TEST((testing::check_composition<wide, watched, bf16>(b, {2, 1, 40, 40, 64, 2, 75, 3}).ok()));
  BOOST_TEST(b.walked == 0);
}
