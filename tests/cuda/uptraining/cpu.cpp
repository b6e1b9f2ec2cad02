// The CPU's side of the test of uptraining.
#include "supra/eigen/backend.hpp"

#include "cases.hpp"

namespace supra_test {
std::vector<double> cpu_losses(const uptraining_case& u, const uptraining_values& values, int steps) {
  return uptraining_run<supra::eigen_backend, float>(u, values).losses(steps);
}
std::vector<float> cpu_gradient(const uptraining_case& u, const uptraining_values& values) {
  return uptraining_run<supra::eigen_backend, float>(u, values).gradient();
}
}  // namespace supra_test
