// Teams for walks of bf16 rows on a CUDA device: whole warps that keep states and sums in registers
// (supra/cuda/tensor_walk.hpp) and map rows in registers, eight lanes a row. For heads of 64 or 128 numbers; other shapes walk
// on the plain device team.
#pragma once

#include <Kokkos_Core.hpp>

#include "supra/core/attention.hpp"
#include "supra/cuda/register_lanes.hpp"
#include "supra/cuda/tensor_walk.hpp"
#include "supra/kokkos/scratch.hpp"

namespace supra::kokkos_detail {

// What fits into the near scratch that Kokkos gives a team of a CUDA device, less what it keeps for itself.
inline constexpr int near_bytes = 47 * 1024;

template <class Member, class Shape>
class tensor_team : public team_scratch<Member> {
 public:
  static constexpr int lanes_a_row = Shape::given >= 128 ? 16 : 8, chunk = Shape::chunk(near_bytes);
  static constexpr int piece = (Shape::given < Shape::mapped ? Shape::given : Shape::mapped) / (2 * lanes_a_row);
  using lanes = cuda::register_lanes<lanes_a_row, (piece < 8 ? piece : 8), Shape::given, Shape::mapped>;
  template <class T>
  using operand = bf16;
  template <class T, walk_role>
  using walk = cuda::tensor_walk<tensor_team, Shape, chunk>;

  KOKKOS_INLINE_FUNCTION tensor_team(const Member& m, int level)
      : team_scratch<Member>(m, level), base_(static_cast<char*>(m.team_scratch(0).get_shmem_aligned(16, 16))) {}
  // All sizes are known when the code is compiled, if the kernel's own are (fix): then pieces are constant offsets.
  template <class A>
  KOKKOS_INLINE_FUNCTION A* scratch(std::int64_t n) {
    char* const at = base_ + used_;
    used_ += (static_cast<int>(n * sizeof(A)) + 63) / 64 * 64;
    return reinterpret_cast<A*>(at);
  }
  static SUPRA_FN void fix(attention_shape& shape) { shape.d = shape.e = Shape::given, shape.chunk = chunk; }
  template <class E>
  static SUPRA_FN constexpr int stride(int cols) {
    return Shape::template stride<E>(cols);
  }
  template <class A>
  KOKKOS_INLINE_FUNCTION A* far(std::int64_t n) {
    return this->template take<A>(1, n);
  }
  KOKKOS_INLINE_FUNCTION int warp() const { return this->m_.team_rank(); }
  KOKKOS_INLINE_FUNCTION int lane() const {
#ifdef __CUDA_ARCH__
    return static_cast<int>(threadIdx.x);
#else
    return 0;
#endif
  }
  template <class F>
  KOKKOS_INLINE_FUNCTION void rows(int n, F f) {
    const int group = lane() / lanes_a_row;
    const lanes own{lane() % lanes_a_row, ((1u << lanes_a_row) - 1) << (group * lanes_a_row)};
    constexpr int at_once = 32 / lanes_a_row;
    for (int r = warp() * at_once + group; r < n; r += Shape::warps * at_once) f(own, r);
  }
  KOKKOS_INLINE_FUNCTION void sync() {
#ifdef __CUDA_ARCH__
    __syncthreads();  // the team is the block: no more than this is needed
#endif
  }

 private:
  char* base_;
  int used_ = 0;
};

// A kernel whose widths are constants to the compiler.
template <class K, class Team>
struct tensor_body {
  K kernel;
  template <class Member>
  KOKKOS_INLINE_FUNCTION void operator()(const Member& m) const {
    K fixed = kernel;
    Team::fix(fixed.call.shape);
    Team t(m, 1);
    fixed(t, m.league_rank());
  }
};

// Lays out what a kernel asks of such a team: near scratch and far.
template <class Team>
struct scratch_plan {
  std::size_t near = 0, far_ = 0;
  template <class E>
  static SUPRA_FN constexpr int stride(int cols) {
    return Team::template stride<E>(cols);
  }
  template <class A>
  SUPRA_FN A* scratch(std::int64_t n) {
    near += (static_cast<std::size_t>(n) * sizeof(A) + 63) / 64 * 64;
    return nullptr;
  }
  template <class A>
  SUPRA_FN A* far(std::int64_t n) {
    far_ += (static_cast<std::size_t>(n) * sizeof(A) + 63) / 64 * 64;
    return nullptr;
  }
};

}  // namespace supra::kokkos_detail
