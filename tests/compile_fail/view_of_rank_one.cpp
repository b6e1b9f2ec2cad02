// expect: supra: a view of rows has rank 3 (tokens, heads, width) or 2 (tokens, heads * width)
// A span of all numbers one after another says nothing of rows.
#include <cstddef>

#include "supra/core/view.hpp"

struct span {
#ifdef SUPRA_MENDED
  static constexpr std::size_t rank() { return 2; }
#else
  static constexpr std::size_t rank() { return 1; }
#endif
  float* data_handle() const { return nullptr; }
  std::size_t extent(std::size_t) const { return 0; }
  std::size_t stride(std::size_t) const { return 1; }
};

auto rows = supra::view_of(span{}, supra::queries({}));
