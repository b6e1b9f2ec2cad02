// A gradient against central differences in double: public, for any scalar function of a flat vector.
//   const auto r = check_gradients(f, x, gradient);   if (!r.ok()) std::puts(r.sentence().c_str());
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace supra::testing {

struct gradient_report {
  double worst = 0, tolerance = 0;                   // largest relative error, and what is allowed
  std::size_t index = 0;                             // where
  double found = 0, wanted = 0;                      // the gradient given there, and the difference quotient
  bool ok() const { return worst <= tolerance; }
  std::string sentence() const {
    char s[200];
    std::snprintf(
        s, sizeof s,
        "the gradient at index %zu is %.10g, central differences give %.10g: relative error %.2g, at most %.2g expected", index,
        found, wanted, worst, tolerance);
    return s;
  }
};

// Differences at step and twice the step, extrapolated: the error falls with step^4. x_i moves by step max(1, |x_i|).
template <class F> double central_difference(F& f, std::vector<double>& x, std::size_t i, double step) {
  const double at = x[i], h = step * std::max(1.0, std::abs(at));
  auto slope = [&](double by) {
    x[i] = at + by;
    const double up = f(x);
    x[i] = at - by;
    const double down = f(x);
    x[i] = at;
    return (up - down) / (2 * by);
  };
  const double fine = slope(h), coarse = slope(2 * h);
  return fine + (fine - coarse) / 3;
}

// f(x) -> double, x a std::vector<double>, smooth within 2 steps of x; gradient of the same size. An error is relative to the
// larger of the two numbers, but at least to a hundredth of the largest of the gradient and to a millionth of |f|.
template <class F> gradient_report check_gradients(F&& f, std::vector<double> x, const std::vector<double>& gradient,
                                                   double tolerance = 1e-6, double step = 1e-3) {
  if (x.size() != gradient.size())
    throw std::invalid_argument("check_gradients: the vector has " + std::to_string(x.size()) + " numbers, its gradient " +
                                std::to_string(gradient.size()) + "; they must be as many");
  std::vector<double> wanted;
  for (std::size_t i = 0; i < x.size(); ++i) wanted.push_back(central_difference(f, x, i, step));
  double floor = 1e-6 * std::abs(f(x)) + std::numeric_limits<double>::min();
  for (double w : wanted) floor = std::max(floor, 0.01 * std::abs(w));
  gradient_report r;
  r.tolerance = tolerance;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double e = std::abs(gradient[i] - wanted[i]) / std::max({floor, std::abs(gradient[i]), std::abs(wanted[i])});
    const double error = std::isnan(e) ? std::numeric_limits<double>::infinity() : e;
    if (i == 0 || error > r.worst) r.worst = error, r.index = i, r.found = gradient[i], r.wanted = wanted[i];
  }
  return r;
}

}  // namespace supra::testing
