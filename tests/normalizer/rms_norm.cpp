#include "supra/normalizer/rms_norm.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<rms_norm>(); }
BOOST_AUTO_TEST_CASE(values) {
  const double r = 1 / std::sqrt(12.5 + 1e-5);
  close(normalized<rms_norm>({3, 4}), {3 * r, 4 * r});
}
BOOST_AUTO_TEST_CASE(zeros_stay) { close(normalized<rms_norm>({0, 0}), {0, 0}, 0); }
