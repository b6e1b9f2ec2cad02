// expect: supra: a Kokkos::View needs its backend: view_of(backend, view, queries(shape))
#include "supra/kokkos/view.hpp"

using view = Kokkos::View<float***, Kokkos::LayoutRight, Kokkos::HostSpace>;
using backend = supra::kokkos_backend<Kokkos::DefaultHostExecutionSpace>;

#ifdef SUPRA_MENDED
auto rows(const backend& b, const view& v) { return supra::view_of(b, v, supra::queries({})); }
#else
void rows(const view& v) { supra::view_of(v, supra::queries({})); }
#endif
