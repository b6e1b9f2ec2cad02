// The CPU's side of the test of uptraining.
#include "supra/eigen/backend.hpp"

#include "cases.hpp"

namespace supra_test {
std::vector<double> cpu_losses(const supra::model::config& c, const std::vector<float>& values, int steps) {
  return uptraining_run<supra::eigen_backend, float>(c, values).losses(steps);
}
}  // namespace supra_test
