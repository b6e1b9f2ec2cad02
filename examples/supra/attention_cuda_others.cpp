// The program's attention on the CUDA backend: one group, since nvcc takes minutes for each.
#ifdef SUPRA_WITH_CUDA
#include "attention_on.hpp"
#include "supra/cuda/backend.hpp"

// Learned maps of twice and four times a head's width are for the attention named best.
template <>
inline constexpr bool supra::cuda::wide_heads<supra::kernel_stages<supra::linear_attention<
    supra::elementwise<supra::relu>, supra::rope_scaled, supra::per_token_decay, supra::rms_norm_gain>>> = true;

SUPRA_ATTENTION_GROUP(supra::cuda_backend, others)
#endif
