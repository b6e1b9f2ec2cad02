#include "supra/reference/recurrence.hpp"

#include <random>

#include "test.hpp"

using namespace supra;
using namespace supra::reference;

BOOST_AUTO_TEST_CASE(equals_the_quadratic_sum) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  auto draw = [&](int n) {
    numbers x(static_cast<std::size_t>(n));
    for (double& y : x) y = normal(random);
    return x;
  };
  const std::int64_t begin[] = {1, 13, 13}, end[] = {12, 13, 20};    // a token of padding before and between; an empty sequence
  const sequences seq{3, 0, begin, end};
  for (bool denominator : {false, true}) {
    const attention_shape shape{21, 4, 2, 3, 5};
    sum_inputs in{draw(21 * 4 * 3), draw(21 * 2 * 3), draw(21 * 2 * 5), draw(21 * 4), draw(3 * 4 * 3 * (5 + denominator)),
                  denominator};
    for (double& g : in.log_gamma) g = -std::abs(g);
    const auto a = quadratic_sum(shape, seq, in), b = recurrence(shape, seq, in);
    BOOST_TEST(a.o.size() == b.o.size());
    for (std::size_t i = 0; i < a.o.size(); ++i) BOOST_TEST(std::abs(a.o[i] - b.o[i]) < 1e-12);
    for (std::size_t i = 0; i < a.state.size(); ++i) BOOST_TEST(std::abs(a.state[i] - b.state[i]) < 1e-12);
    BOOST_TEST(a.o[0] == 0);
    BOOST_TEST(a.o[4 * a.o.size() / 21] != 0);
  }
}
