// Products with matrices against plain loops, on row counts around the blocks of 64; gradients against central differences in
// double.
#include "supra/layer/linear.hpp"

#include <random>
#include <tuple>

#include "supra/core/serial.hpp"
#include "supra/eigen/backend.hpp"
#include "supra/testing/check_gradients.hpp"
#include "test.hpp"

using namespace supra;
using numbers = std::vector<double>;
using backends = std::tuple<serial_backend, eigen_backend>;

namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

numbers random(std::int64_t n, unsigned seed) {
  std::mt19937_64 g(seed);
  std::normal_distribution<double> normal;
  numbers x(static_cast<std::size_t>(n));
  for (auto& y : x) y = normal(g);
  return x;
}
double dot(const numbers& x, const numbers& y) {
  double s = 0;
  for (std::size_t i = 0; i < x.size(); ++i) s += x[i] * y[i];
  return s;
}
void close(const numbers& found, const numbers& wanted, double most) {
  BOOST_REQUIRE(found.size() == wanted.size());
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double e = std::abs(found[i] - wanted[i]);
    worst = e >= 0 ? std::max(worst, e) : std::numeric_limits<double>::infinity();
  }
  BOOST_TEST(worst <= most);
}

// y (n, heads, out) = x (n, heads, in) W^T + bias with one matrix a head; heads 1 is the plain layer.
numbers plain(std::int64_t n, std::int64_t heads, std::int64_t in, std::int64_t out, const double* x, const double* w,
              const double* bias) {
  numbers y;
  for (std::int64_t r = 0; r < n * heads; ++r)
    for (std::int64_t o = 0; o < out; ++o) {
      const std::int64_t at = r % heads * out + o;
      double s = bias ? bias[at] : 0;
      for (std::int64_t i = 0; i < in; ++i) s += x[r * in + i] * w[at * in + i];
      y.push_back(s);
    }
  return y;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(forward_is_the_plain_product, B, backends) {
  B b;
  const std::int64_t in = 7, out = 5, heads = 3;
  for (std::int64_t n : {1, 16, 17, 64, 65, 130}) {
    const auto x = random(n * heads * in, 1), w = random(heads * out * in, 2), bias = random(heads * out, 3);
    for (const double* c : {static_cast<const double*>(nullptr), bias.data()}) {
      numbers y(static_cast<std::size_t>(n * out), nan_value), z(static_cast<std::size_t>(n * heads * out), nan_value);
      layer::linear_forward(b, n, in, out, x.data(), w.data(), c, y.data());
      layer::heads_forward(b, n, heads, in, out, x.data(), w.data(), c, z.data());
      close(y, plain(n, 1, in, out, x.data(), w.data(), c), 1e-13);
      close(z, plain(n, heads, in, out, x.data(), w.data(), c), 1e-13);
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(gradients, B, backends) {
  B b;
  const std::int64_t in = 4, out = 3;
  for (std::int64_t n : {1, 6, 67})
    for (std::int64_t heads : {1, 2})
      for (bool keep : {false, true}) {
        if (heads > 1 && keep) continue;  // one map for each head always overwrites
        const std::int64_t nx = n * heads * in, nw = heads * out * in, nb = heads * out;
        const auto at = random(nx + nw + nb, 4), dy = random(n * heads * out, 5);
        numbers dx(static_cast<std::size_t>(nx), keep ? 2.5 : nan_value), dw(static_cast<std::size_t>(nw), 0.5),
            db(static_cast<std::size_t>(nb), -0.25);
        const double *x = at.data(), *w = x + nx;
        if (heads == 1)
          layer::linear_backward(b, n, in, out, x, w, dy.data(), dx.data(), keep, dw.data(), db.data());
        else
          layer::heads_backward(b, n, heads, in, out, x, w, dy.data(), dx.data(), dw.data(), db.data());
        numbers gradient;
        for (double g : dx) gradient.push_back(g - (keep ? 2.5 : 0));
        for (double g : dw) gradient.push_back(g - 0.5);
        for (double g : db) gradient.push_back(g + 0.25);
        auto f = [&](const numbers& p) {
          return dot(dy, plain(n, heads, in, out, p.data(), p.data() + nx, p.data() + nx + nw));
        };
        const auto r = testing::check_gradients(f, at, gradient);
        BOOST_TEST(r.ok(), r.sentence());
      }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_not_wanted_is_left_alone, B, backends) {
  B b;
  const auto x = random(6, 1), w = random(6, 2), dy = random(4, 3);
  numbers dx(6, nan_value), dw(6, 0.0);
  double* const none = nullptr;
  layer::linear_backward(b, 2, 3, 2, x.data(), w.data(), dy.data(), dx.data(), false, none, none);
  layer::linear_backward(b, 2, 3, 2, x.data(), w.data(), dy.data(), none, false, dw.data(), none);
  close(dx, plain(2, 1, 2, 3, dy.data(), numbers{w[0], w[3], w[1], w[4], w[2], w[5]}.data(), nullptr), 1e-14);
  BOOST_TEST(dw[0] == dy[0] * x[0] + dy[2] * x[3], boost::test_tools::tolerance(1e-13));
}

// Parts are added up in groups, and groups of groups: the last of each may be short. Each sum is of small whole numbers, exact.
BOOST_AUTO_TEST_CASE_TEMPLATE(sums_over_rows_of_any_number, B, backends) {
  const int width = 35;  // more than a block of columns
  for (std::int64_t n : {1, 63, 64, 65, 1024, 1025, 16384, 16385, 17500}) {
    std::vector<float> x(static_cast<std::size_t>(n * width)), sum(width, 2.0f), wanted(width, 2.0f);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 7 % 13) - 5, wanted[i % width] += x[i];
    B b;
    layer::add_row_sums<float>(b, n, width, layer::element<float>{x.data(), width}, sum.data());
    BOOST_TEST(sum == wanted, n << " rows");
  }
}

// The sums do not depend on how many tokens a backend takes at once, nor change from run to run.
BOOST_AUTO_TEST_CASE_TEMPLATE(sums_over_rows_repeat_bitwise, B, backends) {
  const auto host = random(1000 * 9, 7);
  std::vector<float> x(host.begin(), host.end()), once(9, 1.0f), again(9, 1.0f);
  B b, c;
  layer::add_row_sums<float>(b, 1000, 9, layer::element<float>{x.data(), 9}, once.data());
  layer::add_row_sums<float>(c, 1000, 9, layer::element<float>{x.data(), 9}, again.data());
  BOOST_TEST(once == again);
  double wanted = 1;
  for (std::size_t r = 0; r < 1000; ++r) wanted += x[r * 9 + 4];
  BOOST_TEST(std::abs(once[4] - wanted) < 1e-4);
  numbers untouched(9, 3.0);
  layer::add_row_sums<double>(b, 0, 9, layer::element<double>{host.data(), 9}, untouched.data());
  BOOST_TEST(untouched == numbers(9, 3.0));
}
