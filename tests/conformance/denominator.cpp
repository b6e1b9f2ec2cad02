#include "conformance.hpp"

using namespace supra;

SUPRA_CONFORMS(hedgehog_gated, hedgehog, rope, per_token_decay, sum_norm)
SUPRA_CONFORMS(softmax_learned, softmax, no_position, learned_decay, sum_norm)
SUPRA_CONFORMS(elu1_sum, elementwise<elu1>, rope_scaled, no_decay, sum_norm)
