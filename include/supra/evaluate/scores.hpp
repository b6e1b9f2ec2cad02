// From log-probabilities to accuracy, by lm-evaluation-harness' rules, and the run of a task's requests through a model in
// batches.
#pragma once

#include <cmath>
#include <optional>

#include "supra/evaluate/requests.hpp"

namespace supra::evaluate {

// What a model says of one example: log-probabilities of its requests, and the request that it takes.
struct prediction {
  std::vector<double> log_likelihoods;
  std::vector<bool> greedy;
  std::int64_t taken = 0, taken_norm = 0;  // by the highest sum, or sum for a character; the first of equals
};

inline prediction predict(const example& e, std::span<const model::continuation_score> scores) {
  prediction p;
  const auto best = [](const std::vector<double>& x) { return std::max_element(x.begin(), x.end()) - x.begin(); };
  for (auto& s : scores) p.log_likelihoods.push_back(s.log_likelihood), p.greedy.push_back(s.greedy);
  auto norm = p.log_likelihoods;
  for (std::size_t i = 0; i < e.characters.size(); ++i)
    norm[i] /= static_cast<double>(std::max<std::int64_t>(1, e.characters[i]));
  p.taken = best(p.log_likelihoods), p.taken_norm = best(norm);
  return p;
}

// A share of n and its standard error.
struct share {
  double value = 0, error = 0;
  share() = default;
  share(double hits, double n) : value(hits / n), error(std::sqrt(value * (1 - value) / std::max(1.0, n - 1))) {}
};
struct metrics {
  std::int64_t examples = 0;
  share acc;
  std::optional<share> acc_norm;
  std::optional<share> perplexity;  // of the only request; its error to first order
};

// alone: the task has one request an example (task::alone).
inline metrics measure(const std::vector<example>& examples, const std::vector<prediction>& predictions, bool alone) {
  metrics m;
  m.examples = static_cast<std::int64_t>(examples.size());
  double right = 0, norm = 0, sum = 0, squares = 0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const auto& p = predictions[i];
    const double x = p.log_likelihoods.front();
    right += alone ? p.greedy.front() : p.taken == examples[i].gold;
    norm += p.taken_norm == examples[i].gold, sum += x, squares += x * x;
  }
  const auto n = static_cast<double>(m.examples);
  m.acc = share(right, n);
  if (!examples.front().characters.empty()) m.acc_norm = share(norm, n);
  if (!alone) return m;
  const double mean = sum / n, variance = std::max(0.0, squares / n - mean * mean) * n / std::max(1.0, n - 1);
  m.perplexity.emplace();
  m.perplexity->value = std::exp(-mean), m.perplexity->error = m.perplexity->value * std::sqrt(variance / n);
  return m;
}

struct batch_limits {
  std::int64_t rows;               // about so many tokens; what an example's requests share counts once
  std::int64_t texts = INT64_MAX;  // requests
};

// Batches of whole examples. name: the task's, for what is wrong.
template <class B, class T, class Show>
std::vector<prediction> run(model::continuation_scores<B, T>& scores, const std::string& name,
                            const std::vector<example>& examples, const encoded& all, batch_limits most, Show show) {
  std::vector<prediction> predictions;
  std::size_t first = 0, next = 0, i = 0;  // requests; i: the first example of the batch
  const auto flush = [&](std::size_t end) {
    const auto found = scores(std::span(all.texts).subspan(first, next - first));
    for (std::size_t at = 0; i < end; ++i) {
      const std::size_t n = examples[i].requests.size();
      for (std::size_t j = at; j < at + n; ++j)  // or the first choice would be taken, whatever it is
        io::need(std::isfinite(found[j].log_likelihood), name, ", example ", i + 1, " of ", examples.size(),
                 ": expected log-likelihoods, found ", found[j].log_likelihood, " for request ", j - at + 1,
                 "; are the model's weights finite?");
      predictions.push_back(predict(examples[i], std::span(found).subspan(at, n))), at += n;
    }
    first = next, show(end);
  };
  std::int64_t filled = 0;
  for (std::size_t e = 0; e < examples.size(); ++e) {
    std::int64_t shared = 0, own = 0;
    for (std::size_t j = next; j < next + examples[e].requests.size(); ++j) {
      const auto& t = all.texts[j];
      shared = std::max(shared, t.first), own += static_cast<std::int64_t>(t.ids.size()) - t.first;
    }
    const std::size_t n = examples[e].requests.size();
    const bool full = filled + shared + own > most.rows || static_cast<std::int64_t>(next - first + n) > most.texts;
    if (filled > 0 && full) flush(e), filled = 0;
    filled += shared + own, next += n;
  }
  if (next > first) flush(examples.size());
  return predictions;
}

}  // namespace supra::evaluate
