#include "supra/feature/exp.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<elementwise<exponential>>(); }
BOOST_AUTO_TEST_CASE(values) {
  close(mapped<elementwise<exponential>>(numbers{-1, 0, 2}), {0.36787944117144233, 1, 7.38905609893065});
}
