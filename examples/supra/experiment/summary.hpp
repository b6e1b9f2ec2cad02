// What an experiment found: a row for each variant (and teacher), over its seeds.
#pragma once

#include <string>
#include <vector>

#include "run.hpp"
#include "statistics.hpp"

namespace supra::program::experiments {

struct row {
  std::string variant, teacher, label;
  json settings;
  std::vector<const run*> runs;  // by seed
  statistics loss, difference, recovered, swap, fit, long_loss, copied, paired, seconds, speed, next_token, linear_branch,
      window_branch;
  double teacher_loss = report::missing;
  std::size_t failed = 0;
};

struct summary {
  const experiment& about;
  std::vector<row> rows;         // the lowest loss first, then those that lack seeds, those without a loss last
  bool by_long_loss = false;     // then sorted by that: losses of runs of other lengths do not compare
  double entropy = report::missing;

  const row* of(const std::string& variant, const std::string& teacher) const;
  const statistics& ranked(const row& r) const { return by_long_loss ? r.long_loss : r.loss; }
  bool whole(const row& r) const { return ranked(r).n == r.runs.size(); }  // every seed has a loss: it may be called the best
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

// "1.012 ± 0.010", or "1.012 (1 of 2)" where fewer runs have a number than there are.
std::string mean_text(const statistics&, std::size_t runs, std::string (*text)(double));
std::string table_text(const summary&);                                 // for a terminal
json told(const summary&, const std::vector<run>&);

}  // namespace supra::program::experiments
