// The Eigen backend: one thread, the model's matrix products by Eigen, tiles in registers, rows in loops that vectorise.
// The reference backend, and the default where only a compiler and Eigen are at hand.
#pragma once

#if defined(_OPENMP) && !defined(EIGEN_DONT_PARALLELIZE)
#error "supra: this backend is one thread; where OpenMP is on, define EIGEN_DONT_PARALLELIZE for the whole target"
#endif
#include <Eigen/Core>

#include "supra/core/serial.hpp"
#include "supra/core/tile_product.hpp"

namespace supra {

namespace eigen_detail {
using Eigen::Dynamic;
using Eigen::RowMajor;
using stride = Eigen::OuterStride<>;
template <class T> using matrix = Eigen::Matrix<T, Dynamic, Dynamic, RowMajor>;
template <class T> using view = Eigen::Map<const matrix<std::remove_const_t<T>>, 0, stride>;
template <class T> using target = Eigen::Map<matrix<T>, 0, stride>;

template <class C, class A, class B> void product(C&& c, op oa, op ob, const A& a, const B& b) {
  if (oa == op::plain && ob == op::plain) c.noalias() += a * b;
  else if (oa == op::plain) c.noalias() += a * b.transpose();
  else if (ob == op::plain) c.noalias() += a.transpose() * b;
  else c.noalias() += a.transpose() * b.transpose();
}
}  // namespace eigen_detail

// c = alpha OA(a) OB(b) + beta c by Eigen, on the calling thread. bf16 operands are widened to float first: Eigen's own products
// are for float and double. A bf16 c is rounded once, at the end.
struct eigen_products {
  template <class T, class C>
  static void gemm(op oa, op ob, std::int64_t m, std::int64_t n, std::int64_t k, accumulator_t<T> alpha, const T* a,
                   std::int64_t lda, const T* b, std::int64_t ldb, accumulator_t<T> beta, C* c, std::int64_t ldc) {
    using namespace eigen_detail;
    if constexpr (std::is_same_v<C, bf16>) {
      auto fc = widen(c, m, n, ldc);
      gemm(oa, ob, m, n, k, alpha, a, lda, b, ldb, beta, fc.data(), n);
      for (std::int64_t i = 0; i < m; ++i)
        for (std::int64_t j = 0; j < n; ++j) c[i * ldc + j] = bf16(fc(i, j));
    } else if constexpr (std::is_same_v<T, bf16>) {
      const auto fa = widen(a, oa == op::plain ? m : k, oa == op::plain ? k : m, lda);
      const auto fb = widen(b, ob == op::plain ? k : n, ob == op::plain ? n : k, ldb);
      gemm(oa, ob, m, n, k, alpha, fa.data(), fa.cols(), fb.data(), fb.cols(), beta, c, ldc);
    } else {
      if (m == 0 || n == 0) return;
      target<T> out(c, m, n, stride(ldc));
      if (beta == T(0))
        out.setZero();
      else if (beta != T(1))
        out *= beta;
      if (k == 0) return;
      const view<T> va(a, oa == op::plain ? m : k, oa == op::plain ? k : m, stride(lda));
      const view<T> vb(b, ob == op::plain ? k : n, ob == op::plain ? n : k, stride(ldb));
      if (alpha == T(1))
        product(out, oa, ob, va, vb);
      else
        product(out, oa, ob, alpha * va, vb);
    }
  }

 private:
  static eigen_detail::matrix<float> widen(const bf16* p, std::int64_t rows, std::int64_t cols, std::int64_t ld) {
    eigen_detail::matrix<float> r(rows, cols);
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < cols; ++j) r(i, j) = p[i * ld + j];
    return r;
  }
};

class eigen_backend : public one_thread<register_tiles>, public eigen_products {};

}  // namespace supra
