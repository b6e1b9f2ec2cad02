// What every backend on CUDA launches on teams made for it, not on its own: walks of bf16 rows, steps of one token, attention
// over all pairs of tokens. A backend inherits them and tells its stream() and scratch(bytes), memory of the device that may be
// used until the stream's next launch.
#pragma once

#include "supra/cuda/launch_pairs.hpp"
#include "supra/cuda/launch_step.hpp"
#include "supra/cuda/launch_walk.hpp"

// Widths of heads that walks are compiled for, 50 to 80 seconds of nvcc a composition; others take the backend's own teams.
#ifndef SUPRA_CUDA_WIDTHS
#define SUPRA_CUDA_WIDTHS 32, 48, 64, 96, 128
#endif

namespace supra::cuda {

template <class Backend>
class launches {
 public:
  template <class K>
  bool launch_walk(std::int64_t n, const K& kernel) {
    return with_width<SUPRA_CUDA_WIDTHS>(
        kernel, [&]<int D>(width_of<D>) { return cuda::launch_walk<D>(stream(), n, kernel, scratch()); });
  }
  template <class K, class L>
  bool launch_walk_pair(std::int64_t n, const K& one, const L& other) {
    return with_width<SUPRA_CUDA_WIDTHS>(
        one, [&]<int D>(width_of<D>) { return cuda::launch_walk_pair<D>(stream(), n, one, other, scratch()); });
  }
  template <class K>
  bool launch_step(std::int64_t n, const K& kernel) {
    return cuda::launch_step(stream(), n, kernel);
  }
  template <class K>
  bool launch_pairs(std::int64_t sequences, const K& kernel) {
    if constexpr (compiled_for_warpgroups && std::is_same_v<typename K::storage, bf16>)
      return cuda::launch_pairs(stream(), sequences, kernel, scratch());
    return false;
  }
  // A part for each team that runs at once, multiples of 64 tokens; one for each sequence where those are enough for half of
  // the teams, since parts cost another pass over keys and values. With more than 128 mapped features there is one team a
  // multiprocessor, else two.
  std::int64_t part_length(std::int64_t tokens, std::int64_t rows, int features) const {
    const std::int64_t two = static_cast<const Backend&>(*this).teams(), teams = features > 128 ? two / 2 : two;
    const std::int64_t parts = 2 * rows > teams ? 1 : teams / rows;
    return ((tokens + parts - 1) / parts + 63) / 64 * 64;
  }

 private:
  template <class K>
  static constexpr bool walks() {
    using call = typename K::call_type;
    return std::is_same_v<typename call::storage, bf16> && !requires { call::feature_map::random_access; };
  }
  // f of the width that the kernel's heads have; false where it is none of these, or nothing walks such rows.
  template <int D>
  using width_of = std::integral_constant<int, D>;
  template <int... D, class K, class F>
  static bool with_width(const K& kernel, F f) {
    if constexpr (walks<K>()) return ((kernel.call.shape.d == D && f(width_of<D>())) || ...);
    return false;
  }
  cudaStream_t stream() const { return static_cast<const Backend&>(*this).stream(); }
  auto scratch() {
    return [this](std::size_t bytes) { return static_cast<Backend&>(*this).scratch(bytes); };
  }
};

}  // namespace supra::cuda
