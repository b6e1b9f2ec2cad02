// A stage as a function of flat vectors, so that one set of checks serves all kinds: forward takes all inputs (the row, the
// stage's own parameters) to all outputs, vjp takes inputs and the outputs' gradient to the inputs' gradient.
#pragma once

#include "supra/testing/stage_machine.hpp"

namespace supra::testing {

using numbers = std::vector<double>;

// What output rows hold beforehand, and whether a lane's returned number differed from the others'.
struct stage_run {
  double fill = 0;
  bool lanes_agree = true;
  template <class A> double agreed(const std::vector<A>& returned) {
    for (A x : returned) lanes_agree = lanes_agree && (x == returned[0] || (x != x && returned[0] != returned[0]));
    return static_cast<double>(returned[0]);
  }
};

// Inputs: x (d), parameters (P). Outputs: y (out_dim(d)).
template <class S> struct feature_function {
  S stage;
  int d, head = 0;
  bool key = false;
  int own() const { return parameters_of<S>(d); }
  int features() const { return S::out_dim(d); }
  std::vector<std::string> inputs() const { return names(d, "x", own()); }
  std::vector<std::string> outputs() const { return names(features(), "y", 0); }
  static std::vector<std::string> names(int n, const std::string& row, int parameters) {
    std::vector<std::string> r;
    for (int i = 0; i < n; ++i) r.push_back(row + "[" + std::to_string(i) + "]");
    for (int i = 0; i < parameters; ++i) r.push_back("parameter " + std::to_string(i));
    return r;
  }
  template <class M> numbers forward(M& m, const numbers& in, stage_run& run) const {
    using T = typename M::storage;
    using A = typename M::A;
    const auto x = convert<T>(part(in, 0, static_cast<std::size_t>(d)));
    const auto p = convert<A>(part(in, static_cast<std::size_t>(d), static_cast<std::size_t>(own())));
    std::vector<T> y(static_cast<std::size_t>(features()), T(run.fill));
    m.run([&](auto lanes, int) { stage.forward(lanes, place<A>{5, head, key, p.data()}, m.in(x), m.out(y)); });
    return convert<double>(y);
  }
  template <class M> numbers vjp(M& m, const numbers& in, const numbers& d_out, stage_run& run) const {
    using T = typename M::storage;
    using A = typename M::A;
    const auto x = convert<T>(part(in, 0, static_cast<std::size_t>(d))), dy = convert<T>(d_out);
    const auto p = convert<A>(part(in, static_cast<std::size_t>(d), static_cast<std::size_t>(own())));
    std::vector<T> dx(static_cast<std::size_t>(d), T(run.fill));
    std::vector<A> dp(p.size());
    m.run([&](auto lanes, int) {
      stage.vjp(lanes, place<A>{5, head, key, p.data(), nullptr, dp.data()}, m.in(x), m.in(dy), m.out(dx));
    });
    auto r = convert<double>(dx);
    append(r, dp);
    return r;
  }
};

// Inputs: o (e), parameters (P), z where it is wanted; else z is NaN. Outputs: y (e). vjp sees y and the saved number.
template <class S> struct normalizer_function {
  S stage;
  int d;                                             // e: the row's width
  static constexpr bool denominator = S::wants_denominator;
  int own() const { return parameters_of<S>(d); }
  std::vector<std::string> inputs() const {
    auto r = feature_function<S>::names(d, "o", own());
    if (denominator) r.push_back("z");
    return r;
  }
  std::vector<std::string> outputs() const { return feature_function<S>::names(d, "y", 0); }
  template <class M> numbers forward(M& m, const numbers& in, stage_run& run) const { return forward(m, in, run, nullptr); }
  template <class M> numbers vjp(M& m, const numbers& in, const numbers& d_out, stage_run& run) const {
    using T = typename M::storage;
    using A = typename M::A;
    serial_machine<T> plain;
    stage_run before;
    double saved = 0;
    const auto y = convert<T>(forward(plain, in, before, &saved)), dy = convert<T>(d_out);
    const auto p = convert<A>(part(in, static_cast<std::size_t>(d), static_cast<std::size_t>(own())));
    std::vector<T> dx(static_cast<std::size_t>(d), T(run.fill));
    std::vector<A> dp(p.size()), dz(M::lanes);
    m.run([&](auto lanes, int lane) {
      const place<A> at{5, 0, false, p.data(), nullptr, dp.data()};
      dz[static_cast<std::size_t>(lane)] = stage.vjp(lanes, at, m.in(y), static_cast<A>(saved), m.in(dy), m.out(dx));
    });
    auto r = convert<double>(dx);
    append(r, dp);
    const double dz_all = run.agreed(dz);
    if (denominator) r.push_back(dz_all);
    return r;
  }

 private:
  template <class M> numbers forward(M& m, const numbers& in, stage_run& run, double* saved) const {
    using T = typename M::storage;
    using A = typename M::A;
    const auto o = convert<T>(part(in, 0, static_cast<std::size_t>(d)));
    const auto p = convert<A>(part(in, static_cast<std::size_t>(d), static_cast<std::size_t>(own())));
    const A z = denominator ? static_cast<A>(in.back()) : std::numeric_limits<A>::quiet_NaN();
    std::vector<T> y(static_cast<std::size_t>(d), T(run.fill));
    std::vector<A> number(M::lanes);
    m.run([&](auto lanes, int lane) {
      number[static_cast<std::size_t>(lane)] = stage.forward(lanes, place<A>{5, 0, false, p.data()}, m.in(o), z, m.out(y));
    });
    const double n = run.agreed(number);
    if (saved) *saved = n;
    return convert<double>(y);
  }
};

// Inputs and outputs: x (n), turned in place. The angles' row holds `fill` before prepare.
template <class S> struct position_function {
  S stage;
  int d;
  std::int64_t position = 0;
  bool key = false;
  std::vector<std::string> inputs() const { return feature_function<S>::names(d, "x", 0); }
  std::vector<std::string> outputs() const { return inputs(); }
  template <class M> numbers forward(M& m, const numbers& in, stage_run& run) const {
    return turn(m, in, run, [&](auto lanes, const auto& at, auto angles, auto x) { stage.forward(lanes, at, angles, x); });
  }
  template <class M> numbers vjp(M& m, const numbers&, const numbers& d_out, stage_run& run) const {
    return turn(m, d_out, run, [&](auto lanes, const auto& at, auto angles, auto x) { stage.vjp(lanes, at, angles, x); });
  }

 private:
  template <class M, class F> numbers turn(M& m, const numbers& in, stage_run& run, F f) const {
    using T = typename M::storage;
    using A = typename M::A;
    auto x = convert<T>(in);
    std::vector<T> angles(x.size(), T(run.fill));
    std::vector<double> table;
    for (int i = 0; i < stage.table_size(d); ++i) table.push_back(stage.table(d, i));
    m.run([&](auto lanes, int) {
      stage.prepare(lanes, place<A>{position, 0, false, nullptr, table.data()}, m.out(angles));
      lanes.sync();
      f(lanes, place<A>{position, 1, key, nullptr, table.data()}, m.out(angles), m.out(x));
    });
    return convert<double>(x);
  }
};

}  // namespace supra::testing
