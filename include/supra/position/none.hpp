// No position: rows stay as they are. A decay alone already tells near from far.
#pragma once

#include "supra/core/concepts.hpp"

namespace supra {

struct no_position {
  static constexpr bool identity = true;
};

}  // namespace supra
