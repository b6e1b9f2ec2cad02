#include "supra/tbb/backend.hpp"

#include <tbb/global_control.h>

#include <array>
#include <cstring>

#include "supra/supra.hpp"
#include "supra/testing/check_attention.hpp"
#include "test.hpp"

using namespace supra;
using testing::attention_case;

namespace {

// More threads than processors must exist for their number to matter.
const tbb::global_control many(tbb::global_control::max_allowed_parallelism, 8);
const int counts[] = {1, 2, 3, 5};

template <class Composition, class B>
std::vector<std::vector<double>> everything(B& b, const attention_case& c) {
  attention<Composition, B, float> layer;
  testing::attention_run<B, float> run(b, layer, c);
  const auto x = run.random();
  const sequences seq{c.count, c.length};
  const auto y = run.forward(x, seq, run.tokens());
  const auto d = run.backward(x, seq, run.tokens(), y, y.o, y.state);
  return {y.o, y.state, d.q, d.k, d.v, d.decay, d.feature_q, d.feature_k, d.normalizer, d.state};
}

// Outputs, final states and all gradients have the Eigen backend's bits, whole or cut into chunks.
template <class Composition>
void same_bits() {
  for (const attention_case& c : {attention_case{1, 1, 8, 6, 16, 1, 333, 1},
                                  {3, 3, 6, 5, 7, 1, 200, 2},
                                  {4, 2, 8, 6, 16, 1, 100, 3},
                                  {4, 2, 8, 6, 16, 3, 50, 4}}) {
    eigen_backend one;
    const auto wanted = everything<Composition>(one, c);
    for (int n : counts) {
      tbb_backend b(n);
      const auto found = everything<Composition>(b, c);
      for (std::size_t i = 0; i < wanted.size(); ++i)
        BOOST_TEST((found[i] == wanted[i]), n << " threads, " << c.heads << " heads, array " << i);
    }
  }
}

template <class T>
void products() {
  std::mt19937_64 g(3);
  std::normal_distribution<float> normal;
  for (auto [m, n, k] : {std::array<std::int64_t, 3>{1, 700, 300},
                         {3, 5, 7},
                         {512, 172, 64},
                         {172, 64, 4096},
                         {0, 3, 4},
                         {3, 4, 0},
                         {65, 33, 2000}})
    for (op oa : {op::plain, op::transposed})
      for (op ob : {op::plain, op::transposed}) {
        std::vector<T> a, b, c;
        for (std::int64_t i = 0; i < m * k; ++i) a.push_back(T(normal(g)));
        for (std::int64_t i = 0; i < n * k; ++i) b.push_back(T(normal(g)));
        for (std::int64_t i = 0; i < m * n; ++i) c.push_back(T(normal(g)));
        const std::int64_t lda = std::max<std::int64_t>(oa == op::plain ? k : m, 1),
                           ldb = std::max<std::int64_t>(ob == op::plain ? n : k, 1), ldc = std::max<std::int64_t>(n, 1);
        using A = accumulator_t<T>;
        std::vector<T> exact = c, first;
        serial_backend().gemm(oa, ob, m, n, k, A(0.5), a.data(), lda, b.data(), ldb, A(2), exact.data(), ldc);
        for (int threads : counts) {
          tbb_backend many_threads(threads);
          std::vector<T> found = c;
          many_threads.gemm(oa, ob, m, n, k, A(0.5), a.data(), lda, b.data(), ldb, A(2), found.data(), ldc);
          // k products are summed: at most k roundings of A, a few more for alpha and beta; then one of T
          const double limit = 8 * static_cast<double>(k + 1) * static_cast<double>(unit_roundoff<A>) +
                               4 * static_cast<double>(unit_roundoff<T>);
          double worst = 0, top = 1e-30;
          for (std::size_t i = 0; i < c.size(); ++i) {
            worst = std::max(worst, std::abs(static_cast<double>(A(found[i])) - static_cast<double>(A(exact[i]))));
            top = std::max(top, std::abs(static_cast<double>(A(exact[i]))));
          }
          BOOST_TEST(worst <= limit * top, m << " x " << n << " x " << k);
          if (first.empty()) first = found;
          BOOST_TEST((std::memcmp(first.data(), found.data(), found.size() * sizeof(T)) == 0), threads << " threads");
        }
      }
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_paper) { same_bits<linear_attention<elementwise<relu>, rope, slope_decay, group_norm>>(); }
BOOST_AUTO_TEST_CASE(gated) { same_bits<linear_attention<hedgehog, rope, per_token_decay, sum_norm>>(); }
BOOST_AUTO_TEST_CASE(with_parameters) {
  same_bits<linear_attention<softmax_temperature, rope, learned_decay, rms_norm_gain>>();
}

BOOST_AUTO_TEST_CASE(matrix_products_do_not_depend_on_threads) { products<float>(), products<double>(), products<bf16>(); }

BOOST_AUTO_TEST_CASE(threads_are_counted) {
  BOOST_TEST(tbb_backend(3).teams() == 3);
  BOOST_TEST(tbb_backend().teams() >= 1);
  BOOST_CHECK_EXCEPTION(tbb_backend(-1), std::invalid_argument, [](const std::exception& e) {
    return std::string(e.what()).find("must not be negative") != std::string::npos;
  });
}
