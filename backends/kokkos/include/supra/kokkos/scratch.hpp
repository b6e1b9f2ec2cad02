// A team's scratch, taken piece by piece: near (level 0, shared memory on a device) or far (level 1, global memory).
#pragma once

#include <cstdint>

#include <Kokkos_Core.hpp>

namespace supra::kokkos_detail {

template <class Member>
class team_scratch {
 public:
  KOKKOS_INLINE_FUNCTION team_scratch(const Member& m, int level) : m_(m), level_(level) {}
  template <class A>
  KOKKOS_INLINE_FUNCTION A* scratch(std::int64_t n) {
    return take<A>(level_, n);
  }

 protected:
  template <class A>
  KOKKOS_INLINE_FUNCTION A* take(int level, std::int64_t n) {
    return static_cast<A*>(m_.team_scratch(level).get_shmem_aligned((n * sizeof(A) + 63) / 64 * 64, 64));
  }
  const Member& m_;
  int level_;
};

}  // namespace supra::kokkos_detail
