// The program's attention on the CUDA backend: one group, since nvcc takes minutes for each.
#ifdef SUPRA_WITH_CUDA
#include "attention_on.hpp"
#include "supra/cuda/backend.hpp"

SUPRA_ATTENTION_GROUP(supra::cuda_backend, paper)
#endif
