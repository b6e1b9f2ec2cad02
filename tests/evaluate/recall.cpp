// What is repeated where, and scores that can be told without a model: of one that copies, and of n-grams.
#include "supra/evaluate/recall.hpp"

#include <map>
#include <set>

#include "test.hpp"

using namespace supra::evaluate;
using ids = std::vector<std::int32_t>;

namespace {

ids counted(std::int32_t n, std::int32_t period) {
  ids x;
  for (std::int32_t i = 0; i < n; ++i) x.push_back(i % period);
  return x;
}
ids sequence(const recall_sequences& r, std::int64_t s) {
  return {r.ids.begin() + s * r.length, r.ids.begin() + (s + 1) * r.length};
}
// predict(sequence, t): the token taken to stand at t, from those before; it has probability p, each other
// (1 - p) / (vocab - 1).
template <class Predict>
recall_score scored(const recall_sequences& r, double p, int vocab, Predict predict) {
  const auto x = r.inputs(), y = r.targets();
  BOOST_TEST_REQUIRE(x.size() == static_cast<std::size_t>(r.count * (r.length - 1)));
  std::vector<double> losses(y.size(), std::numeric_limits<double>::quiet_NaN());  // where nothing is predicted
  std::vector<char> likeliest(y.size(), 7);
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (y[i] < 0) continue;
    const auto n = static_cast<std::size_t>(r.length - 1), s = i / n, t = i % n + 1;
    BOOST_TEST(x[i] == r.ids[s * (n + 1) + t - 1]);
    BOOST_TEST(y[i] == r.ids[s * (n + 1) + t]);
    likeliest[i] = predict(sequence(r, static_cast<std::int64_t>(s)), t) == y[i];
    losses[i] = -std::log(likeliest[i] ? p : (1 - p) / (vocab - 1));
  }
  return score_recall(r, losses, likeliest);
}
// What followed the last time that the token before t stood there; -1: it never did.
std::int32_t bigram(const ids& x, std::size_t t) {
  for (std::size_t i = t - 1; i-- > 0;)
    if (x[i] == x[t - 1]) return x[i + 1];
  return -1;
}
const auto exactly = boost::test_tools::tolerance(1e-12);

}  // namespace

BOOST_AUTO_TEST_CASE(a_passage_comes_again_after_its_distance) {
  const ids text = counted(1000, 1000);
  for (std::int32_t start : {-1, 5})
    for (std::int64_t distance : {16, 32, 100}) {
      recall_settings s;
      s.count = 6, s.start = start;
      const auto r = copies_of(text, distance, s);
      BOOST_TEST(r.length == (start < 0 ? 0 : 1) + 16 + distance + 32);
      BOOST_TEST((r.first.size() == 15u && r.again.size() == 15u && r.unseen.size() == 15u));
      std::set<std::int32_t> begun;
      int others = 0;
      for (std::int64_t i = 0; i < r.count; ++i) {
        const auto x = sequence(r, i);
        if (start >= 0) BOOST_TEST(x[0] == start);
        const std::size_t body = start < 0 ? 0 : 1;
        begun.insert(x[body]);
        for (std::size_t t = body; t + 1 < x.size() - 32; ++t) BOOST_TEST(x[t + 1] == x[t] + 1);  // a piece of the text
        for (std::size_t t = x.size() - 16; t + 1 < x.size(); ++t) BOOST_TEST(x[t + 1] == x[t] + 1);
        others += x[x.size() - 16] != x[x.size() - 32];
        for (std::size_t j = 0; j < 15; ++j) {
          const auto first = static_cast<std::size_t>(r.first[j]), again = static_cast<std::size_t>(r.again[j]);
          BOOST_TEST((x[first] == x[again] && again - first == static_cast<std::size_t>(distance)));
        }
        BOOST_TEST(r.first.front() == static_cast<std::int64_t>(body) + 16 + 1);
        BOOST_TEST((r.again.back() == r.length - 17 && r.unseen.front() == r.length - 15 && r.unseen.back() == r.length - 1));
      }
      BOOST_TEST(others > 3);
      BOOST_TEST(begun.size() > 3u);
    }
}

// The text counts, so that tokens are places: in the shortest that is taken, and in longer ones.
BOOST_AUTO_TEST_CASE(what_is_not_there_was_not_shown) {
  for (std::int32_t more : {0, 1, 40, 2000}) {
    recall_settings s;
    s.count = 300;
    const auto size = static_cast<std::int32_t>(s.text_length(128)) + more;
    const auto r = copies_of(counted(size, size), 128, s);
    std::int64_t before = 0, least = size, greatest = 0;
    for (std::int64_t i = 0; i < r.count; ++i) {
      const auto x = sequence(r, i);
      const std::int32_t shown = x.front(), shown_end = shown + 16 + 128, other = x[x.size() - 16], other_end = x.back() + 1;
      BOOST_TEST_REQUIRE((other_end - other == 16 && (other_end <= shown || other >= shown_end)),
                         other << " of a text of " << size << ", shown from " << shown);
      before += other < shown;
      least = std::min<std::int64_t>(least, other), greatest = std::max<std::int64_t>(greatest, other_end);
    }
    BOOST_TEST((before > 75 && before < 225), before << " of 300 stand before");  // half, by symmetry
    BOOST_TEST((least <= 64 && greatest >= size - 64), "from " << least << " to " << greatest << " of " << size);
  }
}

BOOST_AUTO_TEST_CASE(who_copies_scores_1) {
  ids vocabulary = counted(60, 60);
  for (std::int64_t distance : {16, 64, 256}) {
    const auto r = copies_of_random(vocabulary, distance, {});
    const auto s = scored(r, 1, 60, [&](const ids& x, std::size_t t) {
      return static_cast<std::int64_t>(t) < distance ? -1 : x[t - static_cast<std::size_t>(distance)];
    });
    BOOST_TEST((s.level == distance && s.sequences == 32 && s.predictions == 32 * 15 && s.compared));
    BOOST_TEST((s.accuracy.mean == 1 && s.accuracy.error == 0 && s.loss.mean == 0 && s.loss.error == 0));
    BOOST_TEST(s.first_accuracy.mean < 0.1);  // one in 60
    BOOST_TEST(s.gain.mean == 1 - s.first_accuracy.mean, exactly);
    BOOST_TEST(s.unseen_accuracy.mean < 0.1);
    BOOST_TEST(s.gain_of_unseen.mean == 1 - s.unseen_accuracy.mean, exactly);
  }
  for (std::int64_t n : {4, 8, 30}) {
    const auto s = scored(pairs_of(vocabulary, n, {}), 1, 60, [](const ids& x, std::size_t t) { return bigram(x, t); });
    BOOST_TEST((s.accuracy.mean == 1 && s.loss.mean == 0 && s.predictions == 32 * n && !s.compared));
  }
}

// A text in which one token always follows another gains nothing from the context.
BOOST_AUTO_TEST_CASE(a_bigram_that_knows_the_text_gains_nothing) {
  const auto r = copies_of(counted(500, 10), 40, {});
  const auto s = scored(r, 0.9, 10, [](const ids& x, std::size_t t) { return (x[t - 1] + 1) % 10; });
  BOOST_TEST((s.first_accuracy.mean == 1 && s.accuracy.mean == 1 && s.gain.mean == 0 && s.fall.mean == 0));
  BOOST_TEST((s.unseen_accuracy.mean == 1 && s.gain_of_unseen.mean == 0 && s.fall_of_unseen.mean == 0));
  BOOST_TEST(s.loss.mean == -std::log(0.9), exactly);
}
// 0 1 0 2 0 1 0 2 ...: what followed 0 last time never follows it now, what followed 1 and 2 always does. Of the 15 tokens
// predicted after a passage's first, the zeros are right: 7 where it is a zero, else 8; and so the second time.
BOOST_AUTO_TEST_CASE(a_bigram_of_the_context_by_hand) {
  ids text;
  for (int i = 0; i < 400; ++i) text.push_back(i % 2 == 0 ? 0 : i % 4 == 1 ? 1 : 2);
  recall_settings settings;
  settings.count = 9;
  const auto r = copies_of(text, 32, settings);
  const auto s = scored(r, 0.8, 3, bigram);
  double hits = 0, squares = 0;
  int even = 0;
  for (std::int64_t i = 0; i < 9; ++i) even += sequence(r, i)[16] == 0;
  BOOST_TEST((even > 0 && even < 9), "all passages begin alike: the case shows nothing");
  hits = (7.0 * even + 8.0 * (9 - even)) / 15 / 9;
  squares = (even * std::pow(7.0 / 15 - hits, 2) + (9 - even) * std::pow(8.0 / 15 - hits, 2)) / 8 / 9;
  BOOST_TEST(s.accuracy.mean == hits, exactly);
  BOOST_TEST(s.first_accuracy.mean == hits, exactly);
  BOOST_TEST(s.accuracy.error == std::sqrt(squares), exactly);
  BOOST_TEST(s.loss.mean == -hits * std::log(0.8) - (1 - hits) * std::log(0.1), exactly);
  BOOST_TEST(std::abs(s.gain.mean) < 1e-12);
  BOOST_TEST(s.gain.error < 1e-12);
}

// Two sequences of 7 tokens, two predicted tokens of each kind: all means and errors by hand.
BOOST_AUTO_TEST_CASE(means_over_sequences_by_hand) {
  recall_sequences r{3, 2, 7, ids(14, 5), {1, 2}, {3, 4}, {5, 6}};
  //                                first    again    unseen
  const std::vector<double> losses = {4, 2,   1, 2,   3, 6, /**/ 8, 4,   0, 1,   2, 1};
  const std::vector<char> likeliest = {0, 1,   1, 1,   0, 0, /**/ 0, 0,   1, 0,   0, 1};
  const auto s = score_recall(r, losses, likeliest);
  const auto is = [](const mean_of_sequences& m, double first, double second) {
    BOOST_TEST(m.mean == (first + second) / 2, exactly);
    BOOST_TEST(m.error == std::abs(first - second) / 2, exactly);  // of two: deviation |x - y| / sqrt 2, over sqrt 2
  };
  BOOST_TEST((s.level == 3 && s.sequences == 2 && s.predictions == 4 && s.compared));
  is(s.first_loss, 3, 6), is(s.loss, 1.5, 0.5), is(s.unseen_loss, 4.5, 1.5), is(s.fall, 1.5, 5.5), is(s.fall_of_unseen, 3, 1);
  is(s.first_accuracy, 0.5, 0), is(s.accuracy, 1, 0.5), is(s.unseen_accuracy, 0, 0.5), is(s.gain, 0.5, 0.5);
  is(s.gain_of_unseen, 1, 0);
  const auto y = r.targets();
  BOOST_TEST((y == ids(12, 5)));
}

BOOST_AUTO_TEST_CASE(pairs_are_asked_for_in_another_order) {
  const ids vocabulary = {3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33};
  recall_settings s;
  s.start = 1, s.count = 20;
  const auto r = pairs_of(vocabulary, 8, s);
  BOOST_TEST((r.length == 33 && r.first.empty() && r.again.size() == 8u));
  int same_order = 0, same_pairs = 0;
  for (std::int64_t i = 0; i < r.count; ++i) {
    const auto x = sequence(r, i);
    BOOST_TEST(x[0] == 1);
    std::map<std::int32_t, std::int32_t> value;
    std::set<std::int32_t> all;
    for (std::size_t k = 1; k < 17; k += 2) value[x[k]] = x[k + 1], all.insert(x[k]), all.insert(x[k + 1]);
    BOOST_TEST((value.size() == 8u && all == std::set<std::int32_t>(vocabulary.begin(), vocabulary.end())));
    for (std::size_t k = 17; k < 33; k += 2) {
      BOOST_TEST_REQUIRE(value.count(x[k]) == 1u);
      BOOST_TEST(value[x[k]] == x[k + 1]);
      value.erase(x[k]);
    }
    same_order += std::equal(x.begin() + 1, x.begin() + 17, x.begin() + 17);
    same_pairs += x == sequence(r, 0);
  }
  BOOST_TEST((same_order == 0 && same_pairs == 1));
  for (std::size_t j = 0; j < 8; ++j) BOOST_TEST(r.again[j] == static_cast<std::int64_t>(18 + 2 * j));
  // who always takes the value of the first pair is right once
  const auto guess = scored(r, 0.5, 34, [](const ids& x, std::size_t) { return x[2]; });
  BOOST_TEST(guess.accuracy.mean == 1.0 / 8, exactly);
  BOOST_TEST(guess.accuracy.error < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_seed_repeats) {
  const ids text = counted(1000, 37);
  recall_settings a, b;
  b.seed = 1;
  BOOST_TEST((copies_of(text, 64, a).ids == copies_of(text, 64, a).ids));
  BOOST_TEST((copies_of(text, 64, a).ids != copies_of(text, 64, b).ids));
  BOOST_TEST((pairs_of(counted(37, 37), 8, a).ids == pairs_of(counted(37, 37), 8, a).ids));
  BOOST_TEST((pairs_of(counted(37, 37), 8, a).ids != pairs_of(counted(37, 37), 8, b).ids));
  BOOST_TEST((copies_of_random(text, 64, a).ids == copies_of_random(text, 64, a).ids));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_a_sentence) {
  BOOST_CHECK_THROW(copies_of(counted(79, 79), 32, {}), std::invalid_argument);
  BOOST_CHECK_NO_THROW(copies_of(counted(80, 80), 32, {}));
  BOOST_CHECK_THROW(copies_of(counted(100, 100), 15, {}), std::invalid_argument);
  BOOST_CHECK_THROW(copies_of_random({}, 16, {}), std::invalid_argument);
  BOOST_CHECK_THROW(pairs_of(counted(7, 7), 4, {}), std::invalid_argument);
  const auto r = pairs_of(counted(8, 8), 4, {});
  BOOST_CHECK_THROW(score_recall(r, std::vector<double>(3), std::vector<char>(3)), std::invalid_argument);
}
