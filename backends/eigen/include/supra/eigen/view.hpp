// An Eigen matrix, map or block (tokens, heads * width), row-major, as the rows of a call, without a copy.
//   inputs.q = view_of(Eigen::Map<const row_major, 0, Eigen::OuterStride<>>(...), queries(shape));
#pragma once

#include <Eigen/Core>

#include "supra/core/view.hpp"

namespace supra {

// Owned or not, with memory of its own: no expression.
template <class M>
concept EigenDense = std::is_base_of_v<Eigen::DenseBase<std::remove_const_t<M>>, M> && requires(M& m) {
  m.data();
  m.outerStride();
};

template <class M>
requires EigenDense<std::remove_reference_t<M>>
auto view_of(M&& m, const tensor_shape& t) {
  using matrix = std::remove_cvref_t<M>;
  static_assert(matrix::IsRowMajor, "supra: an Eigen matrix of rows must be row-major: a row (heads * width) is one token");
  static_assert(std::is_lvalue_reference_v<M> || !std::is_base_of_v<Eigen::PlainObjectBase<matrix>, matrix>,
                "supra: this Eigen matrix ends with the expression; give a view of one that outlives the call");
  return view_of(m.data(), view_layout{2, {m.rows(), m.cols()}, {m.outerStride(), m.innerStride()}}, t);
}

}  // namespace supra
