#include "supra/kokkos/backend.hpp"
#include "test.hpp"

BOOST_AUTO_TEST_CASE(a_backend_before_kokkos_is_a_sentence) {
  BOOST_CHECK_EXCEPTION(supra::kokkos_backend<>(), std::logic_error, [](const std::exception& e) {
    return std::string(e.what()).find("Kokkos::initialize") != std::string::npos;
  });
}
