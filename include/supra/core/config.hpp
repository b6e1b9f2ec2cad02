// What depends on the compiler, and nothing else in the library does: where a function may run, and pointers that do not alias.
#pragma once

#if defined(__CUDACC__) || defined(__HIPCC__)
#define SUPRA_FN __host__ __device__ inline
#define SUPRA_INLINE __host__ __device__ __forceinline__
#else
#define SUPRA_FN inline
#define SUPRA_INLINE inline __attribute__((always_inline))
#endif

// What a device has an instruction of its own for: 2^x, two units in the last place, less than 2^-126 is 0; the larger number;
// 1 / sqrt(x), two units.
#if defined(__CUDA_ARCH__)
#define SUPRA_EXP2(to, x) asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(to) : "f"(x))
#define SUPRA_LARGER(x, y) fmaxf(x, y)
#define SUPRA_RECIPROCAL_ROOT(x) rsqrtf(x)
#endif
// And from sm_80 on: the larger number, or NaN where one is; the bits of the nearest bfloat16, of two the even one; a NaN stays
// one.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define SUPRA_LARGER_OR_NAN(to, x, y) asm("max.NaN.f32 %0, %1, %2;" : "=f"(to) : "f"(x), "f"(y))
#define SUPRA_TO_BF16(to, x) asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(to) : "f"(x))
#endif

// For code with vectors of the host's processor, which compilers for devices do not know.
#define SUPRA_HOST_INLINE inline __attribute__((always_inline))

// Iterations do not depend on each other: the lanes of a row write different features.
#if defined(__clang__)
#define SUPRA_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__) && !defined(__CUDACC__)
#define SUPRA_INDEPENDENT _Pragma("GCC ivdep")
#else
#define SUPRA_INDEPENDENT
#endif
