// Words drawn on any backend beside their probabilities in double. Of a row each word's share of the numbers in [0, 1) is
// measured, by where the drawn word changes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "supra/layer/draw.hpp"
#include "test.hpp"

namespace supra_test {

inline constexpr std::int64_t all_numbers = std::int64_t{1} << 53;  // k 2^-53, k from 0: what is drawn with
inline double number(std::int64_t k) { return static_cast<double>(k) * 0x1p-53; }

// Rows of logits on a backend; words from `words` on only fill them up.
template <class B, class L>
struct drawn_rows {
  B& b;
  std::int64_t words, vocab;
  decltype(std::declval<B&>().template allocate<L>(0)) at;
  supra::layer::row_draws<B, L> draws;
  drawn_rows(B& b, std::int64_t words, const std::vector<L>& logits, std::int64_t rows)
      : b(b), words(words), vocab(static_cast<std::int64_t>(logits.size()) / rows), at(b.template allocate<L>(rows * vocab)) {
    b.upload(logits.data(), at.data(), rows * vocab);
  }
  std::vector<std::int32_t> draw(const std::vector<double>& uniforms) {
    return draws(b, static_cast<const L*>(at.data()), vocab, words, uniforms);
  }
};

// Probabilities, and by how much of itself one may be off, as the header derives it. 35: sums of a block on the lanes that
// have most, eight.
template <class L>
struct probabilities {
  std::vector<double> p;
  double off;
  explicit probabilities(const std::vector<L>& row) {
    const auto max = static_cast<double>(*std::ranges::max_element(row));
    double sum = 0, range = 0;
    for (L x : row) {
      p.push_back(std::exp(static_cast<double>(x) - max)), sum += p.back();
      if (p.back() > 0) range = std::max(range, max - static_cast<double>(x));
    }
    for (double& x : p) x /= sum;
    off = 1.01 * (2 * 35 + 12 * range + 26) * supra::unit_roundoff<L>;
  }
};

template <class B, class L>
void shares_are_probabilities(B& b, const std::string& name, const std::vector<L>& row, std::int64_t padding) {
  const auto n = static_cast<std::int64_t>(row.size());
  std::vector<L> logits;  // a row for each word that is looked for
  for (std::int64_t r = 0; r < n; ++r) {
    logits.insert(logits.end(), row.begin(), row.end());
    for (std::int64_t i = 0; i < padding; ++i)
      logits.push_back(i % 2 ? L(1000) : std::numeric_limits<L>::quiet_NaN());  // either would show
  }
  drawn_rows<B, L> rows(b, n, logits, n);
  std::vector<double> u(row.size());
  // Of each row the first k whose number draws word i + next or a later one. Both ends of a word are of the same row: on a
  // device rows that begin at another multiple of a number's size are added up in another order.
  const auto begins = [&](std::int32_t next) {
    std::vector<std::int64_t> first(row.size(), 0), last(row.size(), all_numbers);
    for (int halved = 0; halved <= 53; ++halved) {
      for (std::size_t i = 0; i < u.size(); ++i) u[i] = number(std::midpoint(first[i], last[i]));
      const auto found = rows.draw(u);
      for (std::size_t i = 0; i < u.size(); ++i)
        if (const auto middle = std::midpoint(first[i], last[i]); first[i] < last[i])
          found[i] >= static_cast<std::int32_t>(i) + next ? last[i] = middle : first[i] = middle + 1;
    }
    BOOST_TEST((first == last));
    return first;
  };
  const auto first = begins(0), end_of = begins(1);
  // Where words and blocks end is off by the roundings of double sums, of both ends and the whole.
  const double ends = 4.0 * static_cast<double>(supra::layer::draw_block + supra::layer::draw_blocks(static_cast<int>(n)) + 4),
               u53 = 0x1p-53;
  const probabilities<L> wanted(row);
  double worst = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double p = wanted.p[i], found = number(end_of[i] - first[i]), error = std::abs(found - p);
    worst = std::max(worst, p > 0 ? error / (wanted.off * p + ends * u53) : found > 0 ? 2 : 0);
  }
  BOOST_TEST(worst <= 1, name << ": a share is off by " << worst << " of what it may be");
  // and anywhere between, at both ends, and where a number has been rounded up to 1
  std::mt19937_64 random(3);
  std::vector<std::int64_t> k(row.size());
  for (auto& x : k) x = static_cast<std::int64_t>(random() >> 11);
  k[0] = 0, k[k.size() / 2] = all_numbers - 1;
  std::ranges::transform(k, u.begin(), number);
  const auto found = rows.draw(u);
  for (std::size_t i = 0; i < k.size(); ++i) {
    BOOST_TEST_REQUIRE((found[i] >= 0 && found[i] < n), name << ", " << u[i]);
    const auto word = static_cast<std::size_t>(found[i]);
    BOOST_TEST((first[word] <= k[i] && k[i] < end_of[word]), name << ": " << u[i] << " draws " << word);
  }
  std::int64_t end = n;
  while (wanted.p[static_cast<std::size_t>(end - 1)] == 0) --end;
  BOOST_TEST(rows.draw(std::vector<double>(u.size(), 1.0)).front() == end - 1, name);
}

template <class L>
std::vector<L> random_logits(std::int64_t n, double size, std::uint64_t seed) {
  std::mt19937_64 g(seed);
  std::normal_distribution<double> normal(0, size);
  std::vector<L> x(static_cast<std::size_t>(n));
  for (L& y : x) y = static_cast<L>(normal(g));
  return x;
}

// `wide`: rows of more than two blocks too.
template <class B, class L>
void check_shares(B& b, bool wide) {
  const L never = -std::numeric_limits<L>::infinity(), lowest = std::numeric_limits<L>::lowest();
  const auto size = static_cast<std::size_t>(wide ? 700 : 300);
  for (std::int64_t n : {1, 2, 255, 256, 257, 700})
    if (n < 300 || wide)
      for (std::int64_t padding : {0, 3})
        shares_are_probabilities<B, L>(b, std::to_string(n) + " words", random_logits<L>(n, 3, 7), padding);
  const auto check = [&](const char* name, auto logit) {
    std::vector<L> row(size);
    for (std::size_t i = 0; i < size; ++i) row[i] = static_cast<L>(logit(i));
    shares_are_probabilities<B, L>(b, name, row, 4);
  };
  check("equals", [](auto) { return 5; });
  check("equals, the lowest there are", [=](auto) { return lowest; });
  check("large ones", [](auto i) { return 1e4 + static_cast<double>(i % 7); });
  check("falling", [&](auto i) { return -30.0 * static_cast<double>(i) / static_cast<double>(size); });
  check("rising", [&](auto i) { return 30.0 * static_cast<double>(i) / static_cast<double>(size); });
  check("a likely word before unlikely ones", [](auto i) { return i == 0 ? 0 : -17; });
  check("words that cannot be", [=](auto i) { return i % 3 == 1 ? L(i % 5) : i % 2 ? never : lowest; });
  check("one block alone", [=](auto i) { return i >= 256 && i < 290 ? L(i % 2) : never; });
  check("the first block alone", [=](auto i) { return i < 256 ? L(i % 2) : never; });
  for (std::size_t one : {std::size_t{0}, std::size_t{130}, std::size_t{256}, size - 1})
    check("one word", [=](auto i) { return i == one ? L(-3) : i % 2 ? never : lowest; });
}

// No word of a row whose logits are not finite, or none of which can be; the rows beside it are drawn from.
template <class B, class L>
void check_refusals(B& b) {
  const L inf = std::numeric_limits<L>::infinity(), nan = std::numeric_limits<L>::quiet_NaN();
  const std::size_t n = 300;
  for (std::size_t at : {0u, 7u, 255u, 256u, 299u})
    for (L bad : {nan, -nan, inf}) {
      std::vector<L> logits(3 * n, L(1));
      logits[n + at] = bad;
      for (double u : {0.0, 0.301, number(all_numbers - 1)}) {
        const auto found = drawn_rows<B, L>(b, 300, logits, 3).draw({u, u, u});
        BOOST_TEST(found[1] == -1, bad << " at " << at);
        BOOST_TEST((found[0] == std::floor(300 * u) && found[2] == found[0]));
      }
      logits[n + (at + 260) % n] = bad;  // a second one, in another block or the same
      logits[n + (at + 1) % n] = -inf;
      BOOST_TEST((drawn_rows<B, L>(b, 300, logits, 3).draw({0.501, 0.501, 0.501}) == std::vector<std::int32_t>{150, -1, 150}));
    }
  BOOST_TEST((drawn_rows<B, L>(b, 300, std::vector<L>(n, -inf), 1).draw({0.5}) == std::vector<std::int32_t>{-1}));
}

// Vocabularies as models have them, several rows: each word within what its probabilities may be off.
template <class B, class L>
void check_vocabularies(B& b) {
  for (const auto& [words, vocab] : {std::pair<std::int64_t, std::int64_t>{49152, 49152}, {32003, 32064}, {50257, 50259}}) {
    const std::int64_t rows = 37;
    auto logits = random_logits<L>(rows * vocab, 2.5, 11);
    drawn_rows<B, L> all(b, words, logits, rows);
    std::mt19937_64 random(5);
    std::vector<double> u(static_cast<std::size_t>(rows));
    for (double& x : u) x = number(static_cast<std::int64_t>(random() >> 11));
    u.front() = 0, u.back() = number(all_numbers - 1);
    const auto found = all.draw(u);
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto row = logits.begin() + r * vocab;
      const probabilities<L> wanted(std::vector<L>(row, row + words));
      const std::int32_t word = found[static_cast<std::size_t>(r)];
      BOOST_TEST_REQUIRE((word >= 0 && word < words));
      double before = 0;
      for (std::int32_t i = 0; i < word; ++i) before += wanted.p[static_cast<std::size_t>(i)];
      const double after = before + wanted.p[static_cast<std::size_t>(word)], x = u[static_cast<std::size_t>(r)],
                   sums = 0x1p-53 * static_cast<double>(2 * words);
      const auto off = [&](double end) { return wanted.off * std::min(end, 1 - end) + sums; };
      BOOST_TEST((before - off(before) <= x && x <= after + off(after)),
                 "row " << r << ": " << x << " draws " << word << ", which has " << before << " to " << after);
    }
    BOOST_TEST(found.front() == 0);
    BOOST_TEST(found.back() == words - 1);  // a probability of 1e-7, far above 2^-53
  }
}

}  // namespace supra_test
