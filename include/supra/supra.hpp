// All stages and their composition; no backend. Include a backend's header beside it.
#pragma once

#include "supra/core/linear_attention.hpp"
#include "supra/core/view.hpp"
#include "supra/decay/given.hpp"
#include "supra/decay/learned.hpp"
#include "supra/decay/none.hpp"
#include "supra/decay/per_token.hpp"
#include "supra/decay/retnet.hpp"
#include "supra/decay/slopes.hpp"
#include "supra/feature/elu1.hpp"
#include "supra/feature/exp.hpp"
#include "supra/feature/hedgehog.hpp"
#include "supra/feature/identity.hpp"
#include "supra/feature/relu.hpp"
#include "supra/feature/softmax.hpp"
#include "supra/feature/softmax_temperature.hpp"
#include "supra/feature/taylor2.hpp"
#include "supra/normalizer/group_norm.hpp"
#include "supra/normalizer/none.hpp"
#include "supra/normalizer/rms_norm.hpp"
#include "supra/normalizer/rms_norm_gain.hpp"
#include "supra/normalizer/sum.hpp"
#include "supra/position/absolute.hpp"
#include "supra/position/none.hpp"
#include "supra/position/rope.hpp"
#include "supra/position/rope_interleaved.hpp"
#include "supra/position/rope_scaled.hpp"
#include "supra/position/xpos.hpp"

namespace supra {

// The paper's attention: relu of a learned linear map (outside the core), rope, decay slopes, group norm.
using supra_attention = linear_attention<elementwise<relu>, rope, slope_decay, group_norm>;

}  // namespace supra
