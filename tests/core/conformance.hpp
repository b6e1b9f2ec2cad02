// One test body over compositions, backends, storage types and shapes.
#pragma once

#include "supra/eigen/backend.hpp"
#include "supra/supra.hpp"
#include "supra/testing/check_composition.hpp"
#include "supra/testing/debug_backend.hpp"
#include "test.hpp"

namespace supra_test {

// Grouped heads, odd widths, lengths 0 and 1, a length that is no multiple of the chunk, chunks longer than the sequence.
inline std::vector<supra::testing::attention_case> cases() {
  return {{4, 2, 8, 6, 16, 2, 37, 1},
          {3, 3, 6, 5, 7, 1, 50, 2},
          {2, 1, 4, 9, 64, 3, 0, 3},
          {2, 2, 2, 1, 64, 2, 1, 4},
          {1, 1, 12, 16, 64, 1, 131, 5}};
}

template <class Composition, class B, class T>
void conforms_on(const char* backend, const char* type, const std::vector<supra::testing::attention_case>& shapes = cases()) {
  B b;
  for (const auto& c : shapes) {
    const auto report = supra::testing::check_composition<Composition, B, T>(b, c);
    for (const auto& f : report.failures)
      BOOST_ERROR(backend << ", " << type << ", heads " << c.heads << "/" << c.kv_heads << ", d " << c.d << ", e " << c.e
                          << ", T " << c.length << ": " << f);
    BOOST_TEST(report.ok());
  }
}

template <class Composition>
void conforms() {
  conforms_on<Composition, supra::serial_backend, double>("serial", "double");
  conforms_on<Composition, supra::testing::debug_backend, double>("debug lanes", "double", {{4, 2, 6, 5, 4, 2, 9, 1}});  // slow
  conforms_on<Composition, supra::eigen_backend, double>("eigen", "double");
  conforms_on<Composition, supra::eigen_backend, float>("eigen", "float");
  conforms_on<Composition, supra::eigen_backend, supra::bf16>("eigen", "bf16");
}

}  // namespace supra_test
