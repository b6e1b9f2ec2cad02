// Kernels that walk (core/forward.hpp, backward_queries.hpp, backward_keys.hpp, parts.hpp) on a stream, on teams that keep
// states in registers.
#pragma once

#include <cuda_runtime.h>

#include <limits>
#include <stdexcept>
#include <string>

#include "supra/cuda/walk_team.hpp"

namespace supra::cuda {

inline void must(cudaError_t e, const char* what) {
  if (e != cudaSuccess) throw std::runtime_error(std::string("CUDA: ") + what + ": " + cudaGetErrorString(e));
}

// A kernel whose widths are constants to the compiler.
template <class Shape, class K>
__global__ void __launch_bounds__(Shape::threads, Shape::threads > 288 ? 1 : 2)
    walk_kernel(const K kernel, char* far, std::int64_t far_bytes) {
  extern __shared__ __align__(128) char near[];
  K fixed = kernel;
  walk_team<Shape>::fix(fixed.call.shape);
  walk_team<Shape> team(near, far + static_cast<std::int64_t>(blockIdx.x) * far_bytes);
  fixed(team, static_cast<std::int64_t>(blockIdx.x));
}

// n teams of a kernel of bf16 rows with d = e = D. far(bytes) gives memory of the device that may be used until the stream's
// next launch. False where the kernel's shape is another, or the device gives a block too little shared memory.
template <int D, class K, class Far>
bool launch_walk(cudaStream_t stream, std::int64_t n, const K& kernel, Far far) {
  using call = typename K::call_type;
  constexpr int f = call::feature_map::out_dim(D);
  if constexpr (f == 64 || f == 128) {
    using shape = tensor_shape<K::role, D, f, D + (call::denominator ? 1 : 0), K::rows_loaded, call::turns>;
    using team = walk_team<shape>;
    if (kernel.call.shape.d != D || kernel.call.shape.e != D || !kernel.rows_aligned((D < f ? D : f) / 8)) return false;
    K own = kernel;
    team::fix(own.call.shape);
    team plan(nullptr, nullptr);
    typename K::template scratch<team> laid(plan, own.call);
    int device = 0, most = 0;
    must(cudaGetDevice(&device), "which device");
    must(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "shared memory of the device");
    if (plan.near_used() > most) return false;
    if (n <= 0) return true;
    if (n > std::numeric_limits<int>::max())
      throw std::invalid_argument("CUDA: a launch takes at most 2^31 - 1 teams, " + std::to_string(n) + " were asked for");
    char* const there = plan.far_used() > 0 ? far(static_cast<std::size_t>(n * plan.far_used())) : nullptr;
    const auto run = walk_kernel<shape, K>;
    must(cudaFuncSetAttribute(run, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(plan.near_used())),
         "shared memory of a kernel");
    run<<<static_cast<unsigned>(n), shape::threads, static_cast<std::size_t>(plan.near_used()), stream>>>(own, there,
                                                                                                          plan.far_used());
    must(cudaGetLastError(), "launch of a walk");
    return true;
  }
  return false;
}

}  // namespace supra::cuda
