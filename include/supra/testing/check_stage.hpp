// check_stage<S>(): everything that a stage must satisfy by itself, as sentences (public: run it on a stage of your own):
//   out_dim the same whenever it is asked, outputs wholly written and never read before, no feature beyond a row's end, three threads = one lane, vjp = differences of
//   forward (own parameters too), float and bf16 close to double; a decay at most 1.
//   const auto report = supra::testing::check_stage<my_map>();   std::cout << report;   return report.ok() ? 0 : 1;
#pragma once

#include <thread>

#include "supra/core/elementwise.hpp"
#include "supra/testing/stage_check.hpp"

namespace supra::testing {

template <class Function, class S>
void check_rows(const Function& f, const S&, const stage_options& o, stage_report& r, const std::string& where) {
  stage_check<Function, has_random_access<S>>(f, o, r, where).run();
}

template <class S> void check_decay(const S& s, const stage_options& o, stage_report& r) {
  auto at_most_one = [&](double g, const std::string& where) {
    char text[40];
    std::snprintf(text, sizeof text, "%.9g", g);
    r.expect(g <= 0 && g > -std::numeric_limits<double>::infinity(),
             "log_gamma" + where + " is " + text + ": it must be finite and at most 0");
  };
  if constexpr (S::kind == decay_kind::constant) {
    for (int heads : {1, 2, 3, 4, 6, 8, 12, 16, 32, 40, 64})
      for (int h = 0; h < heads; ++h)
        at_most_one(s.log_gamma(h, heads), "(head " + std::to_string(h) + " of " + std::to_string(heads) + ")");
  } else {
    for (int i = 0; i <= 40; ++i) {
      const double x = static_cast<float>(o.low + (o.high - o.low) * i / 40);
      const std::string where = "(" + std::to_string(x) + ")";
      const double g = s.log_gamma(x), d = s.vjp(x, 1.0), limit = 64 * unit_roundoff<float>;
      at_most_one(g, where);
      const auto c = check_gradients([&](const numbers& v) { return s.log_gamma(v[0]); }, {x}, {d});
      r.expect(c.ok(), "vjp" + where + " is not the derivative of log_gamma: " + c.sentence());
      r.expect(std::abs(s.vjp(x, -2.5) + 2.5 * d) <= 1e-12 * std::abs(d),
               "vjp" + where + " is not proportional to the gradient it is given");
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
          check_rows(
              position_function<S>{s, width, position, key}, s, o, r,
              "width " + std::to_string(width) + ", position " + std::to_string(position) + (key ? ", key: " : ", query: "));
  }
}

// A host counts with out_dim, kernels lay out with it.
template <class S> bool check_out_dim(int width, stage_report& r) {
  const int before = S::out_dim(width), after = S::out_dim(width);
  int elsewhere = 0;
  std::thread([&] { elsewhere = S::out_dim(width); }).join();
  const std::string said = "out_dim(" + std::to_string(width) + ") is " + std::to_string(before);
  r.expect(before > 0, said + ": a mapped row has at least one feature");
  r.expect(after == before, said + " and then " + std::to_string(after) + ": it must depend on its argument alone");
  r.expect(elsewhere == before,
           said + " and on another thread " + std::to_string(elsewhere) + ": it must depend on its argument alone");
  return before > 0 && after == before && elsewhere == before;
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
    for (int width : o.widths) {
      if (!check_out_dim<S>(width, r)) continue;
      for (bool key : {false, true})
        check_rows(feature_function<S>{s, width, 1, key}, s, o, r,
                   "width " + std::to_string(width) + (key ? ", key: " : ", query: "));
    }
  }
  return r;
}

}  // namespace supra::testing
