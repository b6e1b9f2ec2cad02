// The program's attention on the Kokkos backend: these groups, beside the others for the compiler's sake; a build may leave
// them out.
#if defined(SUPRA_WITH_KOKKOS) && defined(SUPRA_VARIANTS_KOKKOS)
#include "attention_on.hpp"
#include "supra/kokkos/backend.hpp"

SUPRA_ATTENTION_GROUP(supra::kokkos_backend<>, variants)
SUPRA_ATTENTION_GROUP(supra::kokkos_backend<>, turned_before)
#endif
