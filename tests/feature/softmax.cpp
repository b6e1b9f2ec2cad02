#include "supra/feature/softmax.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<softmax>(); }
BOOST_AUTO_TEST_CASE(values) {
  const double e = std::exp(1.0), s = 1 + e + e * e;
  close(mapped<softmax>(numbers{0, 1, 2}), {1 / s, e / s, e * e / s});
}
BOOST_AUTO_TEST_CASE(large_numbers_do_not_overflow) {
  const auto y = mapped<softmax, float>({1000, 1000, -1000});
  BOOST_TEST(y[0] == 0.5f);
  BOOST_TEST(y[2] == 0.0f);
}
