#include <cmath>
#include <random>

#include "session.hpp"
#include "supra/supra.hpp"

using namespace supra;

namespace {
template <class T>
void products() {
  using A = accumulator_t<T>;
  kokkos_backend<> backend;
  std::mt19937_64 g(5);
  std::normal_distribution<float> normal;
  auto filled = [&](std::int64_t n) {
    std::vector<T> x;
    for (std::int64_t i = 0; i < n; ++i) x.push_back(T(normal(g)));
    return x;
  };
  auto up = [&](const std::vector<T>& x) {
    auto y = backend.template allocate<T>(static_cast<std::int64_t>(x.size()));
    backend.upload(x.data(), y.data(), static_cast<std::int64_t>(x.size()));
    return y;
  };
  for (auto [m, n, k] :
       {std::array<std::int64_t, 3>{1, 70, 300}, {3, 5, 7}, {130, 172, 64}, {97, 129, 300}, {0, 3, 4}, {3, 4, 0}})
    for (op oa : {op::plain, op::transposed})
      for (op ob : {op::plain, op::transposed})
        for (auto [alpha, beta] : {std::array<A, 2>{1, 0}, {1, 1}, {A(0.5), 2}}) {
          const auto a = filled(m * k), b = filled(k * n), c = filled(m * n);
          const std::int64_t lda = std::max<std::int64_t>(oa == op::plain ? k : m, 1),
                             ldb = std::max<std::int64_t>(ob == op::plain ? n : k, 1), ldc = std::max<std::int64_t>(n, 1);
          auto exact = c, found = c;
          serial_backend().gemm(oa, ob, m, n, k, alpha, a.data(), lda, b.data(), ldb, beta, exact.data(), ldc);
          auto da = up(a), db = up(b), dc = up(c);
          backend.gemm(oa, ob, m, n, k, alpha, da.data(), lda, db.data(), ldb, beta, dc.data(), ldc);
          backend.fence();
          backend.download(static_cast<const T*>(dc.data()), found.data(), m * n);
          double worst = 0, top = 1e-30;
          for (std::size_t i = 0; i < c.size(); ++i) {
            worst = std::max(worst, std::abs(static_cast<double>(A(found[i])) - static_cast<double>(A(exact[i]))));
            top = std::max(top, std::abs(static_cast<double>(A(exact[i]))));
          }
          const double limit = 8 * static_cast<double>(k + 1) * static_cast<double>(unit_roundoff<A>) +
                               4 * static_cast<double>(unit_roundoff<T>);
          BOOST_TEST(worst <= limit * top, m << " x " << n << " x " << k << ": " << worst / top);
        }
}
struct greedy {
  template <class Team>
  SUPRA_FN void operator()(Team&, std::int64_t) const {}
};
}  // namespace

BOOST_AUTO_TEST_CASE(matrix_products) { products<float>(), products<double>(), products<bf16>(); }

BOOST_AUTO_TEST_CASE(memory_starts_as_zero) {
  kokkos_backend<> b;
  auto x = b.allocate<float>(100);
  std::vector<float> y(100, 1.0f);
  b.download(static_cast<const float*>(x.data()), y.data(), 100);
  for (float z : y) BOOST_TEST(z == 0);
  BOOST_TEST(b.allocate<float>(0).size() == 0);
}

BOOST_AUTO_TEST_CASE(scratch_beyond_what_a_team_can_have_is_a_sentence) {
  kokkos_backend<> b;
  BOOST_CHECK_EXCEPTION(b.launch(1, std::size_t{1} << 40, greedy{}), std::invalid_argument, [](const std::exception& e) {
    return std::string(e.what()).find("smaller chunk length") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(a_shape_beyond_the_scratch_is_a_sentence) {
  kokkos_backend<> b;
  const int d = 1 << 14;  // a state of 2^28 numbers
  const auto x = b.allocate<float>(d);
  const auto o = b.allocate<float>(d);
  const auto rows = dense<const float>(x.data(), 1, d);
  attention<linear_attention<elementwise<relu>, no_position, no_decay, no_norm>, kokkos_backend<>, float> layer;
  BOOST_CHECK_EXCEPTION(layer.forward(b, {1, 1, 1, d, d}, {1, 1}, {rows, rows, rows}, {dense(o.data(), 1, d)}),
                        std::invalid_argument, [](const std::exception& e) {
                          const std::string said = e.what();
                          return said.find("bytes of scratch for this shape") != said.npos &&
                                 said.find("narrower heads") != said.npos;
                        });
}

// The user's own instance of the execution space, as a stream would be.
BOOST_AUTO_TEST_CASE(an_instance_of_the_execution_space) {
  const auto mine = Kokkos::Experimental::partition_space(Kokkos::DefaultExecutionSpace(), 1, 1)[1];
  kokkos_backend<> b(mine);
  BOOST_TEST(b.teams() >= 1);
  BOOST_TEST((b.space() == mine));
}
