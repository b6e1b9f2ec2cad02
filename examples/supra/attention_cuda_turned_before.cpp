// The program's attention on the CUDA backend: one group, since nvcc takes minutes for each; a build may leave this one out.
#ifdef SUPRA_WITH_CUDA
#include "attention_on.hpp"
#include "supra/cuda/backend.hpp"

#ifdef SUPRA_CUDA_VARIANTS
SUPRA_ATTENTION_GROUP(supra::cuda_backend, turned_before)
#else
SUPRA_NO_ATTENTION_GROUP(supra::cuda_backend, turned_before)
#endif
#endif
