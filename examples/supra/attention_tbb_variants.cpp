// The program's attention on the oneTBB backend: these groups, beside the others for the compiler's sake; a build may leave
// them out.
#if defined(SUPRA_WITH_TBB) && defined(SUPRA_VARIANTS_TBB)
#include "attention_on.hpp"
#include "supra/tbb/backend.hpp"

SUPRA_ATTENTION_GROUP(supra::tbb_backend, variants)
SUPRA_ATTENTION_GROUP(supra::tbb_backend, turned_before)
#endif
