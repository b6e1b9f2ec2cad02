#include "supra/normalizer/group_norm.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<group_norm>({}, {{12, 24, 8, 5}}); }
BOOST_AUTO_TEST_CASE(values) {
  const double r = 1 / std::sqrt(2.0 / 3 + 1e-5);    // of 1, 2, 3: mean 2, variance 2/3
  close(normalized<group_norm>({1, 2, 3}), {-r, 0, r});
}
BOOST_AUTO_TEST_CASE(equal_numbers_give_zero) { close(normalized<group_norm>({5, 5, 5}), {0, 0, 0}, 0); }
