// Products with packed matrices against double, for every kind and odd sizes; that rows do not depend on their neighbours, and
// that what is not finite stays so.
#include "supra/layer/packed_product.hpp"

#include "packed.hpp"

using namespace supra_test;
using backend = supra::serial_backend;
constexpr float nan_float = std::numeric_limits<float>::quiet_NaN();

namespace {
std::vector<float> product(backend& b, const packed_case<backend>& m, std::int64_t n, const float* x,
                           const float* bias = nullptr) {
  std::vector<float> y(static_cast<std::size_t>(n * m.rows), nan_float);
  supra::layer::packed_forward(b, n, x, {m.matrix.view(), y.data(), bias});
  return y;
}
void matches(weight_kind kind, std::int64_t n, std::int64_t rows, std::int64_t cols, double size, double x_size) {
  backend b;
  const packed_case<backend> m(b, kind, rows, cols, size);
  const auto x = numbers(n * cols, 3, x_size), bias = numbers(rows, 4, size * x_size);
  const auto plain = product(b, m, n, x.data()), shifted = product(b, m, n, x.data(), bias.data());
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto at = static_cast<std::size_t>(i * rows + r);
      const double wanted = m.exact(&x[static_cast<std::size_t>(i * cols)], r),
                   most = m.bound(&x[static_cast<std::size_t>(i * cols)], r);
      BOOST_TEST(std::abs(plain[at] - wanted) <= most, plain[at] << ", not " << wanted << ", bound " << most);
      BOOST_TEST(shifted[at] == plain[at] + bias[static_cast<std::size_t>(r)]);
    }
}
}  // namespace

BOOST_AUTO_TEST_CASE(against_double) {
  for (auto kind : supra::layer::weight_kinds)
    for (auto rows : some_rows)
      for (auto cols : some_cols)
        for (std::int64_t n : {1, 2, 5, 67})
          BOOST_TEST_CONTEXT(name_of(kind) << ", " << n << " rows of x, " << rows << " x " << cols)
          matches(kind, n, rows, cols, 1, 1);
}
BOOST_AUTO_TEST_CASE(huge_and_tiny_rows) {
  for (auto kind : supra::layer::weight_kinds)
    for (auto [size, x_size] : {std::pair{1e25, 1e-20}, {1e-25, 1e20}, {1e30, 1.0}, {1.0, 1e30}})
      BOOST_TEST_CONTEXT(name_of(kind) << ", weights of " << size << ", x of " << x_size)
      matches(kind, 3, 17, 97, size, x_size);
}
// Many teams: a matrix of more weights than a team takes, and more rows of x.
BOOST_AUTO_TEST_CASE(many_teams) {
  for (auto kind : supra::layer::weight_kinds) matches(kind, 70, 1500, 97, 1, 1);
}

// Three matrices at once, and rows of x one by one, give the same bits.
BOOST_AUTO_TEST_CASE(neighbours_change_nothing) {
  backend b;
  for (auto kind : supra::layer::weight_kinds) {
    const packed_case<backend> one(b, kind, 40, 97), two(b, kind, 3, 97), three(b, kind, 2000, 97);
    const auto x = numbers(7 * 97, 5);
    std::vector<float> y[3] = {std::vector<float>(7 * 40, nan_float), std::vector<float>(7 * 3, nan_float),
                               std::vector<float>(7 * 2000, nan_float)};
    supra::layer::packed_forward(b, 7, x.data(), {one.matrix.view(), y[0].data()}, {two.matrix.view(), y[1].data()},
                                 {three.matrix.view(), y[2].data()});
    BOOST_TEST((y[0] == product(b, one, 7, x.data())));
    BOOST_TEST((y[1] == product(b, two, 7, x.data())));
    for (std::size_t i = 0; i < 7; ++i) {
      const auto row = product(b, three, 1, x.data() + i * 97);
      BOOST_TEST((std::equal(row.begin(), row.end(), y[2].begin() + static_cast<std::ptrdiff_t>(i * 2000))));
    }
  }
}

// Rows of x and of y with other numbers between them, which are neither read nor written: the same bits.
BOOST_AUTO_TEST_CASE(rows_apart) {
  backend b;
  constexpr std::size_t n = 7, cols = 97, rows = 17, apart_x = 105, apart_y = 30;
  for (auto kind : supra::layer::weight_kinds) {
    const packed_case<backend> m(b, kind, rows, cols);
    const auto x = numbers(n * cols, 5), bias = numbers(rows, 6), wanted = product(b, m, n, x.data(), bias.data());
    std::vector<float> from(n * apart_x, nan_float), to(n * apart_y, 3.0f);
    for (std::size_t i = 0; i < n * cols; ++i) from[i / cols * apart_x + i % cols] = x[i];
    supra::layer::packed_forward_strided(b, n, from.data(), apart_x, {m.matrix.view(), to.data(), bias.data(), apart_y});
    for (std::size_t i = 0; i < to.size(); ++i) {
      const std::size_t row = i / apart_y, at = i % apart_y;
      BOOST_TEST(to[i] == (at < rows ? wanted[row * rows + at] : 3.0f));
    }
  }
}

BOOST_AUTO_TEST_CASE(zeros_and_what_is_not_finite) {
  backend b;
  for (auto kind : supra::layer::weight_kinds) {
    const packed_case<backend> m(b, kind, 17, 97);
    std::vector<float> x(97, 0.0f);
    for (float y : product(b, m, 1, x.data())) BOOST_TEST(y == 0);
    for (float bad : {nan_float, std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
      x.assign(97, 1.0f), x[50] = bad;
      for (float y : product(b, m, 1, x.data())) BOOST_TEST(!std::isfinite(y));
    }
  }
}

BOOST_AUTO_TEST_CASE(rows_of_an_embedding) {
  backend b;
  const std::vector<std::int32_t> ids = {4, 0, 16, 4};
  for (auto kind : supra::layer::weight_kinds) {
    const packed_case<backend> m(b, kind, 17, 97);
    std::vector<float> y(4 * 97, nan_float);
    supra::for_rows(b, 4, supra::layer::packed_embedding{ids.data(), m.matrix.view(), y.data()});
    for (std::size_t i = 0; i < y.size(); ++i)
      BOOST_TEST(y[i] == m.matrix.view().weight(ids[i / 97], static_cast<std::int64_t>(i % 97)));
  }
}
