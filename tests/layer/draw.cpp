// Drawing where the logits are: shares of words by their probabilities in double, words that cannot be, rows that have no
// distribution; in memory that held NaN.
#include "draw.hpp"

#include <cstring>
#include <tuple>

#include "supra/core/serial.hpp"
#include "supra/eigen/backend.hpp"
#include "supra/testing/debug_backend.hpp"

using namespace supra_test;

namespace {
// All bytes of what is allocated are 0xff, which is NaN.
template <class B>
struct filled : B {
  template <class P>
  auto allocate(std::int64_t n) {
    auto to = B::template allocate<P>(n);
    if (n > 0) std::memset(static_cast<void*>(to.data()), 0xff, static_cast<std::size_t>(n) * sizeof(P));
    return to;
  }
};
using backends = std::tuple<filled<supra::serial_backend>, filled<supra::eigen_backend>>;
}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(words_are_drawn_as_often_as_they_are_likely, B, backends) {
  B b;
  check_shares<B, float>(b, true), check_shares<B, double>(b, true);
}
BOOST_AUTO_TEST_CASE_TEMPLATE(rows_without_a_distribution, B, backends) {
  B b;
  check_refusals<B, float>(b), check_refusals<B, double>(b);
}
BOOST_AUTO_TEST_CASE(large_vocabularies) {
  supra::eigen_backend b;
  check_vocabularies<supra::eigen_backend, float>(b), check_vocabularies<supra::eigen_backend, double>(b);
}
BOOST_AUTO_TEST_CASE(lanes_that_are_threads) {
  supra::testing::debug_backend b;
  b.crew().disturb = true;
  shares_are_probabilities(b, "three lanes", random_logits<float>(70, 3, 7), 3);
  check_refusals<supra::testing::debug_backend, float>(b);
}
