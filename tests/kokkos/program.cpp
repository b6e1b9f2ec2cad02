#include "../program/backends.hpp"

BOOST_AUTO_TEST_CASE(kokkos_agrees_with_eigen) { supra_test::agrees("kokkos"); }
