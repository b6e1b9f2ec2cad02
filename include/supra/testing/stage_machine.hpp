// What check_stage runs a stage on: one lane over rows of any storage type, or three threads over rows that only slots index.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "supra/core/concepts.hpp"
#include "supra/core/types.hpp"
#include "supra/testing/debug_lanes.hpp"

namespace supra::testing {

template <class S> inline constexpr bool has_random_access = false;
template <class S> requires requires { S::random_access; } inline constexpr bool has_random_access<S> = S::random_access;

// Indexed by slots alone, or by integers too where the stage asked for random access. A feature beyond the end is noted in
// `fault` (its number, plus one) and answered with a spare.
template <class A, bool Random> struct strict_row {
  using value_type = std::remove_const_t<A>;
  A* data = nullptr;
  int n = 0;
  std::atomic<int>* fault = nullptr;

  int size() const { return n; }
  A& operator[](strict_slot i) const { return at(int(i)); }
  A& operator[](int i) const requires Random { return at(i); }

 private:
  A& at(int i) const {
    static thread_local value_type spare;
    if (i >= 0 && i < n) return data[i];
    fault->store(i + 1);
    return spare = 0;
  }
};

// One lane, rows of S in memory, as a CPU backend has them.
template <class S> struct serial_machine {
  using storage = S;
  using A = accumulator_t<S>;
  static constexpr int lanes = 1;
  memory_row<const S, A> in(const std::vector<S>& x) { return {x.data(), static_cast<int>(x.size())}; }
  memory_row<S, A> out(std::vector<S>& x) { return {x.data(), static_cast<int>(x.size())}; }
  template <class F> void run(F f) { f(serial_lanes{}, 0); }
};

// Three threads that fall behind each other, rows of double.
template <bool Random> struct strict_machine {
  using storage = double;
  using A = double;
  static constexpr int lanes = debug_threads;
  std::atomic<int> fault = 0;
  debug_crew crew;
  strict_machine() { crew.disturb = true; }
  strict_row<const double, Random> in(const std::vector<double>& x) { return {x.data(), static_cast<int>(x.size()), &fault}; }
  strict_row<double, Random> out(std::vector<double>& x) { return {x.data(), static_cast<int>(x.size()), &fault}; }
  template <class F> void run(F f) {
    crew.run([&](int lane) { f(debug_lanes<strict_slot>{&crew, lane}, lane); });
  }
};

template <class To, class From> std::vector<To> convert(const std::vector<From>& x) {
  std::vector<To> y;
  for (const auto& v : x) y.push_back(To(v));
  return y;
}
inline std::vector<double> part(const std::vector<double>& x, std::size_t first, std::size_t n) {
  return {x.begin() + static_cast<std::ptrdiff_t>(first), x.begin() + static_cast<std::ptrdiff_t>(first + n)};
}
template <class X> void append(std::vector<double>& to, const std::vector<X>& x) {
  for (const auto& v : x) to.push_back(static_cast<double>(v));
}

}  // namespace supra::testing
