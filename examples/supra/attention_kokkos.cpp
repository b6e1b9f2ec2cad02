// The program's attention on the Kokkos backend.
#ifdef SUPRA_WITH_KOKKOS
#include "attention_on.hpp"
#include "supra/kokkos/backend.hpp"

SUPRA_ATTENTION(supra::kokkos_backend<>)
#endif
