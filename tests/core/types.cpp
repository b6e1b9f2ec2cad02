#include "supra/core/types.hpp"

#include <cmath>

#include "test.hpp"

using supra::bf16;

namespace {
float value(unsigned bits) {
  bf16 x;
  x.bits = static_cast<std::uint16_t>(bits);
  return x;
}
}  // namespace

BOOST_AUTO_TEST_CASE(every_value_survives_float_and_back) {
  int wrong = 0;
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const float x = value(bits);
    wrong += std::isnan(x) ? !std::isnan(float(bf16(x))) : bf16(x).bits != bits;
  }
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(rounds_to_the_nearest_and_ties_to_even) {
  // Between each finite value and the next away from zero: the middle, and one float to either side of it.
  int wrong = 0;
  for (unsigned bits = 0; bits < 65536; ++bits) {
    if ((bits & 0x7fff) >= 0x7f80) continue;         // infinity, NaN
    const std::uint32_t middle = bits << 16 | 0x8000;
    auto rounded = [](std::uint32_t x) { return unsigned{bf16(std::bit_cast<float>(x)).bits}; };
    wrong += rounded(middle - 1) != bits;
    wrong += rounded(middle) != (bits % 2 == 0 ? bits : bits + 1);
    wrong += rounded(middle + 1) != bits + 1;        // beyond the largest: infinity
  }
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(special_values) {
  BOOST_TEST(std::isinf(float(bf16(std::numeric_limits<float>::infinity()))));
  BOOST_TEST(std::isinf(float(bf16(std::numeric_limits<float>::max()))));
  BOOST_TEST(std::signbit(float(bf16(-0.0f))));
  // a NaN whose payload is only in the lower half stays a NaN
  BOOST_TEST(std::isnan(float(bf16(std::bit_cast<float>(0x7f800001u)))));
  BOOST_TEST(std::isnan(float(bf16(std::bit_cast<float>(0xffffffffu)))));
  BOOST_TEST(float(bf16(1.0 / 3)) == 0.333984375f);
}

BOOST_AUTO_TEST_CASE(sums_are_wider_than_storage) {
  static_assert(std::is_same_v<supra::accumulator_t<double>, double> && std::is_same_v<supra::accumulator_t<float>, float> &&
                std::is_same_v<supra::accumulator_t<bf16>, float>);
  static_assert(sizeof(bf16) == 2 && std::is_trivially_copyable_v<bf16>);
  BOOST_TEST(supra::unit_roundoff<float> == 0x1p-24);
  BOOST_TEST(supra::unit_roundoff<double> == 0x1p-53);
  // 1 + u is the last number that rounds to 1
  BOOST_TEST(float(bf16(static_cast<float>(1 + supra::unit_roundoff<bf16>))) == 1);
  BOOST_TEST(float(bf16(static_cast<float>(1 + 1.01 * supra::unit_roundoff<bf16>))) > 1);
}
