// What teams make of rows beside what the same kernels make of them on the host.
#include <cmath>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "gpu.hpp"
#include "supra/eigen/backend.hpp"
#include "supra/layer/distillation.hpp"
#include "supra/layer/norm.hpp"
#include "supra/supra.hpp"

using namespace supra;

namespace {
template <class T>
std::vector<T> filled(std::int64_t n, std::uint64_t seed) {
  std::mt19937_64 g(seed);
  std::normal_distribution<float> normal;
  std::vector<T> x;
  for (std::int64_t i = 0; i < n; ++i) x.push_back(T(normal(g)));
  return x;
}

// Norms and their gradients, few numbers a row, two rows of logits: all that teams make of rows, one after another.
template <class B, class T>
std::vector<double> rows_by_teams() {
  using A = accumulator_t<T>;
  B b;
  std::vector<double> all;
  const auto put = [&]<class N>(N, std::int64_t n, std::uint64_t seed) {
    const auto x = filled<N>(n, seed);
    auto y = b.template allocate<N>(n);
    b.upload(x.data(), y.data(), n);
    return y;
  };
  const auto take = [&](const auto& x) {
    using N = std::remove_cvref_t<decltype(*x.data())>;
    std::vector<N> host(static_cast<std::size_t>(x.size()));
    b.download(static_cast<const N*>(x.data()), host.data(), x.size());
    for (N y : host) all.push_back(static_cast<double>(A(y)));
  };
  for (const auto& [n, width] :
       {std::pair{1, 35}, {64, 32}, {130, 75}, {70, 5000}, {33, 576}, {40, 580}, {65, 1}, {2, 60000}}) {
    const auto x = put(T(), n * width, 1), dy = put(T(), n * width, 2);
    const auto gain = put(A(), width, 3);
    auto y = b.template allocate<T>(n * width), dx = put(T(), n * width, 4);
    auto stat = b.template allocate<A>(2 * n), dgain = put(A(), width, 5);
    const T *px = x.data(), *pd = dy.data();
    const A* const ps = stat.data();
    layer::norm_forward(b, n, width, model::norm_kind::layer_gain, 1e-5, px, gain.data(), y.data(), stat.data());
    layer::norm_backward(b, n, width, model::norm_kind::layer_gain, px, gain.data(), pd, ps, dx.data(), dgain.data());
    take(y), take(dx), take(dgain);
  }
  for (std::int64_t n : {1, 500}) {
    const std::int64_t in = 40, out = 9;
    const auto x = put(T(), n * in, 1), w = put(T(), out * in, 2);
    const auto bias = put(A(), out, 3), dy = put(A(), n * out, 4);
    auto y = b.template allocate<A>(n * out), spaced = b.template allocate<A>(0);
    auto dw = put(A(), out * in, 6), db = put(A(), out, 7);
    auto narrow = b.template allocate<T>(0), dx = put(T(), n * in, 5);
    const T *px = x.data(), *pw = w.data();
    layer::narrow_forward(b, n, in, out, px, pw, bias.data(), y.data(), spaced);
    layer::narrow_backward(b, n, in, out, px, pw, dy.data(), dx.data(), dw.data(), db.data(), narrow);
    take(y), take(dx), take(dw), take(db);
  }
  for (int vocab : {5, 9001}) {
    const std::int64_t n = 3;
    const std::int32_t targets[n] = {4, -1, vocab - 1};
    auto s = put(T(), n * vocab, 1);
    auto kl = b.template allocate<A>(n), ce = b.template allocate<A>(n);
    const auto t = put(T(), n * vocab, 2);
    auto wanted = b.template allocate<std::int32_t>(n);
    b.upload(targets, wanted.data(), n);
    const layer::distillation_rows<T> rows{s.data(), t.data(), wanted.data(), kl.data(), ce.data(), vocab, 1, A(0.1), A(0.01),
                                           true};
    b.launch(n, rows.scratch_bytes(), rows);
    take(s), take(kl), take(ce);
  }
  return all;
}

// Numbers about as large as 1: what so many roundings can make of them, where sums have another order, and one of what is
// stored.
template <class T>
void as_on_the_host() {
  const auto found = rows_by_teams<cuda_backend, T>(), wanted = rows_by_teams<eigen_backend, T>();
  BOOST_REQUIRE(found.size() == wanted.size());
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double off = std::abs(found[i] - wanted[i]) / (1 + std::abs(wanted[i]));
    worst = off >= 0 ? std::max(worst, off) : std::numeric_limits<double>::infinity();
  }
  BOOST_TEST(worst <= 60000 * unit_roundoff<accumulator_t<T>> + 2 * unit_roundoff<T>);
  BOOST_TEST((rows_by_teams<cuda_backend, T>() == found));
}
}  // namespace

BOOST_AUTO_TEST_CASE(rows_by_teams_are_the_hosts) { as_on_the_host<double>(), as_on_the_host<bf16>(); }
