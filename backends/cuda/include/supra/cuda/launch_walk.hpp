// Kernels that walk (core/forward.hpp, backward_queries.hpp, backward_keys.hpp, parts.hpp) on a stream, on teams that keep
// states in registers.
#pragma once

#include <cuda.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "supra/cuda/walk_team.hpp"

namespace supra::cuda {

inline void must(cudaError_t e, const char* what) {
  if (e != cudaSuccess) throw std::runtime_error(std::string("CUDA: ") + what + ": " + cudaGetErrorString(e));
}

template <int N>
struct tensor_maps {
  tensor_map of[N];
};

// The driver's function; null where it has none.
inline auto tensor_map_encoder() {
  static const auto encode = [] {
    void* f = nullptr;
    cudaDriverEntryPointQueryResult found{};
    must(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &f, 12000, cudaEnableDefault, &found),
         "the copy engine's maps");
    return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(f);
  }();
  return encode;
}
// False where the copy engine does not take such rows. Chunks of 64 tokens of one head are brought at a time, whole or, for
// tiles of warpgroups, a panel at a time.
inline bool describe(tensor_map& to, strided<const bf16> rows, std::int64_t tokens, int heads, int width, bool for_tile) {
  const auto encode = tensor_map_encoder();
  if (encode == nullptr || tokens <= 0 || tokens > std::numeric_limits<int>::max() || rows.token <= 0 ||
      (heads > 1 && rows.head <= 0))
    return false;
  const auto bytes = [](std::int64_t n) { return static_cast<cuuint64_t>(n) * sizeof(bf16); };
  const cuuint64_t extent[] = {static_cast<cuuint64_t>(width), static_cast<cuuint64_t>(heads), static_cast<cuuint64_t>(tokens)};
  const cuuint64_t stride[] = {bytes(heads > 1 ? rows.head : width), bytes(rows.token)};
  const cuuint32_t box[] = {static_cast<cuuint32_t>(for_tile ? panel_columns : width), 1, 64}, each[] = {1, 1, 1};
  static_assert(sizeof(CUtensorMap) == sizeof(tensor_map));
  return encode(reinterpret_cast<CUtensorMap*>(&to), CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 3, const_cast<bf16*>(rows.data), extent,
                stride, box, each, CU_TENSOR_MAP_INTERLEAVE_NONE,
                for_tile ? CU_TENSOR_MAP_SWIZZLE_128B : CU_TENSOR_MAP_SWIZZLE_NONE, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

// A kernel with all that its launch needs; ready: where the device can run it so.
template <class Shape, class K>
struct planned_walk {
  K kernel;
  tensor_maps<Shape::engine ? Shape::rows : 1> maps;
  int near = 0;
  std::int64_t far = 0;
  bool ready = false;

  planned_walk(const K& k, int most) : kernel(k) {
    walk_team<Shape>::fix(kernel.call.shape);
    walk_team<Shape> plan(nullptr, nullptr);
    typename K::template scratch<walk_team<Shape>> laid(plan, kernel.call);
    near = static_cast<int>(plan.near_used()), far = plan.far_used();
    ready = near <= most;
    const attention_shape& shape = kernel.call.shape;
    if constexpr (Shape::engine)
      for (int i = 0; ready && i < Shape::rows; ++i)
        ready = describe(maps.of[i], kernel.source(i), shape.tokens, Shape::of_key(i) ? shape.kv_heads : shape.heads,
                         Shape::width_of(i), i == Shape::plain);
  }
};
// A kernel whose widths are constants to the compiler.
template <class Shape, class K>
__device__ __forceinline__ void run_walk(const K& kernel, const tensor_map* maps, char* near, char* far, std::int64_t index) {
  K fixed = kernel;
  walk_team<Shape>::fix(fixed.call.shape);
  walk_team<Shape> team(near, far, maps);
  fixed(team, index);
}
template <class Shape, class K>
__global__ void __launch_bounds__(Shape::threads, Shape::blocks)
    walk_kernel(const __grid_constant__ K kernel, const __grid_constant__ tensor_maps<Shape::engine ? Shape::rows : 1> maps,
                char* far, std::int64_t far_bytes) {
  extern __shared__ __align__(tile_alignment) char near_tiles[];
  run_walk<Shape>(kernel, maps.of, near_tiles, far + static_cast<std::int64_t>(blockIdx.x) * far_bytes, blockIdx.x);
}
// Two kernels that read much of the same, side by side: what one has read is in the second level cache for the other.
template <class Shape, class K, class OtherShape, class Other>
__global__ void __launch_bounds__(Shape::threads, Shape::blocks)
    walk_pair_kernel(const __grid_constant__ planned_walk<Shape, K> one,
                     const __grid_constant__ planned_walk<OtherShape, Other> other, char* far, std::int64_t far_bytes) {
  extern __shared__ __align__(tile_alignment) char near_tiles[];
  char* const own_far = far + static_cast<std::int64_t>(blockIdx.x) * far_bytes;
  if (blockIdx.x % 2 == 0)
    run_walk<Shape>(one.kernel, one.maps.of, near_tiles, own_far, blockIdx.x / 2);
  else
    run_walk<OtherShape>(other.kernel, other.maps.of, near_tiles, own_far, blockIdx.x / 2);
}

// What the program is compiled for: sm_90a instructions run on devices of compute capability 9.0 alone.
#ifdef SUPRA_CUDA_HOPPER
inline constexpr bool compiled_for_warpgroups = true;
#else
inline constexpr bool compiled_for_warpgroups = false;
#endif

// Which walk suits a kernel of heads with d = D and e = E: by warpgroups (by_groups), else by single warps (by_single), else
// none.
template <int D, int E, class K>
struct walks_of {
  using call = typename K::call_type;
  static constexpr int f = call::feature_map::out_dim(D);
  static constexpr bool warps = f == 64 || f == 128;
  static constexpr bool wide = D == 128 && f == 256,
                        narrow = (D == 32 || D == 48 || D == 96) && (f == D || f == 2 * D) && f <= 128,
                        wide_keys = f == D && (D == 128 || D == 256) && (E == 64 || E == 128) && E < D;
  static constexpr bool by_groups = compiled_for_warpgroups && (D != E ? wide_keys : D % 64 == 0 ? warps || wide : narrow);
  static constexpr bool by_single = D == E && warps && D % 64 == 0;
  // A kernel loads its tokens' angles, unless it says that it does not.
  static constexpr bool turns = call::turns && !requires { requires !K::loads_turns; };
  using by_warps = tensor_shape<K::role, D, f, D + (call::denominator ? 1 : 0), K::rows_loaded, turns>;
  using by_warpgroups = warpgroup_shape<K, D, f, E, call::denominator>;
};

// What a block of the current device may have.
inline int most_shared_memory() {
  int device = 0, most = 0;
  must(cudaGetDevice(&device), "which device");
  must(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "shared memory of the device");
  return most;
}
template <class Run>
void allow_shared_memory(Run run, int bytes) {
  must(cudaFuncSetAttribute(run, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "shared memory of a kernel");
}

template <class Shape, class K, class Far>
bool launch_walk_as(cudaStream_t stream, std::int64_t n, const K& kernel, Far far) {
  const planned_walk<Shape, K> plan(kernel, most_shared_memory());
  if (!plan.ready) return false;
  char* const there = plan.far > 0 ? far(static_cast<std::size_t>(n * plan.far)) : nullptr;
  const auto run = walk_kernel<Shape, K>;
  allow_shared_memory(run, plan.near);
  run<<<static_cast<unsigned>(n), Shape::threads, static_cast<std::size_t>(plan.near), stream>>>(plan.kernel, plan.maps, there,
                                                                                                 plan.far);
  must(cudaGetLastError(), "launch of a walk");
  return true;
}

// What a kernel of bf16 rows with d = D and e = E asks of its launch; nothing where its shape is another.
template <int D, int E, class K>
bool takes(const K& kernel, std::int64_t n, int align) {
  if (kernel.call.shape.d != D || kernel.call.shape.e != E || !kernel.rows_aligned(align)) return false;
  if (n > std::numeric_limits<int>::max() / 2)
    throw std::invalid_argument("CUDA: a launch takes at most 2^30 teams, " + std::to_string(n) + " were asked for");
  return true;
}

// n teams of a kernel of bf16 rows with d = D and e = E. far(bytes) gives memory of the device that may be used until the
// stream's next launch. False where the kernel's shape is another, or the device gives a block too little shared memory.
template <int D, int E, class K, class Far>
bool launch_walk(cudaStream_t stream, std::int64_t n, const K& kernel, Far far) {
  using walks = walks_of<D, E, K>;
  if constexpr (walks::by_groups) {
    if (!takes<D, E>(kernel, n, 16)) return false;
    return n <= 0 || launch_walk_as<typename walks::by_warpgroups>(stream, n, kernel, far);
  } else if constexpr (walks::by_single) {
    if (!takes<D, E>(kernel, n, (D < walks::f ? D : walks::f) / 8)) return false;
    return n <= 0 || launch_walk_as<typename walks::by_warps>(stream, n, kernel, far);
  }
  return false;
}

template <class One, class Other>
constexpr bool side_by_side() {
  if constexpr (One::by_groups && Other::by_groups)
    return One::by_warpgroups::threads == Other::by_warpgroups::threads &&
           One::by_warpgroups::blocks == Other::by_warpgroups::blocks;
  return false;
}
// Two kernels that read much of the same: side by side where they are of one kind, else one after the other.
template <int D, int E, class K, class Other, class Far>
bool launch_walk_pair(cudaStream_t stream, std::int64_t n, const K& kernel, const Other& other, Far far) {
  if constexpr (side_by_side<walks_of<D, E, K>, walks_of<D, E, Other>>()) {
    using shape = typename walks_of<D, E, K>::by_warpgroups;
    using other_shape = typename walks_of<D, E, Other>::by_warpgroups;
    if (!takes<D, E>(kernel, n, 16) || !takes<D, E>(other, n, 16)) return false;
    if (n <= 0) return true;
    const int most = most_shared_memory();
    const planned_walk<shape, K> plan(kernel, most);
    const planned_walk<other_shape, Other> other_plan(other, most);
    if (!plan.ready || !other_plan.ready) return false;
    const std::int64_t far_bytes = std::max(plan.far, other_plan.far);
    char* const there = far_bytes > 0 ? far(static_cast<std::size_t>(2 * n * far_bytes)) : nullptr;
    const auto run = walk_pair_kernel<shape, K, other_shape, Other>;
    const int near = std::max(plan.near, other_plan.near);
    allow_shared_memory(run, near);
    run<<<static_cast<unsigned>(2 * n), shape::threads, static_cast<std::size_t>(near), stream>>>(plan, other_plan, there,
                                                                                                  far_bytes);
    must(cudaGetLastError(), "launch of two walks");
    return true;
  } else {
    return launch_walk<D, E>(stream, n, kernel, far) && launch_walk<D, E>(stream, n, other, far);
  }
}

}  // namespace supra::cuda
