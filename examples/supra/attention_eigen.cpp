// The program's attention on the Eigen backend.
#ifdef SUPRA_WITH_EIGEN
#include "attention_on.hpp"
#include "supra/eigen/backend.hpp"

SUPRA_ATTENTION(supra::eigen_backend)
#endif
