// A block of threads as the team of a walk: tiles in shared memory, states and sums in the registers of tensor_walk, rows in
// the registers of eight neighbouring lanes each. While a chunk is worked on, the next chunk's rows are on their way to a stage
// in shared memory: every thread fetches for itself what it will read, so no barrier stands between.
#pragma once

#include "supra/core/attention.hpp"
#include "supra/cuda/register_lanes.hpp"
#include "supra/cuda/tensor_walk.hpp"

namespace supra::cuda {

inline constexpr int lanes_a_row = 8;

template <class Shape>
struct walk_lanes : register_lanes<lanes_a_row, (Shape::head < Shape::mapped ? Shape::head : Shape::mapped) / (2 * lanes_a_row),
                                   Shape::head, Shape::mapped> {
  // A stage of the chunk's angles (slot 0, float) and of so many rows a token.
  static constexpr int chunk = Shape::chunk, slots = Shape::rows;
  static constexpr int turn_bytes = Shape::loads > Shape::rows ? Shape::mapped * 4 : 0, row_bytes = Shape::head * 2;
  static constexpr int stage_bytes = chunk * (turn_bytes + slots * row_bytes);
  char* stage;
  SUPRA_INLINE char* staged(int slot, int r) const {
    return stage + (slot == 0 ? r * turn_bytes : chunk * turn_bytes + ((slot - 1) * chunk + r) * row_bytes);
  }

  template <class Held, class S>
  SUPRA_INLINE void fetch(Held& row, int slot, int r, bool fetched, const S* next) const {
    char* const here = staged(slot, r);
    if (fetched) {
      // of the copies that this thread began, those of at least as many loads as it makes of a chunk, less this one, came later
      constexpr int at_once = Shape::threads / lanes_a_row, passes = chunk < at_once ? 1 : chunk / at_once;
      wait_for_copies<passes * Shape::loads - 1>();
      row.load_from(reinterpret_cast<const S*>(here));
    } else {
      row.load();
    }
    if (next) Held::copy(next, reinterpret_cast<S*>(here), this->lane);
    end_of_copies();
  }
};

template <class Shape>
class walk_team {
 public:
  template <class T>
  using operand = bf16;
  template <class T, walk_role>
  using walk = tensor_walk<walk_team, Shape>;

  SUPRA_FN walk_team(char* near, char* far) : near_(near), far_(far) { stage_ = scratch<char>(walk_lanes<Shape>::stage_bytes); }
  // All sizes are known when the code is compiled, if the kernel's own are (fix): then pieces are constant offsets.
  template <class A>
  SUPRA_FN A* scratch(std::int64_t n) {
    return take<A>(near_, near_used_, n);
  }
  template <class A>
  SUPRA_FN A* far(std::int64_t n) {
    return take<A>(far_, far_used_, n);
  }
  template <class E>
  static SUPRA_FN constexpr int stride(int cols) {
    return Shape::template stride<E>(cols);
  }
  static SUPRA_FN void fix(attention_shape& shape) { shape.d = shape.e = Shape::head, shape.chunk = Shape::chunk; }
  std::int64_t near_used() const { return near_used_; }
  std::int64_t far_used() const { return far_used_; }

#ifdef __CUDA_ARCH__
  SUPRA_FN int warp() const { return static_cast<int>(threadIdx.x) / 32; }
  SUPRA_FN int lane() const { return static_cast<int>(threadIdx.x) % 32; }
  SUPRA_FN void sync() { __syncthreads(); }
#else
  SUPRA_FN int warp() const { return 0; }
  SUPRA_FN int lane() const { return 0; }
  SUPRA_FN void sync() {}
#endif
  SUPRA_FN void sync_pair(int pair) { sync_threads(pair + 1, 64); }
  template <class F>
  SUPRA_FN void rows(int n, F f) {
    constexpr int at_once = 32 / lanes_a_row;
    const int group = lane() / lanes_a_row;
    const walk_lanes<Shape> own{{lane() % lanes_a_row, ((1u << lanes_a_row) - 1) << (group * lanes_a_row)}, stage_};
    for (int r = warp() * at_once + group; r < n; r += Shape::warps * at_once) f(own, r);
  }

 private:
  template <class A>
  static SUPRA_FN A* take(char* from, int& used, std::int64_t n) {
    char* const at = from + used;
    used += (static_cast<int>(n * static_cast<std::int64_t>(sizeof(A))) + 63) / 64 * 64;
    return reinterpret_cast<A*>(at);
  }
  char *near_, *far_, *stage_ = nullptr;
  int near_used_ = 0, far_used_ = 0;
};

}  // namespace supra::cuda
