// No normalizer: the decayed sums are the output. They grow with the context; a norm after the layer has to hold them.
#pragma once

#include "supra/core/unnormalized.hpp"

namespace supra {

struct no_norm : unnormalized {};

}  // namespace supra
