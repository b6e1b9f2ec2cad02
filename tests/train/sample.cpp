// Sampling: the likeliest, the right frequencies, only the likeliest tokens of total probability top_p, the seed repeats.
#include "supra/train/sample.hpp"

#include <numeric>
#include <random>

#include "test.hpp"

using supra::train::sampler;

BOOST_AUTO_TEST_CASE(temperature_zero_takes_the_likeliest) {
  sampler s(0, 1, 1);
  BOOST_TEST(s(std::vector<float>{0.5f, 3, -1, 3}) == 1);
}

BOOST_AUTO_TEST_CASE(frequencies_are_the_probabilities) {
  const std::vector<double> logits = {std::log(0.5), std::log(0.3), std::log(0.2)};
  auto shares = [&](double temperature, double top_p) {
    sampler s(temperature, top_p, 3);
    std::vector<double> n(3, 0);
    for (int i = 0; i < 40000; ++i) n[static_cast<std::size_t>(s(logits))] += 1.0 / 40000;
    return n;
  };
  const auto plain = shares(1, 1), sharp = shares(0.5, 1), cut = shares(1, 0.6);
  const double most = 0.0125;                            // five standard errors of a share of one half
  for (int i = 0; i < 3; ++i) BOOST_TEST(std::abs(plain[i] - std::exp(logits[i])) < most);
  BOOST_TEST(std::abs(sharp[0] - 0.25 / 0.38) < most);   // squares of the probabilities
  BOOST_TEST(std::abs(cut[0] - 0.5 / 0.8) < most);
  BOOST_TEST(cut[2] == 0);
  BOOST_TEST(shares(1, 0.1)[0] == 1, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(a_seed_repeats) {
  const std::vector<float> flat(50, 0.0f);
  sampler a(1, 1, 7), b(1, 1, 7), c(1, 1, 8);
  int same = 0;
  for (int i = 0; i < 100; ++i) {
    const auto x = a(flat);
    BOOST_TEST(x == b(flat));
    same += x == c(flat);
  }
  BOOST_TEST(same < 20);
}

// The token at which the sum of probabilities passes a share of what is kept: of all tokens in their order, of only the
// likeliest with these first, and of equals the first.
BOOST_AUTO_TEST_CASE(draws_walk_over_what_is_kept) {
  std::mt19937_64 numbers(4);
  for (int run = 0; run < 200; ++run) {
    std::vector<double> logits(300), p;
    for (double& x : logits) x = static_cast<double>(numbers() % 40) / 8;  // with equals among them
    for (double x : logits) p.push_back(std::exp(x));
    std::vector<std::size_t> order(p.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (const double top_p : {1.0, 0.7, 0.02}) {
      if (top_p < 1) std::ranges::stable_sort(order, [&](auto a, auto b) { return p[a] > p[b]; });
      const double all = std::accumulate(p.begin(), p.end(), 0.0);
      double kept = 0, sum = 0;
      for (std::size_t i = 0; i < order.size() && (i == 0 || kept < top_p * all); ++i) kept += p[order[i]];
      const double at = static_cast<double>(std::mt19937_64(static_cast<std::uint64_t>(run))() >> 11) * 0x1p-53 * kept;
      std::size_t i = 0;
      while ((sum += p[order[i]]) <= at) ++i;
      BOOST_TEST(sampler(1, top_p, static_cast<std::uint64_t>(run))(logits) == static_cast<std::int32_t>(order[i]));
    }
  }
}

// Tokens of no probability are never drawn, be they the first or the last.
BOOST_AUTO_TEST_CASE(what_cannot_be_is_not_drawn) {
  const float never = -std::numeric_limits<float>::infinity();
  const std::vector<float> logits = {never, 0, never, 0, never, never};
  for (const double top_p : {1.0, 0.9, 0.1}) {
    sampler s(1, top_p, 3);
    std::vector<int> seen(logits.size(), 0);
    for (int i = 0; i < 100; ++i) ++seen[static_cast<std::size_t>(s(logits))];
    BOOST_TEST(seen[1] + seen[3] == 100);
    BOOST_TEST((seen[3] > 0) == (top_p > 0.5));
  }
}
