// Rows of the embedding matrix (vocab, dim) by token ids, and their gradient, summed in the order of the tokens.
#pragma once

#include "supra/core/backend.hpp"

namespace supra::layer {

template <class T> struct embedding_forward {
  const std::int32_t* ids;
  const T* table;
  T* y;
  int dim;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t row) const {
    const T* from = table + static_cast<std::int64_t>(ids[row]) * dim;
    lanes.each(dim, [&](auto i) { y[row * dim + int(i)] = from[int(i)]; });
  }
};

// dtable += dy. A team owns a block of columns and takes all tokens one after another: no two write the same place.
template <class T> struct embedding_backward {
  const std::int32_t* ids;
  const T* dy;
  accumulator_t<T>* dtable;
  std::int64_t tokens;
  int dim;
  static constexpr int block = 64;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t b) const {
    const int first = static_cast<int>(b) * block, n = dim - first < block ? dim - first : block;
    for (std::int64_t t = 0; t < tokens; ++t) {
      accumulator_t<T>* to = dtable + static_cast<std::int64_t>(ids[t]) * dim + first;
      const T* from = dy + t * dim + first;
      lanes.each(n, [&](auto i) { to[int(i)] += from[int(i)]; });
    }
  }
};

}  // namespace supra::layer
