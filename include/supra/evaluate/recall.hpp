// How well a model repeats what its context holds: sequences in which something comes twice, and scores of the second time.
//   copies   a passage of a text, and the same passage again so many tokens later
//   pairs    keys with their values, then the keys in another order, each of which asks for its value (multi-query associative
//            recall: Arora et al. 2023, arXiv 2312.04927)
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "supra/io/fingerprint.hpp"

namespace supra::evaluate {

// Sequences of one length, in all of which the same places are predicted.
struct recall_sequences {
  std::int64_t level = 0;                  // copies: tokens from an item to its repetition; pairs: their number
  std::int64_t count = 0, length = 0;
  std::vector<std::int32_t> ids;           // (count, length)
  std::vector<std::int64_t> first, again;  // predicted tokens where they stand first (may be none), and where they are known

  // ids and targets (count, length - 1) as a model takes them; -1: not predicted.
  std::vector<std::int32_t> inputs() const { return part(0); }
  std::vector<std::int32_t> targets() const {
    const auto next = part(1);
    std::vector<std::int32_t> y(next.size(), -1);
    for (const auto* places : {&first, &again})
      for (std::int64_t s = 0; s < count; ++s)
        for (auto t : *places) y[static_cast<std::size_t>(s * (length - 1) + t - 1)] = next[static_cast<std::size_t>(s * (length - 1) + t - 1)];
    return y;
  }

 private:
  std::vector<std::int32_t> part(std::int64_t from) const {
    std::vector<std::int32_t> some;
    for (std::int64_t s = 0; s < count; ++s) {
      const auto at = ids.begin() + s * length + from;
      some.insert(some.end(), at, at + length - 1);
    }
    return some;
  }
};

struct recall_settings {
  std::int64_t count = 32;                 // sequences
  std::uint64_t seed = 0;
  std::int32_t start = -1;                 // stands before every sequence; -1: nothing does
  std::int64_t passage = 16, lead = 16;    // copies: tokens that are repeated, and of the text before them
  std::int64_t begin() const { return start >= 0 ? 1 : 0; }
  std::int64_t copy_length(std::int64_t distance) const { return begin() + lead + distance + passage; }
  std::int64_t pairs_length(std::int64_t pairs) const { return begin() + 4 * pairs; }
};

namespace recall_detail {
struct numbers {  // the same on every platform
  std::mt19937_64 random;
  numbers(std::uint64_t seed, std::int64_t kind, std::int64_t level)
      : random([&] {
          io::fingerprint own;
          own.add(seed), own.add(static_cast<std::uint64_t>(kind)), own.add(static_cast<std::uint64_t>(level));
          return own.value;
        }()) {}
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random() % n); }
  // The first `some` of a list become any of it, in any order.
  template <class T>
  void draw(std::vector<T>& list, std::size_t some) {
    for (std::size_t i = 0; i < some; ++i) std::swap(list[i], list[i + below(list.size() - i)]);
  }
};
}  // namespace recall_detail

// A passage, its text going on for `distance` tokens from its first, and the passage again. A passage's first token is not
// predicted: nothing before it says that something will be repeated. next(n) gives n tokens in a row of some text.
template <class Next>
recall_sequences copies(Next&& next, std::int64_t distance, const recall_settings& s) {
  if (s.passage < 2 || distance < s.passage || s.count < 1 || s.lead < 0)
    throw std::invalid_argument("a passage of " + std::to_string(s.passage) + " tokens cannot be repeated after " +
                                std::to_string(distance) + "; it needs at least 2, and as long a distance");
  recall_sequences r{distance, s.count, s.copy_length(distance), {}, {}, {}};
  for (std::int64_t i = 0; i < s.count; ++i) {
    const std::vector<std::int32_t> text = next(s.lead + distance);
    if (s.start >= 0) r.ids.push_back(s.start);
    r.ids.insert(r.ids.end(), text.begin(), text.end());
    r.ids.insert(r.ids.end(), text.begin() + s.lead, text.begin() + s.lead + s.passage);
  }
  for (std::int64_t t = 1; t < s.passage; ++t) {
    r.first.push_back(s.begin() + s.lead + t);
    r.again.push_back(r.first.back() + distance);
  }
  return r;
}
// Passages of a text's tokens, from anywhere in it.
inline recall_sequences copies_of(std::span<const std::int32_t> text, std::int64_t distance, const recall_settings& s) {
  const std::int64_t room = static_cast<std::int64_t>(text.size()) - s.lead - distance;
  if (room < 0)
    throw std::invalid_argument("a text of " + std::to_string(text.size()) + " tokens is shorter than the " +
                                std::to_string(s.lead + distance) + " of one sequence");
  recall_detail::numbers random(s.seed, 1, distance);
  return copies(
      [&](std::int64_t n) {
        const auto at = text.begin() + static_cast<std::ptrdiff_t>(random.below(static_cast<std::size_t>(room) + 1));
        return std::vector<std::int32_t>(at, at + n);
      },
      distance, s);
}
// Passages of tokens drawn from a vocabulary: nothing but the context can tell them.
inline recall_sequences copies_of_random(std::span<const std::int32_t> vocabulary, std::int64_t distance,
                                         const recall_settings& s) {
  if (vocabulary.empty()) throw std::invalid_argument("there is no token to draw passages from");
  recall_detail::numbers random(s.seed, 2, distance);
  return copies(
      [&](std::int64_t n) {
        std::vector<std::int32_t> some;
        while (static_cast<std::int64_t>(some.size()) < n) some.push_back(vocabulary[random.below(vocabulary.size())]);
        return some;
      },
      distance, s);
}

// key value key value ..., then keys with their values in another order; the latter values are predicted. No token is two keys,
// two values, or one of each.
inline recall_sequences pairs_of(std::span<const std::int32_t> vocabulary, std::int64_t pairs, const recall_settings& s) {
  const auto n = static_cast<std::size_t>(pairs);
  if (pairs < 1 || s.count < 1 || vocabulary.size() / 2 < n)
    throw std::invalid_argument(std::to_string(pairs) + " pairs need as many different keys and values; the vocabulary has " +
                                std::to_string(vocabulary.size()) + " tokens");
  recall_detail::numbers random(s.seed, 3, pairs);
  recall_sequences r{pairs, s.count, s.pairs_length(pairs), {}, {}, {}};
  std::vector<std::int32_t> tokens(vocabulary.begin(), vocabulary.end());
  for (std::int64_t i = 0; i < s.count; ++i) {
    random.draw(tokens, 2 * n);
    std::vector<std::size_t> order(n);
    for (std::size_t k = 0; k < n; ++k) order[k] = k;
    if (s.start >= 0) r.ids.push_back(s.start);
    for (int time = 0; time < 2; ++time, random.draw(order, n))
      for (auto k : order) r.ids.push_back(tokens[k]), r.ids.push_back(tokens[n + k]);
  }
  for (std::int64_t k = 0; k < pairs; ++k) r.again.push_back(s.begin() + 2 * pairs + 2 * k + 1);
  return r;
}

// A mean over sequences and its standard error: predictions of one sequence are not independent.
struct mean_of_sequences {
  double mean = 0, error = 0;
  explicit mean_of_sequences(const std::vector<double>& each = {}) {
    const auto n = static_cast<double>(each.size());
    for (double x : each) mean += x / n;
    double squares = 0;
    for (double x : each) squares += (x - mean) * (x - mean);
    if (n > 1) error = std::sqrt(squares / (n - 1) / n);
  }
};
struct recall_score {
  std::int64_t level = 0, sequences = 0, predictions = 0;  // predictions: of what is known
  bool compared = false;                                   // whether there is a first time
  // Share of tokens that were the likeliest, and nats a token; gain, fall: how much better than the first time.
  mean_of_sequences accuracy, loss, first_accuracy, first_loss, gain, fall;
};

// losses and likeliest (count, length - 1): what a model said of the targets.
inline recall_score score_recall(const recall_sequences& r, std::span<const double> losses, std::span<const char> likeliest) {
  const auto all = static_cast<std::size_t>(r.count * (r.length - 1));
  if (losses.size() != all || likeliest.size() != all)
    throw std::invalid_argument("recall: " + std::to_string(all) + " targets expected, " + std::to_string(losses.size()) +
                                " losses given");
  std::vector<double> hits[2], nats[2], gain, fall;
  for (std::int64_t s = 0; s < r.count; ++s) {
    for (int known = 0; known < 2; ++known) {
      const auto& places = known ? r.again : r.first;
      double hit = 0, sum = 0;
      for (auto t : places) {
        const auto i = static_cast<std::size_t>(s * (r.length - 1) + t - 1);
        hit += likeliest[i] ? 1 : 0, sum += losses[i];
      }
      const auto n = static_cast<double>(std::max<std::size_t>(1, places.size()));
      hits[known].push_back(hit / n), nats[known].push_back(sum / n);
    }
    gain.push_back(hits[1].back() - hits[0].back()), fall.push_back(nats[0].back() - nats[1].back());
  }
  recall_score out{r.level, r.count, r.count * static_cast<std::int64_t>(r.again.size()), !r.first.empty(), {}, {}, {}, {}, {}, {}};
  out.accuracy = mean_of_sequences(hits[1]), out.loss = mean_of_sequences(nats[1]);
  out.first_accuracy = mean_of_sequences(hits[0]), out.first_loss = mean_of_sequences(nats[0]);
  out.gain = mean_of_sequences(gain), out.fall = mean_of_sequences(fall);
  return out;
}

}  // namespace supra::evaluate
