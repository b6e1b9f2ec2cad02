// check_stage<S>(): everything that a stage must satisfy by itself, as sentences (public: run it on a stage of your own):
//   outputs wholly written and never read before, no feature beyond a row's end, three threads = one lane, vjp = differences of
//   forward (own parameters too), float and bf16 close to double; a decay at most 1.
//   const auto report = supra::testing::check_stage<my_map>();   std::cout << report;   return report.ok() ? 0 : 1;
#pragma once

#include <ostream>
#include <random>

#include "supra/core/elementwise.hpp"
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
    for (std::size_t i = static_cast<std::size_t>(f.d); i < in_.size(); ++i) in_[i] = 0.5 + std::abs(in_[i]) / 2;   // parameters, z
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
    if (!expect(beyond == 0, verb + " uses feature " + std::to_string(beyond - 1) + " of a row that has fewer: is out_dim right?")) return false;
    if (!expect(nan.lanes_agree, verb + " returns a different number on each lane: sum with lanes.sum, not into a local variable")) return false;
    const auto y = run(three, in_, other);
    const auto z = run(one, in_, serial);
    bool good = true;
    for (std::size_t i = 0; i < x.size() && good; ++i) {
      const double size = largest(z), lost = 1e-12 * (size + std::abs(z[i]));
      good = expect(std::isfinite(z[i]), verb + " leaves " + prefix(verb) + names[i] + " unwritten, or not finite (it is " + text(z[i]) + ")") &&
             expect(std::abs(x[i] - z[i]) <= lost, verb + " gives " + prefix(verb) + names[i] + " = " + text(x[i]) + " on three lanes and " + text(z[i]) +
                                                       " on one: a sum needs lanes.sum, random access lanes.sync(), at.add once or the feature's own lane") &&
             expect(std::abs(x[i] - y[i]) <= lost, verb + " gives another " + prefix(verb) + names[i] + " when its output holds other numbers before");
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
  // n roundings at most in a sum, in random directions about sqrt(n), a few more in each function; 64 times that for what cancels;
  // bf16 stores inputs exactly, outputs (and a stage's own intermediate rows) rounded.
  template <class T, class Forward, class Vjp> void narrow(const std::string& type, Forward forward, Vjp vjp) {
    auto close = [&](const std::string& verb, const std::vector<std::string>& names, auto run) {
      serial_machine<double> wide;
      serial_machine<T> m;
      stage_run a, b;
      const auto x = run(wide, in_, a), y = run(m, in_, b);
      const double n = static_cast<double>(in_.size() + d_out_.size());
      const double limit = (64 * (std::sqrt(n) + 8) * unit_roundoff<float> + (std::is_same_v<T, bf16> ? 16 * unit_roundoff<bf16> : 0)) * largest(x);
      for (std::size_t i = 0; i < x.size(); ++i)
        if (!expect(std::abs(x[i] - y[i]) <= limit, verb + " in " + type + " gives " + prefix(verb) + names[i] + " = " + text(y[i]) + ", in double " +
                                                        text(x[i]) + ": further apart than rounding explains"))
          return;
    };
    close("forward", f_.outputs(), forward), close("vjp", f_.inputs(), vjp);
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

template <class Function, class S> void check_rows(const Function& f, const S&, const stage_options& o, stage_report& r, const std::string& where) {
  stage_check<Function, has_random_access<S>>(f, o, r, where).run();
}

template <class S> void check_decay(const S& s, const stage_options& o, stage_report& r) {
  auto at_most_one = [&](double g, const std::string& where) {
    char text[40];
    std::snprintf(text, sizeof text, "%.9g", g);
    r.expect(g <= 0 && g > -std::numeric_limits<double>::infinity(), "log_gamma" + where + " is " + text + ": it must be finite and at most 0");
  };
  if constexpr (S::kind == decay_kind::constant) {
    for (int heads : {1, 2, 3, 4, 6, 8, 12, 16, 32, 40, 64})
      for (int h = 0; h < heads; ++h) at_most_one(s.log_gamma(h, heads), "(head " + std::to_string(h) + " of " + std::to_string(heads) + ")");
  } else {
    for (int i = 0; i <= 40; ++i) {
      const double x = static_cast<float>(o.low + (o.high - o.low) * i / 40);
      const std::string where = "(" + std::to_string(x) + ")";
      const double g = s.log_gamma(x), d = s.vjp(x, 1.0), limit = 64 * unit_roundoff<float>;
      at_most_one(g, where);
      const auto c = check_gradients([&](const numbers& v) { return s.log_gamma(v[0]); }, {x}, {d});
      r.expect(c.ok(), "vjp" + where + " is not the derivative of log_gamma: " + c.sentence());
      r.expect(std::abs(s.vjp(x, -2.5) + 2.5 * d) <= 1e-12 * std::abs(d), "vjp" + where + " is not proportional to the gradient it is given");
      const float y = static_cast<float>(x);
      r.expect(std::abs(s.log_gamma(y) - g) <= limit * std::abs(g) && std::abs(s.vjp(y, 1.0f) - d) <= limit * std::abs(d),
               "log_gamma or vjp" + where + " in float is further from double than rounding explains");
    }
  }
}

template <class S> void check_position(const S& s, const stage_options& o, stage_report& r) {
  if constexpr (IsIdentity<S>) {
    r.expect(S::identity, "identity is false: a position that does something has prepare, forward and vjp instead");
  } else {
    for (int width : o.widths)
      for (std::int64_t position : {0, 1, 77, 4000})
        for (bool key : {false, true})
          check_rows(position_function<S>{s, width, position, key}, s, o, r, "width " + std::to_string(width) + ", position " + std::to_string(position) + (key ? ", key: " : ", query: "));
  }
}

template <class S> stage_report check_stage(const S& s = {}, const stage_options& o = {}) {
  static_assert(!Function<S>, "supra: this is a function of one number: check_stage<elementwise<your function>>()");
  stage_report r;
  if constexpr (HasKind<S>) {
    explain_decay<S>();
    r.kind = "decay", check_decay(s, o, r);
  } else if constexpr (HasDenominatorFlag<S>) {
    explain_normalizer<S>();
    r.kind = "normalizer";
    for (int width : o.widths) check_rows(normalizer_function<S>{s, width}, s, o, r, "width " + std::to_string(width) + ": ");
  } else if constexpr (IsIdentity<S> || HasTable<S> || HasPrepare<S> || HasTurn<S>) {
    explain_position<S>();
    r.kind = "position", check_position(s, o, r);
  } else {
    explain_feature_map<S>();
    r.kind = "feature map";
    for (int width : o.widths)
      for (bool key : {false, true})
        check_rows(feature_function<S>{s, width, 1, key}, s, o, r, "width " + std::to_string(width) + (key ? ", key: " : ", query: "));
  }
  return r;
}

}  // namespace supra::testing
