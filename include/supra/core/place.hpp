// Where a row stands: what a stage may know beside the row itself.
#pragma once

#include <cstdint>

#include "supra/core/config.hpp"

namespace supra {

template <class A>
struct place {
  std::int64_t position = 0;      // absolute position of the token
  int head = 0;                   // query head, or key head where the row is a key
  bool key = false;               // the row is a key, not a query
  const A* parameters = nullptr;  // this stage's own numbers for this head
  const double* table = nullptr;  // a position's table, see Position
  A* gradient = nullptr;          // where vjp adds the parameters' gradients; this row's own, zero before; null: not wanted

  SUPRA_INLINE A parameter(int i) const { return parameters[i]; }
  // Call once for each number and row: inside lanes.each with the slot's number, or inside lanes.once.
  SUPRA_INLINE void add(int i, A value) const {
    if (gradient) gradient[i] += value;
  }
};

}  // namespace supra
