#include "supra/feature/taylor2.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<taylor2>({}, {{12, 5, 2, 1}}); }
BOOST_AUTO_TEST_CASE(values) {
  const double a = std::pow(2, -0.25), b = 0.5;      // d = 2: 1 / (sqrt(2) sqrt(2))
  close(mapped<taylor2>(numbers{3, 5}), {1, 3 * a, 5 * a, 9 * b, 15 * b, 15 * b, 25 * b});
}
BOOST_AUTO_TEST_CASE(products_are_the_exponential_to_second_order) {
  const numbers q{0.3, -1, 2, 0.1}, k{1, 0.5, 0.25, -2};
  const double s = dot(q, k) / 2;
  BOOST_TEST(dot(mapped<taylor2>(q), mapped<taylor2>(k)) == 1 + s + s * s / 2, boost::test_tools::tolerance(1e-12));
}
