// What teams make of rows beside what the same kernels make of them on the host.
#include <algorithm>
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

// Norms and their gradients, two rows of logits: all that teams make of rows, one after another.
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
struct own_instructions {
  const float* in;
  float* out;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    lanes.once([&] { out[2 * r] = math::positive(in[r]), out[2 * r + 1] = math::reciprocal_root(in[r]); });
  }
};
}  // namespace

// What a device has instructions of its own for.
BOOST_AUTO_TEST_CASE(instructions_of_the_device) {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> x{3.5f, -3.5f, 0, -inf, inf, std::nanf(""), 1e-30f, 0.25f, 1e-5f, 7, 1e30f};
  cuda_backend b;
  auto from = b.allocate<float>(11), to = b.allocate<float>(22);
  b.upload(x.data(), from.data(), 11);
  for_rows(b, 11, own_instructions{from.data(), to.data()});
  std::vector<float> y(22);
  b.download(static_cast<const float*>(to.data()), y.data(), 22);
  for (std::size_t i = 0; i < 11; ++i) {
    const float positive = y[2 * i], root = y[2 * i + 1];
    BOOST_TEST((std::isnan(x[i]) ? std::isnan(positive) : positive == std::max(x[i], 0.0f)));
    if (x[i] > 0 && x[i] < inf) {
      const double exact = 1 / std::sqrt(static_cast<double>(x[i]));
      BOOST_TEST(std::abs(root - exact) <= 4 * unit_roundoff<float> * exact);  // two units in the last place
    }
  }
}
BOOST_AUTO_TEST_CASE(rows_by_teams_are_the_hosts) { as_on_the_host<double>(), as_on_the_host<bf16>(); }
