// One test body over compositions, backends, storage types and shapes. CMake compiles each list of compositions for every
// backend: SUPRA_BACKEND_HEADER, SUPRA_BACKEND, and SUPRA_BACKEND_QUICK for one too slow for all shapes and types. And once
// with SUPRA_CONFORMANCE_EXACT: what they all are compared with.
#pragma once

#ifndef SUPRA_CONFORMANCE_EXACT
#include SUPRA_BACKEND_HEADER
#endif
#include "supra/supra.hpp"
#include "supra/testing/check_composition.hpp"
#include "test.hpp"

#define SUPRA_GRADIENTS_IN_DOUBLE(kind, Plain, Composition)                                                             \
  kind template supra::testing::attention_values supra::testing::gradients_in_double<Plain>(                            \
      const supra::testing::attention_case&, const Composition&, const supra::testing::attention_values&,               \
      std::vector<double>, const std::vector<double>&, double);
#define SUPRA_EXACT(kind, Composition)                                                  \
  SUPRA_GRADIENTS_IN_DOUBLE(kind, supra::serial_backend, Composition)                   \
  SUPRA_GRADIENTS_IN_DOUBLE(kind, supra::testing::rounding_backend<float>, Composition) \
  SUPRA_GRADIENTS_IN_DOUBLE(kind, supra::testing::rounding_backend<supra::bf16>, Composition)

// SUPRA_CONFORMS(name, feature map, position, decay, normalizer): a test of the list.
#ifdef SUPRA_CONFORMANCE_EXACT
#define SUPRA_CONFORMS(name, ...)                         \
  using of_##name = supra::linear_attention<__VA_ARGS__>; \
  SUPRA_EXACT(, of_##name)
#else
#define SUPRA_CONFORMS(name, ...)                         \
  using of_##name = supra::linear_attention<__VA_ARGS__>; \
  SUPRA_EXACT(extern, of_##name)                          \
  BOOST_AUTO_TEST_CASE(name) { supra_test::conforms<of_##name>(); }

namespace supra_test {

using supra::testing::attention_case;

// Grouped heads, odd widths, lengths 0 and 1, a length that is no multiple of the chunk, chunks longer than the sequence.
inline std::vector<attention_case> cases() {
  return {{4, 2, 8, 6, 16, 2, 37, 1},
          {3, 3, 6, 5, 7, 1, 50, 2},
          {2, 1, 4, 9, 64, 3, 0, 3},
          {2, 2, 2, 1, 64, 2, 1, 4},
          {1, 1, 12, 16, 64, 1, 131, 5}};
}

// Widths that tensor cores take.
inline std::vector<attention_case> wide_cases() { return {{4, 2, 64, 64, 64, 2, 75, 6}, {2, 2, 128, 128, 32, 1, 131, 7}}; }

// Enough rows, or tokens, for a device to walk several chunks: whole sequences, then parts of them.
inline std::vector<attention_case> long_cases() {
  return {{8, 4, 64, 64, 64, 17, 150, 8}, {8, 8, 128, 128, 64, 17, 150, 9}, {6, 3, 128, 128, 64, 11, 520, 10}};
}

template <class Composition, class T>
void conforms_in(SUPRA_BACKEND& b, const char* type, const std::vector<attention_case>& shapes) {
  for (const auto& c : shapes) {
    const auto report = supra::testing::check_composition<Composition, SUPRA_BACKEND, T>(b, c);
    for (const auto& f : report.failures)
      BOOST_ERROR(type << ", heads " << c.heads << "/" << c.kv_heads << ", d " << c.d << ", e " << c.e << ", T " << c.length
                       << ": " << f);
    BOOST_TEST(report.ok());
  }
}

template <class Composition>
void conforms() {
  SUPRA_BACKEND b;
#ifdef SUPRA_BACKEND_QUICK
  conforms_in<Composition, double>(b, "double", {{4, 2, 6, 5, 4, 2, 9, 1}});
#else
  conforms_in<Composition, double>(b, "double", cases());
  conforms_in<Composition, float>(b, "float", cases());
  conforms_in<Composition, supra::bf16>(b, "bf16", cases());
  if (Composition::feature_map::out_dim(64) > 128) return;
  conforms_in<Composition, supra::bf16>(b, "bf16", wide_cases());
  if (!supra::on_host<SUPRA_BACKEND>()) conforms_in<Composition, supra::bf16>(b, "bf16", long_cases());
#endif
}

}  // namespace supra_test
#endif
