#include "supra/reference/softmax_attention.hpp"

#include "test.hpp"

using namespace supra;
using reference::softmax_attention;
using numbers = std::vector<double>;

BOOST_AUTO_TEST_CASE(two_tokens_by_hand) {
  // d = 4: scores are halved; the second token's weights are 1/(1+e) and e/(1+e)
  const auto o = softmax_attention({2, 1, 1, 4, 1}, {1, 2}, {1, 0, 0, 0, 1, 0, 0, 0}, {3, 9, 9, 9, 5, 9, 9, 9}, {10, 20});
  BOOST_TEST(o[0] == 10);
  BOOST_TEST(o[1] == (10 + 20 * std::exp(1.0)) / (1 + std::exp(1.0)), boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(equal_scores_average_over_the_window) {
  const numbers q(5 * 2, 0), k(5, 1), v{1, 2, 3, 4, 5};              // two heads read one key head
  const auto all = softmax_attention({5, 2, 1, 1, 1}, {1, 5}, q, k, v),
             two = softmax_attention({5, 2, 1, 1, 1}, {1, 5}, q, k, v, 2);
  const auto apart = softmax_attention({5, 2, 1, 1, 1}, {2, 2}, q, k, v);
  const numbers mean{1, 1, 1.5, 1.5, 2, 2, 2.5, 2.5, 3, 3}, window{1, 1, 1.5, 1.5, 2.5, 2.5, 3.5, 3.5, 4.5, 4.5};
  const numbers pairs{1, 1, 1.5, 1.5, 3, 3, 3.5, 3.5, 0, 0};         // the fifth token is padding
  for (std::size_t i = 0; i < 10; ++i) {
    BOOST_TEST(all[i] == mean[i], boost::test_tools::tolerance(1e-14));
    BOOST_TEST(two[i] == window[i], boost::test_tools::tolerance(1e-14));
    BOOST_TEST(apart[i] == pairs[i], boost::test_tools::tolerance(1e-14));
  }
}

BOOST_AUTO_TEST_CASE(huge_scores_do_not_overflow) {
  const auto o = softmax_attention({2, 1, 1, 1, 1}, {1, 2}, {1000, 1000}, {1000, 999}, {1, 2});
  BOOST_TEST(o[1] == 1, boost::test_tools::tolerance(1e-14));
}
