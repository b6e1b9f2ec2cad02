#include "test.hpp"

#include "supra/io/gguf_blocks.hpp"

using namespace supra;
using io::gguf_type;

namespace {

// Two bytes as a number, by the definition of IEEE's half precision.
double half(const std::uint8_t* b) {
  const int bits = b[0] | b[1] << 8, exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double size = exponent ? std::ldexp(1024 + fraction, exponent - 25) : std::ldexp(fraction, -24);
  return bits >> 15 ? -size : size;
}
int bit(const std::uint8_t* b, int i) { return b[i / 8] >> (i % 8) & 1; }

// Element e of one block, in double: all of ggml's sums are exact there.
double element(gguf_type type, const std::uint8_t* b, int e) {
  const int nibble = e < 16 ? 0 : 4;  // of a block of 32
  switch (type) {
    case gguf_type::q4_0:
      return half(b) * ((b[2 + e % 16] >> nibble & 15) - 8);
    case gguf_type::q4_1:
      return half(b) * (b[4 + e % 16] >> nibble & 15) + half(b + 2);
    case gguf_type::q5_0:
      return half(b) * ((b[6 + e % 16] >> nibble & 15) + 16 * bit(b + 2, e) - 16);
    case gguf_type::q5_1:
      return half(b) * ((b[8 + e % 16] >> nibble & 15) + 16 * bit(b + 4, e)) + half(b + 2);
    case gguf_type::q8_0:
      return half(b) * (b[2 + e] < 128 ? b[2 + e] : b[2 + e] - 256);
    case gguf_type::q4_k:
    case gguf_type::q5_k: {
      // Sixteen six-bit numbers: eight scales, eight offsets. Of the first four of each the 12 bytes' low six bits, of the
      // others four bits from the last four bytes and two from the top of the first eight.
      int scale[8], offset[8];
      for (int j = 0; j < 4; ++j) {
        scale[j] = b[4 + j] % 64, offset[j] = b[8 + j] % 64;
        scale[4 + j] = b[12 + j] % 16 + b[4 + j] / 64 * 16, offset[4 + j] = b[12 + j] / 16 + b[8 + j] / 64 * 16;
      }
      const bool five = type == gguf_type::q5_k;
      const int group = e / 32, l = e % 32, byte = b[(five ? 48 : 16) + e / 64 * 32 + l];
      const int q = (group % 2 ? byte / 16 : byte % 16) + (five && b[16 + l] & (1 << group) ? 16 : 0);
      return half(b) * scale[group] * q - half(b + 2) * offset[group];
    }
    case gguf_type::q6_k: {
      // As ggml walks it: for each half, q1 to q4 of l from 0 to 31 lie 32 elements apart.
      const std::uint8_t *ql = b + e / 128 * 64, *qh = b + 128 + e / 128 * 32, *sc = b + 192 + e / 128 * 8;
      const int l = e % 32, which = e % 128 / 32;
      int q = 0;
      if (which == 0) q = (ql[l] & 15) + (qh[l] & 3) * 16;
      if (which == 1) q = (ql[l + 32] & 15) + (qh[l] / 4 & 3) * 16;
      if (which == 2) q = ql[l] / 16 + (qh[l] / 16 & 3) * 16;
      if (which == 3) q = ql[l + 32] / 16 + qh[l] / 64 * 16;
      const int s = sc[l / 16 + 2 * which];
      return half(b + 208) * (s < 128 ? s : s - 256) * (q - 32);
    }
    default:
      return 0;
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_block_is_the_formulas) {
  std::mt19937 random(1);
  for (gguf_type type : {gguf_type::q4_0, gguf_type::q4_1, gguf_type::q5_0, gguf_type::q5_1, gguf_type::q8_0, gguf_type::q4_k,
                         gguf_type::q5_k, gguf_type::q6_k}) {
    const auto [name, elements, bytes] = io::info(type);
    int wrong = 0;
    for (int run = 0; run < 2000; ++run) {  // two blocks a row
      std::vector<std::uint8_t> row(static_cast<std::size_t>(2 * bytes));
      for (auto& b : row) b = static_cast<std::uint8_t>(random());
      std::vector<int> halves = {0};
      if (type == gguf_type::q6_k) halves = {208};
      if (type == gguf_type::q4_1 || type == gguf_type::q5_1 || type == gguf_type::q4_k || type == gguf_type::q5_k)
        halves = {0, 2};
      for (int at : halves)
        for (int block : {0, 1}) {
          auto& top = row[static_cast<std::size_t>(block * bytes + at + 1)];
          if ((top & 0x7c) == 0x7c) top = static_cast<std::uint8_t>(top ^ 0x40);  // finite
        }
      std::vector<float> found(static_cast<std::size_t>(2 * elements), -1.f);
      io::dequantise(type, reinterpret_cast<const std::byte*>(row.data()), 2 * elements, found.data());
      for (int i = 0; i < 2 * elements; ++i) {
        const auto e = static_cast<int>(elements);
        const auto wanted = static_cast<float>(element(type, row.data() + i / e * bytes, i % e));
        wrong += std::bit_cast<std::uint32_t>(found[static_cast<std::size_t>(i)]) != std::bit_cast<std::uint32_t>(wanted);
      }
    }
    BOOST_TEST(wrong == 0, name << ": " << wrong << " elements of " << 4000 * elements << " are not the formula's");
  }
}

BOOST_AUTO_TEST_CASE(plain_numbers_stay) {
  const float values[] = {1.5f, -0.f, 3e38f};
  float found[3];
  io::dequantise(gguf_type::f32, reinterpret_cast<const std::byte*>(values), 3, found);
  BOOST_TEST((found[0] == 1.5f && std::signbit(found[1]) && found[2] == 3e38f));
  const std::uint16_t halves[] = {0x3c00, 0x8001, 0x7bff}, brains[] = {0x3f80, 0xc040, 0x0001};
  io::dequantise(gguf_type::f16, reinterpret_cast<const std::byte*>(halves), 3, found);
  BOOST_TEST((found[0] == 1 && found[1] == -0x1p-24f && found[2] == 65504));
  io::dequantise(gguf_type::bf16, reinterpret_cast<const std::byte*>(brains), 3, found);
  BOOST_TEST((found[0] == 1 && found[1] == -3 && found[2] == 0x1p-133f));
}
