// Products with packed matrices on several threads: the serial backend's bits.
#include <tbb/global_control.h>

#include "supra/tbb/backend.hpp"

#include "../layer/packed.hpp"

using namespace supra_test;

// More threads than processors must exist for their number to matter.
const tbb::global_control many(tbb::global_control::max_allowed_parallelism, 8);

template <class B>
std::vector<float> products(B& b, weight_kind kind) {
  const packed_case<B> one(b, kind, 3001, 97), two(b, kind, 500, 97);
  const auto x = numbers(70 * 97, 5);
  std::vector<float> y(70 * 3501, std::numeric_limits<float>::quiet_NaN());
  supra::layer::packed_forward(b, 70, x.data(), {one.matrix.view(), y.data()}, {two.matrix.view(), y.data() + 70 * 3001});
  return y;
}

BOOST_AUTO_TEST_CASE(threads_change_no_bit) {
  supra::serial_backend serial;
  for (auto kind : supra::layer::weight_kinds) {
    const auto wanted = products(serial, kind);
    for (int threads : {1, 2, 3, 5}) {
      supra::tbb_backend b(threads);
      BOOST_TEST((products(b, kind) == wanted), name_of(kind) << " on " << threads << " threads");
    }
  }
}
