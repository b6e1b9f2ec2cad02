// The program's attention on the CUDA backend: one group, since nvcc takes minutes for each. This one can be left out of
// a build (SUPRA_CUDA_VARIANTS); models of it are then refused by name.
#ifdef SUPRA_WITH_CUDA
#include "attention_on.hpp"
#include "supra/cuda/backend.hpp"

#ifdef SUPRA_CUDA_VARIANTS
SUPRA_ATTENTION_GROUP(supra::cuda_backend, variants)
#else
template <>
void supra::program::add_attention<supra::program::attention_group::variants, supra::cuda_backend>(
    supra::model::attention_registry<supra::cuda_backend, supra::program::scalar<supra::cuda_backend>>&) {}
#endif
#endif
