// What the tests of stages share: one row through a stage on one lane, and check_stage as a test.
#pragma once

#include <sstream>

#include "supra/testing/check_stage.hpp"
#include "test.hpp"

namespace supra_test {

using numbers = std::vector<double>;

template <class S> void passes(const S& s = {}, const supra::testing::stage_options& o = {}) {
  std::ostringstream text;
  const auto report = supra::testing::check_stage(s, o);
  text << report;
  BOOST_TEST(report.checks > 0);
  BOOST_TEST(report.ok(), text.str());
}

template <class A> supra::memory_row<const A, A> in(const std::vector<A>& x) { return {x.data(), static_cast<int>(x.size())}; }
template <class A> supra::memory_row<A, A> out(std::vector<A>& x) { return {x.data(), static_cast<int>(x.size())}; }

template <class S, class A = double>
std::vector<A> mapped(const std::vector<A>& x, const std::vector<A>& parameters = {}, const S& s = {}) {
  std::vector<A> y(static_cast<std::size_t>(S::out_dim(static_cast<int>(x.size()))));
  s.forward(supra::serial_lanes{}, supra::place<A>{0, 0, false, parameters.data()}, in(x), out(y));
  return y;
}
template <class S> numbers turned(const S& s, std::int64_t position, numbers x, bool key = false) {
  numbers table, angles(x.size());
  for (int i = 0; i < s.table_size(static_cast<int>(x.size())); ++i) table.push_back(s.table(static_cast<int>(x.size()), i));
  const supra::place<double> at{position, 0, key, nullptr, table.data()};
  s.prepare(supra::serial_lanes{}, at, out(angles));
  s.forward(supra::serial_lanes{}, at, out(angles), out(x));
  return x;
}
template <class S> numbers normalized(const numbers& o, double z = 0, const numbers& parameters = {}, const S& s = {}) {
  numbers y(o.size());
  s.forward(supra::serial_lanes{}, supra::place<double>{0, 0, false, parameters.data()}, in(o), z, out(y));
  return y;
}

inline double dot(const numbers& x, const numbers& y) {
  double s = 0;
  for (std::size_t i = 0; i < x.size(); ++i) s += x[i] * y[i];
  return s;
}
inline void close(const numbers& found, const numbers& wanted, double tolerance = 1e-12) {
  BOOST_REQUIRE(found.size() == wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double limit = tolerance * (1 + std::abs(wanted[i]));
    BOOST_TEST(std::abs(found[i] - wanted[i]) <= limit, "at " << i << " found " << found[i] << ", wanted " << wanted[i]);
  }
}

}  // namespace supra_test
