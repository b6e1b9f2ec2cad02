#include "conformance.hpp"

using namespace supra;

SUPRA_CONFORMS(paper, elementwise<relu>, rope, slope_decay, group_norm)
SUPRA_CONFORMS(retnet, elementwise<identity>, rope, retnet_decay, group_norm)
SUPRA_CONFORMS(no_decay_no_norm, elementwise<exponential>, rope_interleaved, no_decay, no_norm)
