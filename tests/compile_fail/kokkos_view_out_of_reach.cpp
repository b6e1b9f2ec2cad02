// expect: supra: the backend's execution space cannot reach this Kokkos::View's memory space
// Memory that no execution space here was made to reach.
#include "supra/kokkos/view.hpp"

struct far_away {
  using memory_space = far_away;
  using execution_space = Kokkos::DefaultHostExecutionSpace;
  using device_type = Kokkos::Device<execution_space, memory_space>;
  using size_type = Kokkos::HostSpace::size_type;
  static constexpr const char* name() { return "far away"; }
};
#ifdef SUPRA_MENDED
using memory = Kokkos::HostSpace;
#else
using memory = far_away;
#endif
using view = Kokkos::View<float***, Kokkos::LayoutRight, memory, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
using backend = supra::kokkos_backend<Kokkos::DefaultHostExecutionSpace>;

auto rows(const backend& b, const view& v) { return supra::view_of(b, v, supra::queries({})); }
