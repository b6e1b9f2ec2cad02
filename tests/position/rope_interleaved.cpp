#include "supra/position/rope_interleaved.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<rope_interleaved>(); }
BOOST_AUTO_TEST_CASE(is_rope_with_its_features_reordered) {
  const numbers x{1, 2, 3, 4, 5, 6}, halves{1, 3, 5, 2, 4, 6};
  const auto a = turned(rope_interleaved{500}, 11, x), b = turned(rope{500}, 11, halves);
  close(a, {b[0], b[3], b[1], b[4], b[2], b[5]}, 1e-14);
}
