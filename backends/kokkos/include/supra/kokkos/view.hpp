// A Kokkos::View (tokens, heads, width) or (tokens, heads * width), const or not, as the rows of a call, without a copy.
//   inputs.q = view_of(backend, my_view, queries(shape));
// The backend says which memory its kernels reach.
#pragma once

#include <Kokkos_Core.hpp>

#include "supra/core/view.hpp"
#include "supra/kokkos/backend.hpp"

namespace supra {

template <class Space, class... Properties>
auto view_of(const kokkos_backend<Space>&, const Kokkos::View<Properties...>& v, const tensor_shape& t) {
  using memory = typename Kokkos::View<Properties...>::memory_space;
  static_assert(
      Kokkos::SpaceAccessibility<Space, memory>::accessible,
      "supra: the backend's execution space cannot reach this Kokkos::View's memory space; copy it to one that it can, "
      "or make the backend with another execution space");
  return view_of(v.data(), layout_of(v), t);
}

// A View may have std::mdspan's members too; taken for one, nobody would look at its memory space.
template <class... Properties>
void view_of(const Kokkos::View<Properties...>&, const tensor_shape&) {
  static_assert(sizeof...(Properties) == 0, "supra: a Kokkos::View needs its backend: view_of(backend, view, queries(shape))");
}

}  // namespace supra
