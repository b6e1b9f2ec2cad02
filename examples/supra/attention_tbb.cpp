// The program's attention on the oneTBB backend.
#ifdef SUPRA_WITH_TBB
#include "attention_on.hpp"
#include "supra/tbb/backend.hpp"

namespace supra::program {
template model::attention_registry<tbb_backend, real> program_attention<tbb_backend>();
}  // namespace supra::program
#endif
