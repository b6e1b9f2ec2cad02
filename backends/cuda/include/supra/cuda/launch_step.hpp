// Steps of one token (core/step.hpp) on a stream, on teams that read and write each state once.
#pragma once

#include <cuda_runtime.h>

#include <limits>
#include <type_traits>

#include "supra/cuda/launch_walk.hpp"
#include "supra/cuda/step_team.hpp"

namespace supra::cuda {

template <class Shape, class K>
__global__ void __launch_bounds__(Shape::threads, Shape::blocks) step_on_team(const K kernel) {
  extern __shared__ __align__(128) char near[];
  K fixed = kernel;
  fixed.call.shape.d = fixed.call.shape.e = Shape::head;
  step_team<Shape> team(near);
  fixed(team, static_cast<std::int64_t>(blockIdx.x));
}

// Of d = e = D.
template <int D, class K>
bool launch_step_of(cudaStream_t stream, std::int64_t n, K kernel) {
  using call = typename K::call_type;
  constexpr int f = call::feature_map::out_dim(D);
  if constexpr (f >= 32 && f <= 256 && (f & (f - 1)) == 0) {
    using shape = step_shape<D, f, D + (call::denominator ? 1 : 0)>;
    if (kernel.call.shape.d != D || kernel.call.shape.e != D) return false;
    if (n <= 0) return true;
    if (n > std::numeric_limits<int>::max())
      throw std::invalid_argument("CUDA: a launch takes at most 2^31 - 1 teams, " + std::to_string(n) + " were asked for");
    step_team<shape> plan(nullptr);
    typename K::template scratch<step_team<shape>> laid(plan, kernel.call);
    step_on_team<shape><<<static_cast<unsigned>(n), shape::threads, static_cast<std::size_t>(plan.used()), stream>>>(kernel);
    must(cudaGetLastError(), "launch of a step");
    return true;
  }
  return false;
}

// n steps, of n sequences and heads. False where the kernel has other widths than these, states of double, or rows or states
// that no thread can take two numbers, or four, of at once.
template <class K>
bool launch_step(cudaStream_t stream, std::int64_t n, const K& kernel) {
  using call = typename K::call_type;
  if constexpr (std::is_same_v<typename K::A, float> && !requires { call::feature_map::random_access; }) {
    if (reinterpret_cast<std::uintptr_t>(kernel.state) % 16 != 0 ||
        !kernel.rows_aligned(2 * static_cast<int>(sizeof(typename call::storage))))
      return false;
    return launch_step_of<128>(stream, n, kernel) || launch_step_of<64>(stream, n, kernel) ||
           launch_step_of<256>(stream, n, kernel) || launch_step_of<32>(stream, n, kernel);
  }
  return false;
}

}  // namespace supra::cuda
