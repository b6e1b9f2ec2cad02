// The program's commands on the CUDA backend, which stores models as bf16.
#include "commands_on.hpp"
#include "supra/cuda/backend.hpp"

#ifndef SUPRA_VARIANTS_CUDA
SUPRA_NO_VARIANTS(supra::cuda_backend)
#endif

namespace supra::program {
std::unique_ptr<commands> cuda_commands(int threads) {
  io::need(threads == 0, "--threads ", threads, ": the cuda backend computes on the GPU; leave --threads out");
  return std::make_unique<commands_on<cuda_backend>>();
}
}  // namespace supra::program
