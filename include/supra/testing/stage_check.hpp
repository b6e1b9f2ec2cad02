// The checks of one stage at one width, and the report they go to. check_stage.hpp runs them.
#pragma once

#include <ostream>
#include <random>

#include "supra/testing/check_gradients.hpp"
#include "supra/testing/stage_function.hpp"

namespace supra::testing {

struct stage_options {
  std::vector<int> widths{12, 24, 8, 2};             // of the rows that the stage is tried with
  double low = -2, high = 2;                         // range of its inputs (of a decay's: the number that log_gamma takes)
  std::uint64_t seed = 1;
};

struct stage_report {
  std::string kind;
  int checks = 0;
  std::vector<std::string> failures;
  bool ok() const { return failures.empty(); }
  void expect(bool good, const std::string& sentence) {
    ++checks;
    if (!good) failures.push_back(sentence);
  }
  friend std::ostream& operator<<(std::ostream& out, const stage_report& r) {
    if (r.ok()) return out << r.kind << ": all " << r.checks << " checks passed\n";
    out << r.kind << ": " << r.failures.size() << " of " << r.checks << " checks failed\n";
    for (const auto& f : r.failures) out << "  - " << f << "\n";
    return out;
  }
};

// One stage function at one width.
template <class Function, bool Random> class stage_check {
 public:
  stage_check(const Function& f, const stage_options& o, stage_report& r, std::string where)
      : f_(f), report_(r), where_(std::move(where)), random_(o.seed) {
    in_ = draw(f.inputs().size(), o.low, o.high), d_out_ = draw(f.outputs().size(), -1, 1);
    for (std::size_t i = static_cast<std::size_t>(f.d); i < in_.size(); ++i)
      in_[i] = 0.5 + std::abs(in_[i]) / 2;  // parameters, z
  }
  void run() {
    auto forward = [this](auto& m, const numbers& x, stage_run& r) { return f_.forward(m, x, r); };
    auto vjp = [this](auto& m, const numbers& x, stage_run& r) { return f_.vjp(m, x, d_out_, r); };
    if (!lanes_agree("forward", f_.outputs(), forward) || !lanes_agree("vjp", f_.inputs(), vjp)) return;
    gradient();
    narrow<float>("float", forward, vjp), narrow<bf16>("bf16", forward, vjp);
  }

 private:
  // Away from 0, where a map may have a kink, and representable in every storage type.
  numbers draw(std::size_t n, double low, double high) {
    std::uniform_real_distribution<double> uniform(low, high);
    numbers x(n);
    for (double& v : x) {
      do v = static_cast<float>(bf16(uniform(random_)));
      while (std::abs(v) < 0.05 && high - low > 0.2);
    }
    return x;
  }
  bool expect(bool good, const std::string& sentence) { return report_.expect(good, where_ + sentence), good; }

  template <class Run> bool lanes_agree(const std::string& verb, const std::vector<std::string>& names, Run run) {
    strict_machine<Random> three;
    serial_machine<double> one;
    stage_run nan{std::nan("")}, other{3.5}, serial{std::nan("")};
    const auto x = run(three, in_, nan);
    const int beyond = three.fault;
    if (!expect(beyond == 0,
                verb + " uses feature " + std::to_string(beyond - 1) + " of a row that has fewer: is out_dim right?"))
      return false;
    if (!expect(nan.lanes_agree,
                verb + " returns a different number on each lane: sum with lanes.sum, not into a local variable"))
      return false;
    const auto y = run(three, in_, other);
    const auto z = run(one, in_, serial);
    bool good = true;
    for (std::size_t i = 0; i < x.size() && good; ++i) {
      const double size = largest(z), lost = 1e-12 * (size + std::abs(z[i]));
      good = expect(std::isfinite(z[i]),
                    verb + " leaves " + prefix(verb) + names[i] + " unwritten, or not finite (it is " + text(z[i]) + ")") &&
             expect(std::abs(x[i] - z[i]) <= lost,
                    verb + " gives " + prefix(verb) + names[i] + " = " + text(x[i]) + " on three lanes and " + text(z[i]) +
                        " on one: a sum needs lanes.sum, random access lanes.sync(), at.add once or the feature's own lane") &&
             expect(std::abs(x[i] - y[i]) <= lost,
                    verb + " gives another " + prefix(verb) + names[i] + " when its output holds other numbers before");
    }
    return good;
  }
  void gradient() {
    serial_machine<double> one;
    stage_run r;
    const auto g = f_.vjp(one, in_, d_out_, r);
    auto loss = [&](const numbers& x) {
      const auto y = f_.forward(one, x, r);
      double s = 0;
      for (std::size_t i = 0; i < y.size(); ++i) s += y[i] * d_out_[i];
      return s;
    };
    const auto c = check_gradients(loss, in_, g);
    expect(c.ok(), "vjp is not the gradient of forward: for " + f_.inputs()[c.index] + ", " + c.sentence());
  }
  // n roundings at most in a sum, in random directions about sqrt(n), a few more in each function; 64 times that for what
  // cancels; bf16 stores inputs exactly, outputs (and a stage's own intermediate rows) rounded. Relative to the largest output,
  // a gradient also to its natural size dy y / x, of which it may be a small difference.
  template <class T, class Forward, class Vjp> void narrow(const std::string& type, Forward forward, Vjp vjp) {
    auto close = [&](const std::string& verb, const std::vector<std::string>& names, auto run, double size) {
      serial_machine<double> wide;
      serial_machine<T> m;
      stage_run a, b;
      const auto x = run(wide, in_, a), y = run(m, in_, b);
      const double n = static_cast<double>(in_.size() + d_out_.size());
      const double limit =
          (64 * (std::sqrt(n) + 8) * unit_roundoff<float> + (std::is_same_v<T, bf16> ? 8 * unit_roundoff<bf16> : 0)) *
          std::max(size, largest(x));
      for (std::size_t i = 0; i < x.size(); ++i)
        if (!expect(std::abs(x[i] - y[i]) <= limit, verb + " in " + type + " gives " + prefix(verb) + names[i] + " = " +
                                                        text(y[i]) + ", in double " + text(x[i]) +
                                                        ": further apart than rounding explains"))
          return;
    };
    serial_machine<double> plain;
    stage_run r;
    close("forward", f_.outputs(), forward, 0);
    close("vjp", f_.inputs(), vjp, largest(d_out_) * largest(f_.forward(plain, in_, r)) / largest(in_));
  }
  static std::string prefix(const std::string& verb) { return verb == "vjp" ? "the gradient of " : ""; }
  static double largest(const numbers& x) {
    double r = 0;
    for (double v : x) r = std::max(r, std::abs(v));
    return r;
  }
  static std::string text(double x) {
    char s[40];
    std::snprintf(s, sizeof s, "%.9g", x);
    return s;
  }

  Function f_;
  stage_report& report_;
  std::string where_;
  std::mt19937_64 random_;
  numbers in_, d_out_;
};

}  // namespace supra::testing
