// What an experiment found: a row for each variant (and teacher), over its seeds.
#pragma once

#include <string>
#include <vector>

#include "run.hpp"
#include "statistics.hpp"

namespace supra::program::experiments {

inline const std::string from_scratch = "scratch";  // the variant that others recover from

struct row {
  std::string variant, teacher, label;
  json settings;
  std::vector<const run*> runs;  // by seed
  statistics loss, difference, recovered, swap, fit, long_loss, copied, paired, seconds, speed, next_token;
  double teacher_loss = report::missing;
  std::size_t failed = 0;
};

struct summary {
  const experiment& about;
  std::vector<row> rows;         // the lowest loss first, those without one last
  bool by_long_loss = false;     // then sorted by that: losses of runs of other lengths do not compare
  double entropy = report::missing;

  const row* of(const std::string& variant, const std::string& teacher) const;
  const statistics& ranked(const row& r) const { return by_long_loss ? r.long_loss : r.loss; }
};

// Sets each run's `recovered` too.
summary summarise(const experiment&, std::vector<run>&);

struct column {
  std::string name;
  const char* key;
  statistics row::*what;
  std::string (*text)(double);
};
// Those that some row has a number of.
std::vector<column> columns_of(const summary&);

std::string mean_text(const statistics&, std::string (*text)(double));  // "1.012 ± 0.010"
std::string table_text(const summary&);                                 // for a terminal
json told(const summary&, const std::vector<run>&);

}  // namespace supra::program::experiments
