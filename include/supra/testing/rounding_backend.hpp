// The serial backend with operands of tile products rounded to T, as matrix units take them, and all else exact: in double, what
// it is off by is what a backend of such units may be off by, where sums cancel too.
#pragma once

#include "supra/core/serial.hpp"

namespace supra::testing {

template <class T>
struct rounding_tiles {
  template <op OA, op OB, class C, class A, class B>
  static void multiply(tile<C> c, tile<A> a, tile<B> b, bool keep) {
    const auto x = rounded(a), y = rounded(b);
    plain_multiply<OA, OB>(c, tile<const C>{x.data(), a.rows, a.cols, a.cols}, tile<const C>{y.data(), b.rows, b.cols, b.cols},
                           keep);
  }
  template <class A>
  static auto rounded(tile<A> a) {
    using S = accumulator_t<T>;
    std::vector<std::remove_const_t<A>> x;
    for (int i = 0; i < a.rows; ++i)
      for (int j = 0; j < a.cols; ++j) x.push_back(static_cast<A>(static_cast<S>(T(static_cast<S>(a.row(i)[j])))));
    return x;
  }
};

template <class T>
class rounding_backend : public one_thread<rounding_tiles<T>> {
 public:
  template <class N, class C>
  void gemm(op oa, op ob, std::int64_t m, std::int64_t n, std::int64_t k, accumulator_t<N> alpha, const N* a, std::int64_t lda,
            const N* b, std::int64_t ldb, accumulator_t<N> beta, C* c, std::int64_t ldc) {
    serial_backend().gemm(oa, ob, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  }
};

static_assert(Backend<rounding_backend<bf16>>);

}  // namespace supra::testing
