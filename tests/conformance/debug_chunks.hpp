// Debug lanes that claim more teams than there are heads, so that every chunk is walked for itself.
#pragma once

#include "supra/testing/debug_backend.hpp"

namespace supra_test {
struct debug_chunks : supra::testing::debug_backend {
  std::int64_t teams() const { return 64; }
};
}  // namespace supra_test
