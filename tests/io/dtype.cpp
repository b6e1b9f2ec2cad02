#include "test.hpp"

#include "supra/io/dtype.hpp"

using namespace supra;

BOOST_AUTO_TEST_CASE(the_table_is_in_the_order_of_the_enumeration) {
  for (auto& d : io::dtypes) {
    BOOST_TEST(io::info(d.type).name == d.name);
    BOOST_TEST(io::find_dtype(d.name) == &d);
  }
  BOOST_TEST(!io::find_dtype("F31"));
  BOOST_TEST(!io::find_dtype(""));
}

BOOST_AUTO_TEST_CASE(bf16_keeps_what_it_can_hold_and_rounds_to_even) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const float x = io::from_bf16(static_cast<std::uint16_t>(bits));
    if (std::isnan(x)) BOOST_TEST(std::isnan(io::from_bf16(io::to_bf16(x))));
    else BOOST_TEST(io::to_bf16(x) == bits);
  }
  BOOST_TEST(io::to_bf16(1.00390625f) == 0x3f80);    // 1 + 2^-8, halfway: down to the even 1
  BOOST_TEST(io::to_bf16(1.01171875f) == 0x3f82);    // 1 + 3 2^-8, halfway: up to the even 1 + 2^-6
  BOOST_TEST(io::to_bf16(1.00390637f) == 0x3f81);
}

BOOST_AUTO_TEST_CASE(f16_numbers) {
  BOOST_TEST(io::from_f16(0x3c00) == 1.f);
  BOOST_TEST(io::from_f16(0xc000) == -2.f);
  BOOST_TEST(io::from_f16(0x7bff) == 65504.f);
  BOOST_TEST(io::from_f16(0x0001) == 5.9604644775390625e-8f);
  BOOST_TEST(io::from_f16(0x0400) == 6.103515625e-5f);
  BOOST_TEST(io::from_f16(0x3555) == 0.333251953125f);
  BOOST_TEST(std::signbit(io::from_f16(0x8000)));
  BOOST_TEST(std::isinf(io::from_f16(0x7c00)));
  BOOST_TEST(std::isnan(io::from_f16(0x7e00)));
  for (std::uint32_t bits = 0; bits < 0x7c00; ++bits) {              // every finite one is (1024 + fraction) 2^(exponent - 25)
    const int exponent = static_cast<int>(bits >> 10), fraction = static_cast<int>(bits & 1023);
    const double x = std::ldexp(exponent ? 1024 + fraction : fraction, std::max(exponent, 1) - 25);
    if (io::from_f16(static_cast<std::uint16_t>(bits)) != x || io::from_f16(static_cast<std::uint16_t>(bits | 0x8000)) != -x)
      BOOST_ERROR("half precision " << bits << " is not " << x);
  }
}

BOOST_AUTO_TEST_CASE(f16_keeps_what_it_can_hold_and_rounds_to_even) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const float x = io::from_f16(static_cast<std::uint16_t>(bits));
    if (std::isnan(x)) BOOST_REQUIRE(std::isnan(io::from_f16(io::to_f16(x))));
    else BOOST_REQUIRE(io::to_f16(x) == bits);
    const float next = io::from_f16(static_cast<std::uint16_t>(bits + 1));
    if (bits >= 0x7bff || std::isnan(next)) continue;
    const float half = x + (next - x) / 2;             // exact in float
    BOOST_REQUIRE(io::to_f16(half) == bits + (bits & 1));
    BOOST_REQUIRE(io::to_f16(std::nextafter(half, x)) == bits);
    BOOST_REQUIRE(io::to_f16(std::nextafter(half, next)) == bits + 1);
  }
  BOOST_TEST(io::to_f16(65519.99f) == 0x7bff);
  BOOST_TEST(io::to_f16(65520.f) == 0x7c00);
  BOOST_TEST(io::to_f16(-1e30f) == 0xfc00);
  BOOST_TEST(io::to_f16(1e-30f) == 0);
}

BOOST_AUTO_TEST_CASE(integers_keep_their_sign) {
  const std::uint8_t bytes[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  const auto* raw = reinterpret_cast<const std::byte*>(bytes);
  auto first = [&](io::dtype t) {
    std::int64_t x = 7;
    BOOST_TEST(io::from_bytes(t, raw, std::span(&x, 1)));
    return x;
  };
  for (auto t : {io::dtype::i64, io::dtype::i32, io::dtype::i16, io::dtype::i8}) BOOST_TEST(first(t) == -1);
  BOOST_TEST(first(io::dtype::u8) == 255);
  BOOST_TEST(first(io::dtype::u16) == 65535);
  BOOST_TEST(first(io::dtype::u32) == 4294967295);
  BOOST_CHECK_THROW(first(io::dtype::u64), io::error);
}

BOOST_AUTO_TEST_CASE(kinds_do_not_mix) {
  const std::byte raw[8] = {};
  std::int64_t n = 0;
  float x = 0;
  BOOST_TEST(!io::from_bytes(io::dtype::f32, raw, std::span(&n, 1)));
  BOOST_TEST(!io::from_bytes(io::dtype::i32, raw, std::span(&x, 1)));
  BOOST_TEST(!io::from_bytes(io::dtype::f8_e4m3, raw, std::span(&x, 1)));
}
