// Drawing from rows of logits on the GPU: shares of words by their probabilities in double, rows without a distribution,
// vocabularies as models have them.
#include "../layer/draw.hpp"

#include "gpu.hpp"

using namespace supra_test;
using supra::cuda_backend;

BOOST_AUTO_TEST_CASE(words_are_drawn_as_often_as_they_are_likely) {
  cuda_backend b;
  check_shares<cuda_backend, float>(b, true), check_shares<cuda_backend, double>(b, true);
}
BOOST_AUTO_TEST_CASE(rows_without_a_distribution) {
  cuda_backend b;
  check_refusals<cuda_backend, float>(b), check_refusals<cuda_backend, double>(b);
}
BOOST_AUTO_TEST_CASE(large_vocabularies) {
  cuda_backend b;
  check_vocabularies<cuda_backend, float>(b), check_vocabularies<cuda_backend, double>(b);
}
