#include "supra/normalizer/sum.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<sum_norm>(); }
BOOST_AUTO_TEST_CASE(divides_by_the_sum_of_weights) { close(normalized<sum_norm>({1, -2, 3}, 4 - 1e-6), {0.25, -0.5, 0.75}); }
BOOST_AUTO_TEST_CASE(a_sum_below_zero_is_not_mended) {
  close(normalized<sum_norm>({1, -2}, -2), {-0.5, 1}, 1e-6);
  close(normalized<sum_norm>({1, -2}, -3e-6), {-5e5, 1e6});
}
BOOST_AUTO_TEST_CASE(no_weights_give_zero) { close(normalized<sum_norm>({0, 0}, 0), {0, 0}, 0); }
