// Softmax attention in blocks against the quadratic definition in double: odd lengths, one token, a window, grouped heads, and
// its gradients against central differences.
#include "supra/layer/softmax_attention.hpp"

#include <random>

#include "supra/core/serial.hpp"
#include "supra/eigen/backend.hpp"
#include "supra/testing/check_gradients.hpp"
#include "test.hpp"

using namespace supra;

namespace {

struct sizes {
  std::int64_t count, length, window;
  int heads, kv_heads, d;
};
const sizes cases[] = {{2, 1, 0, 2, 1, 4},   {1, 64, 0, 2, 2, 8},   {2, 65, 0, 4, 2, 6},   {1, 131, 0, 3, 1, 5},
                       {1, 131, 1, 2, 1, 4}, {2, 150, 17, 4, 2, 6}, {1, 140, 64, 1, 1, 3}, {1, 90, 200, 2, 2, 4}};

template <class T> std::vector<T> random(std::int64_t n, std::uint64_t seed) {
  std::mt19937_64 g(seed);
  std::normal_distribution<double> normal;
  std::vector<T> x(static_cast<std::size_t>(n));
  for (auto& y : x) y = static_cast<T>(normal(g));
  return x;
}

// o and the rows' log sums by the definition.
void definition(const sizes& z, const std::vector<double>& q, const std::vector<double>& k, const std::vector<double>& v,
                std::vector<double>& o, std::vector<double>& lse) {
  const int group = z.heads / z.kv_heads;
  o.assign(q.size(), 0), lse.assign(q.size() / static_cast<std::size_t>(z.d), 0);
  for (std::int64_t s = 0; s < z.count; ++s)
    for (int h = 0; h < z.heads; ++h)
      for (std::int64_t t = 0; t < z.length; ++t) {
        const double* const query = q.data() + ((s * z.length + t) * z.heads + h) * z.d;
        double* const out = o.data() + ((s * z.length + t) * z.heads + h) * z.d;
        double sum = 0;
        for (std::int64_t u = z.window > 0 ? std::max<std::int64_t>(0, t - z.window + 1) : 0; u <= t; ++u) {
          const std::int64_t row = ((s * z.length + u) * z.kv_heads + h / group) * z.d;
          double score = 0;
          for (int i = 0; i < z.d; ++i) score += query[i] * k[static_cast<std::size_t>(row + i)];
          const double e = std::exp(score / std::sqrt(z.d));
          sum += e;
          for (int i = 0; i < z.d; ++i) out[i] += e * v[static_cast<std::size_t>(row + i)];
        }
        for (int i = 0; i < z.d; ++i) out[i] /= sum;
        lse[static_cast<std::size_t>((s * z.length + t) * z.heads + h)] = std::log(sum);
      }
}

template <class B, class T> struct run {
  sizes z;
  std::vector<T> q, k, v, o, lse, dq, dk, dv;
  run(const sizes& z, std::vector<T> q, std::vector<T> k, std::vector<T> v)
      : z(z), q(std::move(q)), k(std::move(k)), v(std::move(v)) {
    const T nan = std::numeric_limits<T>::quiet_NaN();
    o.assign(this->q.size(), nan), lse.assign(this->q.size() / static_cast<std::size_t>(z.d), nan);
    dq = o, dk.assign(this->k.size(), nan), dv = dk;
    const layer::softmax_forward_kernel<T> kernel{call(), o.data()};
    b.launch(z.count * z.heads, kernel.scratch_bytes(), kernel);
  }
  layer::softmax_call<T> call() {
    return {z.length, z.window, z.heads, z.kv_heads, z.d, q.data(), k.data(), v.data(), lse.data()};
  }
  void backward(const std::vector<T>& d_o) {
    using kernel = layer::softmax_backward_kernel<T>;
    b.launch(z.count * z.kv_heads, kernel::scratch_bytes(),
             kernel{call(), o.data(), d_o.data(), dq.data(), dk.data(), dv.data()});
  }
  B b;
};

template <class T> double largest_difference(const std::vector<T>& x, const std::vector<double>& y) {
  double most = 0;
  for (std::size_t i = 0; i < y.size(); ++i)
    most = std::isnan(x[i]) ? std::numeric_limits<double>::infinity() : std::max(most, std::abs(x[i] - y[i]));
  return most;
}

template <class B, class T> void forward_matches(double most) {
  for (const auto& z : cases) {
    const std::int64_t n = z.count * z.length;
    const auto q = random<T>(n * z.heads * z.d, 1), k = random<T>(n * z.kv_heads * z.d, 2),
               v = random<T>(n * z.kv_heads * z.d, 3);
    run<B, T> r(z, q, k, v);
    std::vector<double> o, lse;
    definition(z, {q.begin(), q.end()}, {k.begin(), k.end()}, {v.begin(), v.end()}, o, lse);
    BOOST_TEST_CONTEXT("length " << z.length << ", window " << z.window) {
      BOOST_TEST(largest_difference(r.o, o) <= most);
      BOOST_TEST(largest_difference(r.lse, lse) <= most);
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(forward_in_double) {
  forward_matches<serial_backend, double>(1e-13), forward_matches<eigen_backend, double>(1e-13);
}
BOOST_AUTO_TEST_CASE(forward_in_float) { forward_matches<eigen_backend, float>(4e-6); }

BOOST_AUTO_TEST_CASE(large_scores_do_not_overflow) {
  const sizes z{1, 70, 0, 1, 1, 4};
  auto q = random<float>(280, 1), k = random<float>(280, 2), v = random<float>(280, 3);
  for (auto* x : {&q, &k})
    for (auto& y : *x) y *= 60;
  const run<eigen_backend, float> r(z, q, k, v);
  for (float x : r.o) BOOST_TEST(std::abs(x) <= 5);
}

// Queries after cached keys give the rows that the whole text gives.
BOOST_AUTO_TEST_CASE(queries_after_earlier_keys) {
  for (std::int64_t window : {0, 20}) {
    const sizes z{2, 100, window, 4, 2, 6};
    const auto q = random<double>(2 * 100 * 24, 1), k = random<double>(2 * 100 * 12, 2), v = random<double>(2 * 100 * 12, 3);
    run<eigen_backend, double> whole(z, q, k, v);
    for (std::int64_t before : {0, 1, 63, 64, 99}) {
      const std::int64_t n = 100 - before;
      std::vector<double> part, o(static_cast<std::size_t>(2 * n * 24), std::numeric_limits<double>::quiet_NaN());
      for (std::int64_t s = 0; s < 2; ++s)
        part.insert(part.end(), q.begin() + (s * 100 + before) * 24, q.begin() + (s + 1) * 2400);
      const layer::softmax_forward_kernel<double> kernel{
          {n, window, 4, 2, 6, part.data(), k.data(), v.data(), nullptr, before, 100}, o.data()};
      whole.b.launch(2 * 4, kernel.scratch_bytes(), kernel);
      double most = 0;
      for (std::int64_t s = 0; s < 2; ++s)
        for (std::int64_t i = 0; i < n * 24; ++i)
          most = std::max(most, std::abs(o[static_cast<std::size_t>(s * n * 24 + i)] -
                                         whole.o[static_cast<std::size_t>((s * 100 + before) * 24 + i)]));
      BOOST_TEST(most <= 1e-13, "window " << window << ", " << before << " keys before");
    }
  }
}

BOOST_AUTO_TEST_CASE(gradients) {
  for (const sizes& z : {sizes{2, 1, 0, 2, 1, 4}, {1, 67, 0, 2, 1, 3}, {1, 70, 9, 2, 2, 2}, {2, 5, 3, 4, 2, 2}}) {
    const std::int64_t n = z.count * z.length, nq = n * z.heads * z.d, nk = n * z.kv_heads * z.d;
    const auto all = random<double>(nq + 2 * nk, 4), d_o = random<double>(nq, 5);
    auto parts = [&](const std::vector<double>& x) {
      return run<eigen_backend, double>(z, {x.begin(), x.begin() + nq}, {x.begin() + nq, x.begin() + nq + nk},
                                        {x.begin() + nq + nk, x.end()});
    };
    auto f = [&](const std::vector<double>& x) {
      const auto r = parts(x);
      double s = 0;
      for (std::size_t i = 0; i < d_o.size(); ++i) s += r.o[i] * d_o[i];
      return s;
    };
    auto r = parts(all);
    r.backward(d_o);
    auto gradient = r.dq;
    gradient.insert(gradient.end(), r.dk.begin(), r.dk.end()), gradient.insert(gradient.end(), r.dv.begin(), r.dv.end());
    const auto report = testing::check_gradients(f, all, gradient);
    BOOST_TEST(report.ok(), "length " << z.length << ", window " << z.window << ": " << report.sentence());
  }
}
