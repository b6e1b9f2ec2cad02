// Sets of instructions that a compiler may be told to use beyond the baseline of all processors of a kind; one bit each.
#pragma once

namespace supra::program {

// SUPRA_INSTRUCTIONS: X(macro that the compiler defines as 1 where it uses them, name by which the processor is asked for them).
// SUPRA_LEVELS: X(name) of the sets of such sets that a program may also be compiled for, the largest first.
#if !defined(__x86_64__) || defined(__CUDACC__)
#define SUPRA_INSTRUCTIONS(X)
#define SUPRA_LEVELS(X)
#else
#define SUPRA_HAS_INSTRUCTIONS
// clang-format off
#define SUPRA_INSTRUCTIONS(X)                                                                                              \
  X(__SSE3__, "sse3") X(__SSSE3__, "ssse3") X(__SSE4_1__, "sse4.1") X(__SSE4_2__, "sse4.2") X(__POPCNT__, "popcnt")        \
  X(__AVX__, "avx") X(__AVX2__, "avx2") X(__FMA__, "fma") X(__BMI__, "bmi") X(__BMI2__, "bmi2")                            \
  X(__SSE4A__, "sse4a") X(__FMA4__, "fma4") X(__XOP__, "xop")                                                              \
  X(__AVX512F__, "avx512f") X(__AVX512BW__, "avx512bw") X(__AVX512CD__, "avx512cd") X(__AVX512DQ__, "avx512dq")            \
  X(__AVX512VL__, "avx512vl") X(__AVX512IFMA__, "avx512ifma") X(__AVX512VBMI__, "avx512vbmi")                              \
  X(__AVX512VBMI2__, "avx512vbmi2") X(__AVX512VNNI__, "avx512vnni") X(__AVX512BITALG__, "avx512bitalg")                    \
  X(__AVX512VPOPCNTDQ__, "avx512vpopcntdq") X(__AVX512BF16__, "avx512bf16") SUPRA_MORE_INSTRUCTIONS(X)
#if defined(__clang__)  // which does not ask the processor for these
#define SUPRA_MORE_INSTRUCTIONS(X)
#define SUPRA_LEVELS(X)
#else
#define SUPRA_MORE_INSTRUCTIONS(X)                                                                                         \
  X(__F16C__, "f16c") X(__LZCNT__, "lzcnt") X(__MOVBE__, "movbe") X(__AVXVNNI__, "avxvnni") X(__AVX512FP16__, "avx512fp16")
#define SUPRA_LEVELS(X) X("x86-64-v4") X("x86-64-v3")
#endif
// clang-format on
#endif

using instruction_sets = unsigned long long;

// What the program's translation units are compiled for.
extern const instruction_sets compiled_for;

}  // namespace supra::program
