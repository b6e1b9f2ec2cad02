// The program's commands on the Eigen backend.
#include "commands_on.hpp"
#include "supra/eigen/backend.hpp"

#ifndef SUPRA_VARIANTS_EIGEN
SUPRA_NO_VARIANTS(supra::eigen_backend)
#endif

namespace supra::program {
std::unique_ptr<commands> eigen_commands(int threads) {
  io::need(threads <= 1, "--threads ", threads, ": the eigen backend computes on one thread; leave --threads out");
  return std::make_unique<commands_on<eigen_backend>>();
}
}  // namespace supra::program
