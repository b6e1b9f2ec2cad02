// Operands are rounded, sums are not.
#include "supra/testing/rounding_backend.hpp"

#include "test.hpp"

using namespace supra;
using namespace supra::testing;

namespace {

double product(double x, double y) {
  double out = 0;
  rounding_tiles<bf16>::multiply<op::plain, op::plain>(tile<double>{&out, 1, 1, 1}, tile<const double>{&x, 1, 1, 1},
                                                       tile<const double>{&y, 1, 1, 1}, false);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(operands_are_rounded) {
  BOOST_TEST(product(1 + 0x1p-12, 3) == 3);                  // 8 bits: 1 + 2^-12 is 1
  BOOST_TEST(product(1.5, 1.0078125) == 1.51171875);         // both are bf16; their product is none and stays
  BOOST_TEST(product(-(1 + 0x1p-7 + 0x1p-12), 1) == -(1 + 0x1p-7));
}

BOOST_AUTO_TEST_CASE(sums_are_kept) {
  const double x[] = {1, 0x1p-20}, y[] = {1, 1};
  double out = 1;
  rounding_tiles<bf16>::multiply<op::plain, op::transposed>(tile<double>{&out, 1, 1, 1}, tile<const double>{x, 1, 2, 2},
                                                            tile<const double>{y, 1, 2, 2}, true);
  BOOST_TEST(out == 2 + 0x1p-20);
}
