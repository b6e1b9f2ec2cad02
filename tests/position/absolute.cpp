#include "supra/position/absolute.hpp"

#include "testing/stage.hpp"

using namespace supra;
using namespace supra_test;

BOOST_AUTO_TEST_CASE(satisfies_everything) { passes<absolute>(); }
BOOST_AUTO_TEST_CASE(adds_sines_and_cosines) {
  const double w = std::pow(10000.0, -0.5);          // of the second pair of four
  for (std::int64_t t : {0, 1, 5, 3000}) {
    const auto s = static_cast<double>(t);
    const numbers wanted{1 + std::sin(s), -2 + std::cos(s), 0.5 + std::sin(w * s), std::cos(w * s)};
    close(turned(absolute{}, t, {1, -2, 0.5, 0}), wanted);
    close(turned(absolute{}, t, {1, -2, 0.5, 0}, true), wanted);   // keys as queries
  }
}
BOOST_AUTO_TEST_CASE(the_last_of_an_odd_row_stays) { BOOST_TEST(turned(absolute{}, 9, {1, 2, 3}).back() == 3); }
BOOST_AUTO_TEST_CASE(theta_sets_the_wave_lengths) {
  close(turned(absolute{.theta = 16}, 3, {0, 0, 0, 0}), {std::sin(3.0), std::cos(3.0), std::sin(0.75), std::cos(0.75)});
}
BOOST_AUTO_TEST_CASE(scores_have_a_part_of_the_distance_alone) {
  const numbers zero(8, 0.0);                        // without features only the waves are left: a sum of cosines of it
  BOOST_TEST(dot(turned(absolute{}, 7, zero), turned(absolute{}, 2, zero)) ==
                 dot(turned(absolute{}, 1000007, zero), turned(absolute{}, 1000002, zero)),
             boost::test_tools::tolerance(1e-9));
}
