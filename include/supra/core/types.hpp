// Storage and accumulation types. Storage is double, float or bf16; sums, states and stages are double for double, else float.
#pragma once

#include <cstdint>
#include <limits>

#include "supra/core/config.hpp"

namespace supra {

// The same bits as another type. A compiler's own word, since std::bit_cast is a function of the host to compilers for devices.
template <class To, class From>
SUPRA_INLINE constexpr To bit_cast(const From& x) {
  return __builtin_bit_cast(To, x);
}
// Constants, for the same reason.
template <class A>
inline constexpr A infinity = std::numeric_limits<A>::infinity();
template <class A>
inline constexpr A lowest = std::numeric_limits<A>::lowest();  // finite

// bfloat16, two bytes, round to nearest even. Storage only: no arithmetic of its own.
struct bf16 {
  std::uint16_t bits = 0;
  bf16() = default;
  SUPRA_FN explicit bf16(float x) {
#ifdef SUPRA_TO_BF16  // an instruction instead of eight
    SUPRA_TO_BF16(bits, x);
#else
    const auto u = bit_cast<std::uint32_t>(x);
    const bool nan = (u & 0x7fffffffu) > 0x7f800000u;
    bits = static_cast<std::uint16_t>(nan ? (u >> 16) | 0x40u : (u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
#endif
  }
  SUPRA_FN explicit bf16(double x) : bf16(static_cast<float>(x)) {}
  SUPRA_FN operator float() const { return bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
};

template <class T>
struct accumulator {
  using type = float;
};
template <>
struct accumulator<double> {
  using type = double;
};
template <class T>
using accumulator_t = typename accumulator<T>::type;

// Half the distance between 1 and the next number: the relative error of one rounding.
template <class T>
inline constexpr double unit_roundoff = static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;
template <>
inline constexpr double unit_roundoff<bf16> = 0x1p-8;

}  // namespace supra
