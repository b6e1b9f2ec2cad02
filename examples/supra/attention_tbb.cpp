// The program's attention on the oneTBB backend.
#ifdef SUPRA_WITH_TBB
#include "attention_on.hpp"
#include "supra/tbb/backend.hpp"

SUPRA_ATTENTION(supra::tbb_backend)
#endif
