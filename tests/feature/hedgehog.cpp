#include "supra/feature/hedgehog.hpp"

#include "supra/feature/softmax.hpp"
#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<hedgehog>(); }
BOOST_AUTO_TEST_CASE(is_softmax_of_the_row_and_its_negative) {
  close(mapped<hedgehog>(numbers{0.3, -1, 2}), mapped<softmax>(numbers{0.3, -1, 2, -0.3, 1, -2}));
}
BOOST_AUTO_TEST_CASE(large_numbers_do_not_overflow) {
  const auto y = mapped<hedgehog, float>({-1000, 1});
  BOOST_TEST((y == std::vector<float>{0, 0, 1, 0}));
}
