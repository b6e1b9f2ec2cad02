#include "../program/backends.hpp"

BOOST_AUTO_TEST_CASE(kokkos_agrees_with_eigen) { supra_test::agrees("kokkos"); }

BOOST_AUTO_TEST_CASE(more_threads_than_processors_is_a_sentence) {
  const auto e = supra_test::supra("evaluate --backend kokkos --threads 1024 --model none --text none");
  BOOST_TEST(e.code == 1);
  BOOST_TEST(e.err.find("--threads 1024: this machine has") != e.err.npos, e.err);
}
