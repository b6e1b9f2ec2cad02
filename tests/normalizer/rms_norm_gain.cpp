#include "supra/normalizer/rms_norm_gain.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<rms_norm_gain>(); }
BOOST_AUTO_TEST_CASE(a_gain_for_each_feature) { BOOST_TEST(parameters_of<rms_norm_gain>(64) == 64); }
BOOST_AUTO_TEST_CASE(values) {
  const double r = 1 / std::sqrt(12.5 + 1e-5);
  close(normalized<rms_norm_gain>({3, 4}, 0, {2, -1}), {6 * r, -4 * r});
}
