// Elementary functions without branches, so that a loop over a row vectorises: a few units in the last place in float,
// the standard library's in double.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "supra/core/config.hpp"
#include "supra/core/types.hpp"

namespace supra::math {

SUPRA_FN double exp(double x) { return std::exp(x); }
SUPRA_FN double log(double x) { return std::log(x); }
SUPRA_FN double tanh(double x) { return std::tanh(x); }
SUPRA_FN double log1p(double x) { return std::log1p(x); }
SUPRA_FN float sqrt(float x) { return std::sqrt(x); }
SUPRA_FN double sqrt(double x) { return std::sqrt(x); }

// exp(x) = 2^n exp(r), |r| <= ln(2)/2, a degree 6 polynomial. Below -87 the result is 0, above 88.7 infinity; NaN stays.
SUPRA_INLINE float exp(float x) {
#ifdef SUPRA_EXP2  // two instructions instead of twenty; off by |x| and two units in the last place
  float y;
  SUPRA_EXP2(y, x * 1.44269504088896341f);
  return y;
#else
  const float z = x < -87.0f ? -87.0f : x > 89.0f ? 89.0f : x;
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const float shifted = z * 1.44269504088896341f + magic;
  const float n = shifted - magic;
  const float r = (z - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two pieces
  float p = 1.9875691500e-4f;                                   // the classic minimax coefficients of the Cephes library
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float y = p * r * r + r + 1.0f;
  const auto k = bit_cast<std::int32_t>(shifted) - 0x4b400000;  // n as an integer
  const std::int32_t half = k >> 1;                             // two factors: 2^128 itself is no float
  const float a = bit_cast<float>((half + 127) << 23), b = bit_cast<float>((k - half + 127) << 23);
  const float e = y * a * b;
  return x < -87.0f ? 0.0f : x != x ? x : e;
#endif
}

// log(x) for x > 0 normal: x = 2^e m with m in [sqrt(1/2), sqrt(2)).
SUPRA_INLINE float log(float x) {
  const auto u = bit_cast<std::int32_t>(x);
  const std::int32_t e = (u - 0x3f3504f3) >> 23;  // exponent, so that m falls around 1
  const float m = bit_cast<float>(u - (e << 23)) - 1.0f, n = static_cast<float>(e);
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const float m2 = m * m;
  const float y = m * m2 * p + n * -2.12194440e-4f - 0.5f * m2 + m + n * 0.693359375f;
  return x > 0 ? y : x == 0 ? -infinity<float> : infinity<float> - infinity<float>;
}

SUPRA_INLINE float log1p(float x) {  // log(u) x / (u - 1), u = 1 + x rounded (W. Kahan)
  const float u = 1.0f + x, d = u - 1.0f;
  const float safe = d == 0.0f ? 1.0f : d;
  return d == 0.0f ? x : log(u) * (x / safe);
}

template <class A>
SUPRA_INLINE A abs(A x) {
  return std::fabs(x);
}
template <class A>
SUPRA_INLINE A maximum(A x, A y) {
#ifdef SUPRA_LARGER
  if constexpr (std::is_same_v<A, float>) return SUPRA_LARGER(x, y);
#endif
  return x > y ? x : y;
}
// max(x, 0); NaN stays.
template <class A>
SUPRA_INLINE A positive(A x) {
#ifdef SUPRA_LARGER_OR_NAN
  if constexpr (std::is_same_v<A, float>) {
    float y;
    SUPRA_LARGER_OR_NAN(y, x, 0.0f);
    return y;
  }
#endif
  return x < 0 ? A(0) : x;
}
template <class A>
SUPRA_INLINE A reciprocal_root(A x) {
#ifdef SUPRA_RECIPROCAL_ROOT
  if constexpr (std::is_same_v<A, float>) return SUPRA_RECIPROCAL_ROOT(x);
#endif
  return A(1) / sqrt(x);
}
template <class A>
SUPRA_INLINE A sigmoid(A x) {
  const A e = exp(-abs(x));
  return (x >= 0 ? A(1) : e) / (A(1) + e);
}
template <class A>
SUPRA_INLINE A softplus(A x) {
  return maximum(x, A(0)) + log1p(exp(-abs(x)));
}
SUPRA_INLINE float tanh(float x) {
  const float e = exp(-2.0f * abs(x)), t = (1.0f - e) / (1.0f + e);
  const float s = x * x, small = x * (1.0f - s * (0.333333333f - s * (0.133333333f - s * 0.0539682540f)));
  return abs(x) < 0.15f ? small : x < 0 ? -t : t;
}

template <class A>
struct sine_cosine {
  A sin, cos;
};

// sin and cos of 2 pi turns, turns any double below 2^51: the range is reduced in double, so that a position of millions
// still has an exact angle; then a polynomial on an eighth of a turn in A.
template <class A>
SUPRA_INLINE sine_cosine<A> sincos_turns(double turns) {
  const double magic = 6755399441055744.0;  // 1.5 * 2^52
  const double quarters = (turns * 4.0 + magic) - magic;
  const double rest = (turns * 4.0 - quarters) * 1.57079632679489661923;  // in [-pi/4, pi/4]
  const double whole = (quarters * 0.25 + magic) - magic;
  const double quadrant = quarters - 4.0 * whole;  // -2 .. 2
  A s, c;
  if constexpr (sizeof(A) == 8) {
    s = std::sin(rest), c = std::cos(rest);
  } else {
    const float r = static_cast<float>(rest), z = r * r;
    s = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * r + r;
    c = ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z - 0.5f * z + 1.0f;
  }
  const bool odd = quadrant == 1.0 || quadrant == -1.0, half = quadrant == 2.0 || quadrant == -2.0;
  const A s1 = odd ? c : s, c1 = odd ? -s : c;  // a quarter turn forward
  const A sign = half || quadrant == -1.0 ? A(-1) : A(1);
  return {sign * s1, sign * c1};
}

}  // namespace supra::math
