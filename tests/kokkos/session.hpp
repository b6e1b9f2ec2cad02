// Kokkos for the time of a test program.
#pragma once

#include <Kokkos_Core.hpp>

#include "supra/kokkos/backend.hpp"
#include "test.hpp"

namespace supra_test {
struct kokkos_session {
  Kokkos::ScopeGuard guard;
};
}  // namespace supra_test
using supra_test::kokkos_session;
BOOST_TEST_GLOBAL_FIXTURE(kokkos_session);
