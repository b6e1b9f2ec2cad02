// Drawing from rows of logits on several threads: the probabilities, and the serial backend's words.
#include <tbb/global_control.h>

#include "supra/tbb/backend.hpp"

#include "../layer/draw.hpp"

using namespace supra_test;

// More threads than processors must exist for their number to matter.
const tbb::global_control many(tbb::global_control::max_allowed_parallelism, 8);

BOOST_AUTO_TEST_CASE(words_are_drawn_as_often_as_they_are_likely) {
  supra::tbb_backend b(3);
  check_shares<supra::tbb_backend, float>(b, true);
  check_refusals<supra::tbb_backend, float>(b);
}
BOOST_AUTO_TEST_CASE(threads_change_no_word) {
  const std::int64_t rows = 50, words = 3001;
  const auto logits = random_logits<float>(rows * words, 2, 1);
  std::mt19937_64 random(2);
  std::vector<double> u(rows);
  for (double& x : u) x = number(static_cast<std::int64_t>(random() >> 11));
  supra::serial_backend serial;
  const auto wanted = drawn_rows<supra::serial_backend, float>(serial, words, logits, rows).draw(u);
  for (int threads : {1, 2, 5}) {
    supra::tbb_backend b(threads);
    BOOST_TEST((drawn_rows<supra::tbb_backend, float>(b, words, logits, rows).draw(u) == wanted), threads << " threads");
  }
}
