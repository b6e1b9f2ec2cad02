#include "supra/reference/quadratic_sum.hpp"

#include "test.hpp"

using namespace supra;
using reference::numbers;
using reference::quadratic_sum;

BOOST_AUTO_TEST_CASE(two_tokens_by_hand) {
  // F = e = 1, gamma = 1/2: o_0 = q k v + q S/2, o_1 = q_1 (k_1 v_1 + k_0 v_0 / 2 + S/4)
  const double half = std::log(0.5);
  const auto r = quadratic_sum({2, 1, 1, 1, 1}, {1, 2}, {{2, 3}, {5, 7}, {11, 13}, {half, half}, {4}});
  const numbers o{2 * (5 * 11 + 2.0), 3 * (7 * 13 + 5 * 11 / 2.0 + 1)}, state{7 * 13 + 5 * 11 / 2.0 + 1};
  BOOST_TEST(r.o == o, boost::test_tools::per_element());
  BOOST_TEST(r.state == state, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_denominator_is_the_sum_of_weights) {
  const auto r = quadratic_sum({2, 1, 1, 1, 1}, {1, 2}, {{2, 3}, {5, 7}, {11, 13}, {0, 0}, {}, true});
  const numbers o{2 * 5 * 11, 2 * 5, 3 * (5 * 11 + 7 * 13), 3 * (5 + 7)};
  BOOST_TEST(r.o == o, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(heads_are_grouped_and_sequences_apart) {
  // four heads read two key heads; two sequences of one token, one token of padding between them
  const std::int64_t begin[] = {0, 2}, end[] = {1, 3};
  numbers q(12, 1), k{1, 2, 100, 100, 3, 4}, v(6, 1), g(12, 0);
  const auto r = quadratic_sum({3, 4, 2, 1, 1}, {2, 0, begin, end}, {q, k, v, g, {}});
  const numbers o{1, 1, 2, 2, 0, 0, 0, 0, 3, 3, 4, 4};
  BOOST_TEST(r.o == o, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(no_tokens_leave_the_state) {
  const auto r = quadratic_sum({0, 1, 1, 1, 2}, {1, 0}, {{}, {}, {}, {}, {3, 4}});
  BOOST_TEST(r.o.empty());
  BOOST_TEST(r.state == (numbers{3, 4}), boost::test_tools::per_element());
}
