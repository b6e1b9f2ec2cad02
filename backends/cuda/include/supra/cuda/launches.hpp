// What every backend on CUDA launches on teams made for it, not on its own: walks of bf16 rows, steps of one token, attention
// over all pairs of tokens. A backend inherits them and tells its stream() and scratch(bytes), memory of the device that may be
// used until the stream's next launch.
#pragma once

#include "supra/core/value_slices.hpp"
#include "supra/cuda/launch_pairs.hpp"
#include "supra/cuda/launch_step.hpp"
#include "supra/cuda/launch_walk.hpp"

// Widths of heads (d = e) that walks are compiled for, 50 to 80 seconds of nvcc a composition; others take the backend's own
// teams.
#ifndef SUPRA_CUDA_WIDTHS
#define SUPRA_CUDA_WIDTHS 32, 48, 64, 96, 128
#endif

namespace supra::cuda {

// True: walks of a composition whose F is d are also compiled for q and k two and four times as wide as v, up to 256, with v
// of 64 or 128, and for heads of 256, whose v is walked by halves. Each file that uses the composition on CUDA says so before:
//   template <> inline constexpr bool supra::cuda::wide_heads<supra::kernel_stages<mine>> = true;
template <class KernelStages>
inline constexpr bool wide_heads = false;

template <class Backend>
class launches {
 public:
  template <class K>
  bool launch_walk(std::int64_t n, const K& kernel) {
    return with_widths<SUPRA_CUDA_WIDTHS>(
        kernel, [&]<int D, int E>(widths_of<D, E>) { return cuda::launch_walk<D, E>(stream(), n, kernel, scratch()); });
  }
  template <class K, class L>
  bool launch_walk_pair(std::int64_t n, const K& one, const L& other) {
    return with_widths<SUPRA_CUDA_WIDTHS>(one, [&]<int D, int E>(widths_of<D, E>) {
      return cuda::launch_walk_pair<D, E>(stream(), n, one, other, scratch());
    });
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
  // Nothing of it is compiled for other compositions.
  template <class KernelStages, class T>
  requires(compiled_for_warpgroups && wide_heads<KernelStages> && std::is_same_v<T, bf16>)
  static int value_slice(const attention_shape& s) {
    return s.d == 2 * half && s.e == 2 * half && KernelStages::feature_map::out_dim(s.d) == s.d ? half : 0;
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
  // f of the widths d and e of the kernel's heads; false where they are none of these, or nothing walks such rows.
  template <int D, int E>
  struct widths_of {};
  template <int... E, class K, class F>
  static bool with_widths(const K& kernel, F f) {
    const attention_shape& s = kernel.call.shape;
    if constexpr (walks<K>()) {
      using composition = typename K::call_type::composition;
      if constexpr (std::is_same_v<typename composition::normalizer_stage, unnormalized>) {
        return s.d == 2 * half && s.e == half && f(widths_of<2 * half, half>());
      } else {
        if (((s.d == E && s.e == E && f(widths_of<E, E>())) || ...)) return true;
        if constexpr (wide_heads<composition>)
          return ((s.e == E &&
                   ((s.d == 2 * E && f(widths_of<2 * E, E>())) || (s.d == 4 * E && f(widths_of<4 * E, E>())))) ||
                  ...);
      }
    }
    return false;
  }
  static constexpr int half = 128;  // of v, where a head is too wide for one multiprocessor's registers
  cudaStream_t stream() const { return static_cast<const Backend&>(*this).stream(); }
  auto scratch() {
    return [this](std::size_t bytes) { return static_cast<Backend&>(*this).scratch(bytes); };
  }
};

}  // namespace supra::cuda
