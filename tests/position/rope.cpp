#include "supra/position/rope.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<rope>(); }
BOOST_AUTO_TEST_CASE(turns_halves) {
  const double c = std::cos(3.0), s = std::sin(3.0), u = std::cos(0.03), v = std::sin(0.03);   // theta^(-1/2) = 1/100
  close(turned(rope{}, 3, {1, 0, 0, 0}), {c, 0, s, 0});
  close(turned(rope{}, 3, {0, 2, 0, 5}), {0, 2 * u - 5 * v, 0, 5 * u + 2 * v});
}
BOOST_AUTO_TEST_CASE(distances_alone_count) {
  const numbers q{0.3, -1, 2, 0.1}, k{1, 0.5, 0.25, -2};
  const double near = dot(turned(rope{}, 7, q), turned(rope{}, 2, k)),
               far = dot(turned(rope{}, 1000007, q), turned(rope{}, 1000002, k));
  BOOST_TEST(near == far, boost::test_tools::tolerance(1e-8));
}
