// Mean and spread over seeds. Numbers that are missing (not finite) are left out and not counted.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

namespace supra::program::experiments {

struct statistics {
  std::size_t n = 0;
  double mean = std::numeric_limits<double>::quiet_NaN();
  double deviation = std::numeric_limits<double>::quiet_NaN();  // sample standard deviation (n - 1): missing below two
};

inline statistics statistics_of(const std::vector<double>& values) {
  statistics s;
  double sum = 0, squares = 0;
  for (double x : values)
    if (std::isfinite(x)) sum += x, ++s.n;
  if (s.n == 0) return s;
  s.mean = sum / static_cast<double>(s.n);
  for (double x : values)
    if (std::isfinite(x)) squares += (x - s.mean) * (x - s.mean);
  if (s.n > 1) s.deviation = std::sqrt(squares / static_cast<double>(s.n - 1));
  return s;
}

// Of differences between two variants, seed by seed: what the seeds have in common does not count.
inline statistics difference_of(const std::vector<double>& values, const std::vector<double>& from) {
  std::vector<double> d;
  for (std::size_t i = 0; i < values.size() && i < from.size(); ++i) d.push_back(values[i] - from[i]);
  return statistics_of(d);
}

}  // namespace supra::program::experiments
