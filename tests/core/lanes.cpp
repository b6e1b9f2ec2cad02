// Rows in memory and the serial lanes: what is stored after each assignment, and what each verb hands out.
#include "supra/core/lanes.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "supra/core/types.hpp"
#include "test.hpp"

using supra::bf16;

namespace {

template <class S, class A>
void assigns_as_numbers_do() {
  const A a = A(S(1.7f)), b = A(0.3f);
  std::vector<S> stored(6, S(a));
  const supra::memory_row<S, A> y{stored.data(), 6};
  y[0] += b, y[1] -= b, y[2] *= b, y[3] /= b, y[4] = b;
  y[5] = y[4];  // the number, not the place
  const A wanted[] = {a + b, a - b, a * b, a / b, b, b};
  for (int i = 0; i < 6; ++i) BOOST_TEST(A(y[i]) == A(S(wanted[i])), "feature " << i << " is " << A(y[i]));
  (y[0] = a) -= y[1];  // an assignment gives the element back
  BOOST_TEST(A(y[0]) == A(S(a - A(y[1]))));
}

// The number of features, their sum and the largest.
struct add_feature {
  supra::folded<double, 3> operator()(supra::folded<double, 3> s, double x) const {
    return {{s.x[0] + 1, s.x[1] + x, std::max(s.x[2], x)}};
  }
};
struct add_features {
  supra::folded<double, 3> operator()(supra::folded<double, 3> s, supra::folded<double, 3> t) const {
    return {{s.x[0] + t.x[0], s.x[1] + t.x[1], std::max(s.x[2], t.x[2])}};
  }
};

using pairs = std::vector<std::pair<int, int>>;

}  // namespace

BOOST_AUTO_TEST_CASE(rows_assign_as_numbers_do) {
  assigns_as_numbers_do<double, double>();
  assigns_as_numbers_do<float, float>();
  assigns_as_numbers_do<bf16, float>();
}

BOOST_AUTO_TEST_CASE(a_row_of_bf16_reads_as_float) {
  const bf16 stored[] = {bf16(1.0f), bf16(-2.5f)};
  const supra::memory_row<const bf16, float> x{stored, 2};
  static_assert(std::is_same_v<decltype(x[0]), float>);
  BOOST_TEST(x[0] + x[1] == -1.5f);
}

BOOST_AUTO_TEST_CASE(each_feature_once) {
  const supra::serial_lanes lanes;
  for (int n : {0, 1, 2, 7, 8}) {
    std::vector<int> seen(static_cast<std::size_t>(n), 0);
    lanes.each(n, [&](auto i) { ++seen[static_cast<std::size_t>(int(i))]; });
    BOOST_TEST(seen == std::vector<int>(static_cast<std::size_t>(n), 1), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(the_last_of_an_odd_number_is_in_no_pair) {
  const supra::serial_lanes lanes;
  pairs halves, neighbours;
  lanes.each_half(7, [&](auto i, auto k) { halves.emplace_back(int(i), int(k)); });
  lanes.each_pair(7, [&](auto i, auto k) { neighbours.emplace_back(int(i), int(k)); });
  BOOST_TEST((halves == pairs{{0, 3}, {1, 4}, {2, 5}}));
  BOOST_TEST((neighbours == pairs{{0, 1}, {2, 3}, {4, 5}}));
}

BOOST_AUTO_TEST_CASE(reductions_of_any_width) {
  const supra::serial_lanes lanes;
  for (int n : {0, 1, 7, 8, 9, 64}) {
    BOOST_TEST(lanes.sum(n, [](auto i) { return double(int(i)); }) == n * (n - 1) / 2);
    const float largest = n > 0 ? static_cast<float>(n - 1) : -std::numeric_limits<float>::infinity();
    BOOST_TEST(lanes.max(n, [](auto i) { return float(int(i)); }) == largest);
  }
}

BOOST_AUTO_TEST_CASE(a_fold_of_any_width) {
  const double x[] = {3, -1, 4, 1, 5, -9, 2, 6, 5, 3, -5, 8, 9, 7, 9, 3, 2};
  for (int n : {0, 1, 7, 8, 9, 16, 17}) {
    const auto all = supra::fold_of(supra::serial_lanes(), n, supra::folded<double, 3>{{0, 0, supra::lowest<double>}},
                                    add_feature(), add_features(), x);
    double sum = 0;
    for (int i = 0; i < n; ++i) sum += x[i];
    BOOST_TEST(all.x[0] == n);
    BOOST_TEST(all.x[1] == sum);
    BOOST_TEST(all.x[2] == (n > 0 ? *std::max_element(x, x + n) : supra::lowest<double>));
  }
}
