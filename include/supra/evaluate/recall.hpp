// How well a model repeats what its context holds: sequences in which something comes twice, and scores of the second time.
//   copies   a passage of a text, the same passage again so many tokens later, and one that was not there, to compare with
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
  // Predicted tokens: where they stand first, where the context holds them, and of a passage that it does not hold (pairs: none
  // but those that it holds).
  std::vector<std::int64_t> first, again, unseen;

  // ids and targets (count, length - 1) as a model takes them; -1: not predicted.
  std::vector<std::int32_t> inputs() const { return part(0); }
  std::vector<std::int32_t> targets() const {
    const auto next = part(1);
    std::vector<std::int32_t> y(next.size(), -1);
    for (const auto* places : {&first, &again, &unseen})
      for (std::int64_t s = 0; s < count; ++s)
        for (auto t : *places) y[at(s, t)] = next[at(s, t)];
    return y;
  }

  // Of token t of sequence s among the targets.
  std::size_t at(std::int64_t s, std::int64_t t) const { return static_cast<std::size_t>(s * (length - 1) + t - 1); }

 private:
  std::vector<std::int32_t> part(std::int64_t from) const {
    std::vector<std::int32_t> some;
    for (std::int64_t s = 0; s < count; ++s) {
      const auto begin = ids.begin() + s * length + from;
      some.insert(some.end(), begin, begin + length - 1);
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
  // Of a text that has a passage beside every piece of lead + distance tokens; as many stand in a sequence after begin().
  std::int64_t text_length(std::int64_t distance) const { return lead + distance + 2 * passage; }
  std::int64_t copy_length(std::int64_t distance) const { return begin() + text_length(distance); }
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

// A passage, its text going on for `distance` tokens from its first, the passage again, and another one that begins as
// suddenly. A passage's first token is not predicted: nothing before it tells it. next() gives lead + distance tokens in a row
// of some text, then the other passage.
template <class Next>
recall_sequences copies(Next&& next, std::int64_t distance, const recall_settings& s) {
  if (s.passage < 2 || distance < s.passage || s.count < 1 || s.lead < 0)
    throw std::invalid_argument("a passage of " + std::to_string(s.passage) + " tokens cannot be repeated after " +
                                std::to_string(distance) + "; it needs at least 2, and as long a distance");
  recall_sequences r{distance, s.count, s.copy_length(distance), {}, {}, {}, {}};
  for (std::int64_t i = 0; i < s.count; ++i) {
    const std::vector<std::int32_t> text = next();
    const auto passage = text.begin() + s.lead, other = passage + distance;
    if (s.start >= 0) r.ids.push_back(s.start);
    r.ids.insert(r.ids.end(), text.begin(), other);
    r.ids.insert(r.ids.end(), passage, passage + s.passage);
    r.ids.insert(r.ids.end(), other, text.end());
  }
  for (std::int64_t t = 1; t < s.passage; ++t) {
    r.first.push_back(s.begin() + s.lead + t);
    r.again.push_back(r.first.back() + distance), r.unseen.push_back(r.again.back() + s.passage);
  }
  return r;
}
// Passages of a text's tokens, from anywhere in it; the other one shares no place with what is shown before it.
inline recall_sequences copies_of(std::span<const std::int32_t> text, std::int64_t distance, const recall_settings& s) {
  const std::int64_t size = std::ssize(text), shown = s.lead + distance;
  if (size < s.text_length(distance))
    throw std::invalid_argument("a text of " + std::to_string(size) + " tokens is shorter than the " +
                                std::to_string(s.text_length(distance)) + " that one sequence is taken from");
  recall_detail::numbers random(s.seed, 1, distance);
  const auto below = [&](std::int64_t n) { return static_cast<std::int64_t>(random.below(static_cast<std::size_t>(n))); };
  return copies(
      [&] {
        const std::int64_t at = below(size - shown + 1);
        // where a passage can begin: so many places before the piece that is shown, so many after it
        const std::int64_t before = std::max<std::int64_t>(0, at - s.passage + 1),
                           after = std::max<std::int64_t>(0, size - at - shown - s.passage + 1), k = below(before + after);
        const auto piece = text.begin() + at, other = text.begin() + (k < before ? k : at + shown + k - before);
        std::vector<std::int32_t> some(piece, piece + shown);
        some.insert(some.end(), other, other + s.passage);
        return some;
      },
      distance, s);
}
// Passages of tokens drawn from a vocabulary: nothing but the context can tell them.
inline recall_sequences copies_of_random(std::span<const std::int32_t> vocabulary, std::int64_t distance,
                                         const recall_settings& s) {
  if (vocabulary.empty()) throw std::invalid_argument("there is no token to draw passages from");
  recall_detail::numbers random(s.seed, 2, distance);
  return copies(
      [&] {
        std::vector<std::int32_t> some(static_cast<std::size_t>(s.lead + distance + s.passage));
        for (auto& id : some) id = vocabulary[random.below(vocabulary.size())];
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
  recall_sequences r{pairs, s.count, s.pairs_length(pairs), {}, {}, {}, {}};
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
  std::int64_t level = 0, sequences = 0, predictions = 0;  // predictions: of what the context holds
  bool compared = false;                                   // whether there are others
  // Share of tokens that were the likeliest, and nats a token: of what the context holds, of the same where it stood first, of
  // what was never there.
  mean_of_sequences accuracy, loss, first_accuracy, first_loss, unseen_accuracy, unseen_loss;
  // How much better than the first time, and than what was never there: in accuracy, in nats.
  mean_of_sequences gain, fall, gain_of_unseen, fall_of_unseen;
};

// losses and likeliest (count, length - 1): what a model said of the targets.
inline recall_score score_recall(const recall_sequences& r, std::span<const double> losses, std::span<const char> likeliest) {
  const auto all = static_cast<std::size_t>(r.count * (r.length - 1));
  if (losses.size() != all || likeliest.size() != all)
    throw std::invalid_argument("recall: " + std::to_string(all) + " targets expected, " + std::to_string(losses.size()) +
                                " losses given");
  using each = std::vector<double>;  // sequence
  const auto of = [&](const std::vector<std::int64_t>& places, auto&& what) {
    each x;
    for (std::int64_t s = 0; s < r.count; ++s) {
      double sum = 0;
      for (auto t : places) sum += what(r.at(s, t));
      x.push_back(sum / static_cast<double>(std::max<std::size_t>(1, places.size())));
    }
    return x;
  };
  const auto hits = [&](const auto& places) { return of(places, [&](std::size_t i) { return likeliest[i] ? 1.0 : 0.0; }); };
  const auto nats = [&](const auto& places) { return of(places, [&](std::size_t i) { return losses[i]; }); };
  const auto less = [](each x, const each& y) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] -= y[i];
    return mean_of_sequences(x);
  };
  const each hit = hits(r.again), first_hit = hits(r.first), unseen_hit = hits(r.unseen);
  const each loss = nats(r.again), first_loss = nats(r.first), unseen_loss = nats(r.unseen);
  recall_score s;
  s.level = r.level, s.sequences = r.count, s.predictions = r.count * static_cast<std::int64_t>(r.again.size());
  s.compared = !r.first.empty();
  s.accuracy = mean_of_sequences(hit), s.loss = mean_of_sequences(loss);
  s.first_accuracy = mean_of_sequences(first_hit), s.first_loss = mean_of_sequences(first_loss);
  s.unseen_accuracy = mean_of_sequences(unseen_hit), s.unseen_loss = mean_of_sequences(unseen_loss);
  s.gain = less(hit, first_hit), s.fall = less(first_loss, loss);
  s.gain_of_unseen = less(hit, unseen_hit), s.fall_of_unseen = less(unseen_loss, loss);
  return s;
}

}  // namespace supra::evaluate
