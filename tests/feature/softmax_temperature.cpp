#include "supra/feature/softmax_temperature.hpp"

#include "supra/feature/softmax.hpp"
#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<softmax_temperature>(); }
BOOST_AUTO_TEST_CASE(one_number_a_head) { BOOST_TEST(parameters_of<softmax_temperature>(64) == 1); }
BOOST_AUTO_TEST_CASE(is_softmax_of_the_scaled_row) {
  for (double theta : {-2.0, 0.0, 1.0, 3.5})
    close(mapped<softmax_temperature>(numbers{0.3, -1, 2}, {theta}), mapped<softmax>(numbers{0.3 * theta, -theta, 2 * theta}));
}
