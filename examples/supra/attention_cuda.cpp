// The program's attention on the CUDA backend.
#ifdef SUPRA_WITH_CUDA
#include "attention_on.hpp"
#include "supra/cuda/backend.hpp"

namespace supra::program {
template model::attention_registry<cuda_backend, bf16> program_attention<cuda_backend>();
}  // namespace supra::program
#endif
