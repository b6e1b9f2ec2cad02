// The program's attention on the Eigen backend: these groups, beside the others for the compiler's sake; a build may leave
// them out.
#if defined(SUPRA_WITH_EIGEN) && defined(SUPRA_VARIANTS_EIGEN)
#include "attention_on.hpp"
#include "supra/eigen/backend.hpp"

SUPRA_ATTENTION_GROUP(supra::eigen_backend, variants)
SUPRA_ATTENTION_GROUP(supra::eigen_backend, turned_before)
#endif
