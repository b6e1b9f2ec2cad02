// Plain lanes that want v by slices of its columns, thirds or halves.
#pragma once

#include "supra/core/attention.hpp"
#include "supra/core/serial.hpp"

namespace supra_test {
struct value_slices : supra::serial_backend {
  template <class, class>
  static int value_slice(const supra::attention_shape& s) {
    return s.e % 3 == 0 ? s.e / 3 : s.e % 2 == 0 ? s.e / 2 : 0;
  }
};
// As attention asks; else it would go whole, and every case would be right.
static_assert(requires(value_slices& b, const supra::attention_shape& s) { b.template value_slice<int, double>(s); });
}  // namespace supra_test
