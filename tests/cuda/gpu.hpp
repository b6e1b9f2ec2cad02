// Where there is no GPU, a test of the CUDA backend says so in one line and is left out.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "supra/cuda/backend.hpp"
#include "test.hpp"

namespace supra_test {
struct gpu {
  static constexpr int skipped = 77;  // SKIP_RETURN_CODE of these tests
  gpu() {
    int count = 0;
    const cudaError_t found = cudaGetDeviceCount(&count);
    if (found == cudaSuccess && count > 0) return;
    std::printf("left out (no GPU: %s)\n", found == cudaSuccess ? "none found" : cudaGetErrorString(found));
    std::fflush(stdout);
    std::_Exit(skipped);
  }
};
}  // namespace supra_test
using supra_test::gpu;
BOOST_TEST_GLOBAL_FIXTURE(gpu);
