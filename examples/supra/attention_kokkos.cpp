// The program's attention on the Kokkos backend.
#ifdef SUPRA_WITH_KOKKOS
#include "attention_on.hpp"
#include "supra/kokkos/backend.hpp"

namespace supra::program {
template model::attention_registry<kokkos_backend<>, real> program_attention<kokkos_backend<>>();
}  // namespace supra::program
#endif
