#define SUPRA_GOLDEN_INSTANCES
#include "golden.hpp"

SUPRA_GOLDEN_MODELS(, double)
SUPRA_GOLDEN_MODELS(, float)
