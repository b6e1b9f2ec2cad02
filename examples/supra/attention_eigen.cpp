// The program's attention on the Eigen backend.
#ifdef SUPRA_WITH_EIGEN
#include "attention_on.hpp"
#include "supra/eigen/backend.hpp"

namespace supra::program {
template model::attention_registry<eigen_backend, real> program_attention<eigen_backend>();
}  // namespace supra::program
#endif
