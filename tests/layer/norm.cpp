// RMS norm and layer norm with a gain: values from the definition, gradients against central differences in double.
#include "supra/layer/norm.hpp"

#include <cstring>
#include <random>
#include <tuple>

#include "supra/core/serial.hpp"
#include "supra/eigen/backend.hpp"
#include "supra/testing/check_gradients.hpp"
#include "supra/testing/debug_backend.hpp"
#include "test.hpp"

using namespace supra;
using numbers = std::vector<double>;
using backends = std::tuple<serial_backend, eigen_backend>;
using every_backend = std::tuple<serial_backend, eigen_backend, testing::debug_backend>;

namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr double eps = 1e-5;

numbers random(std::int64_t n, unsigned seed) {
  std::mt19937_64 g(seed);
  std::normal_distribution<double> normal(0.3, 1);
  numbers x(static_cast<std::size_t>(n));
  for (auto& y : x) y = normal(g);
  return x;
}

numbers plain(std::int64_t n, std::int64_t width, bool centred, const double* x, const double* gain) {
  numbers y;
  for (std::int64_t r = 0; r < n; ++r) {
    double mean = 0, square = 0;
    for (std::int64_t i = 0; centred && i < width; ++i) mean += x[r * width + i] / static_cast<double>(width);
    for (std::int64_t i = 0; i < width; ++i) square += std::pow(x[r * width + i] - mean, 2) / static_cast<double>(width);
    for (std::int64_t i = 0; i < width; ++i) y.push_back((x[r * width + i] - mean) / std::sqrt(square + eps) * gain[i]);
  }
  return y;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(values, B, backends) {
  B b;
  for (auto kind : {model::norm_kind::rms, model::norm_kind::layer_gain})
    for (int width : {1, 2, 8, 13})
      for (std::int64_t n : {1, 67}) {
        const auto x = random(n * width, 1), gain = random(width, 2);
        numbers y(x.size(), nan_value), stat(static_cast<std::size_t>(2 * n), nan_value);
        layer::norm_forward(b, n, width, kind, eps, x.data(), gain.data(), y.data(), stat.data());
        const auto wanted = plain(n, width, kind == model::norm_kind::layer_gain, x.data(), gain.data());
        double worst = 0, most = 0;
        for (std::size_t i = 0; i < y.size(); ++i) {
          BOOST_REQUIRE(std::isfinite(y[i]));
          worst = std::max(worst, std::abs(y[i] - wanted[i])), most = std::max(most, std::abs(wanted[i]));
        }
        BOOST_TEST(worst <= 1e-13 * std::max(most, 1.0));
        for (double s : stat) BOOST_TEST(std::isfinite(s));
      }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(gradients_are_added, B, backends) {
  B b;
  for (auto kind : {model::norm_kind::rms, model::norm_kind::layer_gain})
    for (std::int64_t n : {1, 5, 66}) {
      const int width = 6;
      const auto at = random(n * width + width, 3), dy = random(n * width, 4);
      const double *x = at.data(), *gain = x + n * width;
      numbers y(dy.size(), nan_value), stat(static_cast<std::size_t>(2 * n), nan_value), dx(dy.size(), 0.75),
          dgain(width, -0.5);
      layer::norm_forward(b, n, width, kind, eps, x, gain, y.data(), stat.data());
      layer::norm_backward(b, n, width, kind, x, gain, dy.data(), stat.data(), dx.data(), dgain.data());
      numbers gradient;
      for (double g : dx) gradient.push_back(g - 0.75);
      for (double g : dgain) gradient.push_back(g + 0.5);
      auto f = [&](const numbers& p) {
        const auto z = plain(n, width, kind == model::norm_kind::layer_gain, p.data(), p.data() + n * width);
        double s = 0;
        for (std::size_t i = 0; i < z.size(); ++i) s += dy[i] * z[i];
        return s;
      };
      const auto r = testing::check_gradients(f, at, gradient);
      BOOST_TEST(r.ok(), r.sentence());
      auto again = numbers(dy.size(), 0.75);
      layer::norm_backward(b, n, width, kind, x, gain, dy.data(), stat.data(), again.data(), static_cast<double*>(nullptr));
      BOOST_TEST(again == dx);
    }
}

// Blocks of rows and of columns that are whole and that are not, rows so wide that fewer of them have sums of their own: the
// gain's gradient is the sum of dy (y / gain), off by u for each term that is added and three more for the term.
BOOST_AUTO_TEST_CASE_TEMPLATE(gradients_of_gains_over_blocks, B, every_backend) {
  B b;
  for (const auto& [n, width] : {std::pair{1, 35}, {64, 32}, {65, 35}, {1100, 3}, {130, 5000}}) {
    const auto x = random(n * width, 1), dy = random(n * width, 2);
    const numbers gain(static_cast<std::size_t>(width), 1.0);
    numbers y(x.size()), stat(static_cast<std::size_t>(2 * n)), dx(x.size()), dgain(gain.size(), 0.0);
    layer::norm_forward(b, n, width, model::norm_kind::rms, eps, x.data(), gain.data(), y.data(), stat.data());
    layer::norm_backward(b, n, width, model::norm_kind::rms, x.data(), gain.data(), dy.data(), stat.data(), dx.data(),
                         dgain.data());
    numbers wanted(gain.size(), 0.0), size(gain.size(), 0.0);
    for (std::size_t i = 0; i < y.size(); ++i)
      wanted[i % gain.size()] += dy[i] * y[i], size[i % gain.size()] += std::abs(dy[i] * y[i]);
    bool close = true;
    for (std::size_t i = 0; i < gain.size(); ++i)
      close = close && std::abs(dgain[i] - wanted[i]) <= 2 * (n + 3) * unit_roundoff<double> * size[i];
    BOOST_TEST(close, n << " x " << width);
  }
}

namespace {
// Sum and norm in one are the two, to the bit: of sums in a place of their own and in that of x.
template <class B, class T>
void adds_and_normalizes() {
  using A = accumulator_t<T>;
  B b;
  for (auto kind : {model::norm_kind::rms, model::norm_kind::layer_gain})
    for (int width : {1, 7, 8, 13, 24})
      for (std::int64_t n : {1, 19}) {
        std::vector<T> x, y;
        std::vector<A> gain;
        for (double v : random(n * width, 1)) x.push_back(T(A(v)));
        for (double v : random(n * width, 2)) y.push_back(T(A(v)));
        for (double v : random(width, 3)) gain.push_back(A(v));
        std::vector<T> sum(x.size()), z(x.size(), T(A(nan_value))), found = z, norm = z;
        std::vector<A> stat(static_cast<std::size_t>(2 * n), A(nan_value)), found_stat = stat;
        for (std::size_t i = 0; i < x.size(); ++i) sum[i] = T(static_cast<A>(x[i]) + static_cast<A>(y[i]));
        layer::norm_forward(b, n, width, kind, eps, sum.data(), gain.data(), z.data(), stat.data());
        const auto same = [](const auto& u, const auto& v) {
          return std::memcmp(u.data(), v.data(), u.size() * sizeof(u[0])) == 0;
        };
        const auto check = [&](const T* from, T* to) {
          std::fill(norm.begin(), norm.end(), T(A(nan_value))), std::fill(found_stat.begin(), found_stat.end(), A(nan_value));
          layer::add_and_norm(b, n, width, kind, eps, from, static_cast<const T*>(y.data()), to, gain.data(), norm.data(),
                              found_stat.data());
          BOOST_TEST((same(norm, z) && same(found_stat, stat)));
        };
        check(x.data(), found.data());
        BOOST_TEST(same(found, sum));
        check(x.data(), x.data());
        BOOST_TEST(same(x, sum));
      }
}
}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(sum_and_norm_at_once_are_the_two, B, every_backend) {
  adds_and_normalizes<B, double>(), adds_and_normalizes<B, float>(), adds_and_normalizes<B, bf16>();
}

BOOST_AUTO_TEST_CASE(a_row_of_zeros_gives_zeros) {
  serial_backend b;
  for (auto kind : {model::norm_kind::rms, model::norm_kind::layer_gain}) {
    const std::vector<float> x(4, 0.0f), gain(4, 2.0f);
    std::vector<float> y(4, std::nanf("")), stat(2);
    layer::norm_forward(b, 1, 4, kind, eps, x.data(), gain.data(), y.data(), stat.data());
    BOOST_TEST(y == x);
  }
}
