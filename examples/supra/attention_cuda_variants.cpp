// The program's attention on the CUDA backend: one group, since nvcc takes minutes for each; a build may leave this one out.
#if defined(SUPRA_WITH_CUDA) && defined(SUPRA_VARIANTS_CUDA)
#include "attention_on.hpp"
#include "supra/cuda/backend.hpp"

SUPRA_ATTENTION_GROUP(supra::cuda_backend, variants)
#endif
