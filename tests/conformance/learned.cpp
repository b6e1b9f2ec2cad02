#include "conformance.hpp"

using namespace supra;

SUPRA_CONFORMS(temperature_gain, softmax_temperature, rope, learned_decay, rms_norm_gain)
SUPRA_CONFORMS(xpos_given, elementwise<relu>, xpos, given_decay, rms_norm)
SUPRA_CONFORMS(taylor2_sum, taylor2, no_position, slope_decay, sum_norm)
