// What benchmarks on a card share: arrays there, times by events, and its copy's bandwidth and rate of products, the bounds
// that they are held against.
#pragma once

#include <cuda_runtime.h>
#include <dlfcn.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "supra/core/types.hpp"
#include "supra/cuda/launch_walk.hpp"

namespace bench {

using supra::bf16;
using supra::cuda::must;

// Milliseconds of f on the stream, median of `repeats` after a warm-up.
inline double median_ms(cudaStream_t stream, const std::function<void()>& f, int repeats = 30) {
  for (int i = 0; i < 3; ++i) f();
  std::vector<cudaEvent_t> at(static_cast<std::size_t>(repeats) + 1);
  for (auto& e : at) must(cudaEventCreate(&e), "event");
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (i > 0) f();
    must(cudaEventRecord(at[i], stream), "record");
  }
  must(cudaStreamSynchronize(stream), "timed work");
  std::vector<float> ms(static_cast<std::size_t>(repeats));
  for (std::size_t i = 0; i < ms.size(); ++i) must(cudaEventElapsedTime(&ms[i], at[i], at[i + 1]), "elapsed");
  for (auto& e : at) cudaEventDestroy(e);
  std::sort(ms.begin(), ms.end());
  return ms[ms.size() / 2];
}

__global__ void fill(bf16* x, std::int64_t n, std::uint32_t seed) {
  for (std::int64_t i = blockIdx.x * std::int64_t{blockDim.x} + threadIdx.x; i < n; i += std::int64_t{gridDim.x} * blockDim.x) {
    std::uint32_t sum = 0, h = static_cast<std::uint32_t>(i) * 2654435761u + seed;
    for (int r = 0; r < 4; ++r) h ^= h >> 16, h *= 0x7feb352du, h ^= h >> 15, h *= 0x846ca68bu, sum += h >> 16;
    x[i] = bf16((static_cast<float>(sum) * 0x1p-16f - 2.0f) * 1.73f);  // nearly normal, unit variance
  }
}
struct device_rows {
  bf16* data = nullptr;
  std::int64_t n;
  device_rows(std::int64_t count, unsigned seed) : n(count) {
    must(cudaMalloc(&data, static_cast<std::size_t>(n) * sizeof(bf16)), "memory");
    fill<<<1024, 256>>>(data, n, seed);
    must(cudaDeviceSynchronize(), "fill");
  }
  device_rows(const device_rows&) = delete;
  ~device_rows() { cudaFree(data); }
};

inline double copy_bandwidth(cudaStream_t stream) {  // bytes a second, read and written
  const std::int64_t n = std::int64_t{1} << 30;
  device_rows a(n, 1), b(n, 2);
  const double ms = median_ms(stream, [&] { cudaMemcpyAsync(b.data, a.data, 2 * n, cudaMemcpyDeviceToDevice, stream); });
  return 4e3 * static_cast<double>(n) / ms;
}

// Operations a second of an 8192 x 8192 x 8192 product in bf16 by cuBLAS, which is loaded if the machine has it; else 0.
inline double product_rate(cudaStream_t stream) {
  void* lib = nullptr;
  for (const char* name : {"libcublas.so.13", "libcublas.so.12", "libcublas.so"})
    if (!lib) lib = dlopen(name, RTLD_NOW);
  if (!lib) return 0;
  auto create = reinterpret_cast<int (*)(void**)>(dlsym(lib, "cublasCreate_v2"));
  auto set = reinterpret_cast<int (*)(void*, cudaStream_t)>(dlsym(lib, "cublasSetStream_v2"));
  using gemm_type = int (*)(void*, int, int, int, int, int, const void*, const void*, int, int, const void*, int, int,
                            const void*, void*, int, int, int, int);
  auto gemm = reinterpret_cast<gemm_type>(dlsym(lib, "cublasGemmEx"));
  void* handle = nullptr;
  if (!create || !set || !gemm || create(&handle) != 0) return 0;
  set(handle, stream);
  const int n = 8192, type = 14, compute = 68;  // CUDA_R_16BF, CUBLAS_COMPUTE_32F
  device_rows a(std::int64_t{n} * n, 1), b(std::int64_t{n} * n, 2), c(std::int64_t{n} * n, 3);
  const float one = 1, none = 0;
  const double ms = median_ms(
      stream, [&] { gemm(handle, 0, 0, n, n, n, &one, a.data, type, n, b.data, type, n, &none, c.data, type, n, compute, -1); },
      10);
  return 2e3 * n * n * n / ms;
}

}  // namespace bench
