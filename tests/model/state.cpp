// Generation: one token after another gives the logits that all tokens at once give; states go back, and copy.
#include "supra/model/state.hpp"

#include <set>

#include "models.hpp"
#include "supra/train/sample.hpp"

using namespace supra_test;

namespace {

// Feeds the text in pieces of the given lengths and compares the logits after each piece.
template <class T>
void same_as_parallel(const supra::model::config& c, std::int64_t count, std::int64_t length, std::vector<std::int64_t> pieces,
                      double most) {
  made<T> all(c), one(c);
  const auto ids = random_tokens(c.vocab, count * length, 5);
  all.m.forward(ids, count, length);
  const auto wanted = all.m.logits();
  supra::model::generation g(one.m, count);
  std::int64_t t = 0;
  for (std::size_t i = 0; t < length; ++i) {
    const std::int64_t n = std::min(pieces[i % pieces.size()], length - t);
    std::vector<std::int32_t> part;
    for (std::int64_t s = 0; s < count; ++s)
      part.insert(part.end(), ids.begin() + s * length + t, ids.begin() + s * length + t + n);
    const auto& found = g.feed(part, n);
    t += n;
    double difference = 0, size = 0;
    for (std::int64_t s = 0; s < count; ++s)
      for (std::int64_t v = 0; v < c.vocab; ++v) {
        const double w = wanted[static_cast<std::size_t>((s * length + t - 1) * c.vocab + v)],
                     f = found[static_cast<std::size_t>(s * c.vocab + v)];
        difference = std::max(difference, std::abs(w - f)), size = std::max(size, std::abs(w));
      }
    BOOST_TEST(difference <= most * size, "after token " << t << ": largest difference " << difference << " of " << size);
  }
  BOOST_TEST(g.position() == length);
}

template <class T> void all_models(double most) {
  for (auto& [name, c] : models_and_hybrids())
    for (auto pieces : {std::vector<std::int64_t>{1}, {7, 1, 1, 5}, {300}})
      BOOST_TEST_CONTEXT(name) same_as_parallel<T>(c, 2, 41, pieces, most);
}
// Windows shorter than a piece and longer than the text; a prompt that ends before the window is full, and beyond it.
template <class T> void all_windows(double most) {
  for (auto& [name, c] : hybrids())
    for (std::int64_t window : {1, 3, 8, 20, 100})
      for (auto pieces : {std::vector<std::int64_t>{1}, {2, 1, 1, 5, 1, 9}, {25, 1, 1, 1}})
        BOOST_TEST_CONTEXT(name << " " << window) {
          auto other = c;
          other.attention.window = window;
          same_as_parallel<T>(other, 3, 41, pieces, most);
        }
}

}  // namespace

BOOST_AUTO_TEST_CASE(tokens_one_by_one_in_double) { all_models<double>(1e-11); }
BOOST_AUTO_TEST_CASE(tokens_one_by_one_in_float) { all_models<float>(2e-4); }
BOOST_AUTO_TEST_CASE(windows_one_by_one_in_double) { all_windows<double>(1e-11); }
BOOST_AUTO_TEST_CASE(windows_one_by_one_in_float) { all_windows<float>(2e-4); }
BOOST_AUTO_TEST_CASE(a_prompt_longer_than_a_piece) {
  for (auto name : {"teacher, window", "student, output gate, window"})
    same_as_parallel<double>(models_and_hybrids().at(name), 1, 600, {550, 1}, 1e-11);
}

BOOST_AUTO_TEST_CASE(going_back_gives_the_same_again) {
  for (auto& [name, c] : models_and_hybrids()) BOOST_TEST_CONTEXT(name) {
    made<float> a(c);
    supra::model::generation g(a.m, 1), other(a.m, 1);
    const auto ids = random_tokens(c.vocab, 30, 9);
    const std::span<const std::int32_t> all(ids);
    g.feed(all.first(20), 20);
    const auto at = g.snapshot();
    const auto first = g.feed(all.subspan(20), 10);
    g.restore(at);
    BOOST_TEST(g.position() == 20);
    BOOST_TEST((g.feed(all.subspan(20), 10) == first));
    other.restore(at);                                  // a copy in another generation
    BOOST_TEST((other.feed(all.subspan(20), 10) == first));
    supra::model::generation two(a.m, 2);
    BOOST_CHECK_THROW(two.restore(at), std::invalid_argument);
  }
}

// Before the window is full, as it becomes full, and anywhere in the ring; in the place of another text's memory.
BOOST_AUTO_TEST_CASE(windows_go_back_and_are_spread) {
  for (auto& [name, c] : hybrids())
    for (std::int64_t window : {1, 3, 8})
      for (std::int64_t read : {1, 2, 7, 8, 9, 20}) BOOST_TEST_CONTEXT(name << ", window " << window << ", after " << read) {
          auto of = c;
          of.attention.window = window;
          made<double> a(of);
          supra::model::plain_decoder<backend, double> weights(a.m);
          supra::model::generation<backend, double> text(weights, 1), other(weights, 1), many(weights, 3);
          text.feed(random_tokens(c.vocab, read, 1), read), other.feed(random_tokens(c.vocab, 5, 2), 5);
          many.feed(random_tokens(c.vocab, 3 * 11, 3), 11);
          const auto at = text.snapshot();
          BOOST_TEST(at.filled == std::min(read, window - 1));
          const auto ahead = other.snapshot();
          other.restore(at), many.spread(text);
          for (std::uint64_t t = 0; t < 12; ++t) {
            const auto ids = random_tokens(c.vocab, 3, t);
            const auto wanted = text.step({ids.begin() + 1, ids.begin() + 2});
            BOOST_TEST((other.step({ids.begin() + 1, ids.begin() + 2}) == wanted));
            const auto& all = many.step(ids);
            double most = 0;
            for (std::int64_t v = 0; v < c.vocab; ++v)
              most = std::max(most, std::abs(all[static_cast<std::size_t>(c.vocab + v)] - wanted[static_cast<std::size_t>(v)]));
            BOOST_TEST(most < 1e-11);
          }
          auto wrong = ahead;  // as many numbers as there are, of a text that would have others in sight
          wrong.position = 20;
          if (window == 8) BOOST_CHECK_THROW(other.restore(wrong), std::invalid_argument);
        }
}

BOOST_AUTO_TEST_CASE(a_students_memory_is_constant) {
  made<float> student(models().at("student")), teacher(models().at("teacher")), window(models().at("teacher, window"));
  auto grown = [](auto& m, std::int64_t n) {
    supra::model::generation g(m, 1);
    g.feed(random_tokens(m.c.vocab, n, 1), n);
    return g.bytes();
  };
  BOOST_TEST(grown(student.m, 10) == grown(student.m, 900));
  BOOST_TEST(grown(teacher.m, 10) < grown(teacher.m, 900));
  made<float> hybrid(hybrids().at("student, window"));  // the same states, and five keys and values a layer
  BOOST_TEST(grown(hybrid.m, 1) == grown(student.m, 10) + 2 * 2 * 5 * 24 * 4);
  BOOST_TEST(grown(hybrid.m, 900) == grown(hybrid.m, 1));
  const auto& c = window.m.c;                           // never more than two windows and a piece of a prompt
  BOOST_TEST(grown(window.m, 2000) <= 2 * c.layers * c.kv_heads * c.head_dim * 4 * (2 * c.sliding_window + 256));
}

BOOST_AUTO_TEST_CASE(wrong_tokens_are_refused) {
  made<float> a(models().at("student"));
  supra::model::generation g(a.m, 2);
  BOOST_CHECK_THROW(g.step(std::vector<std::int32_t>{1}), std::invalid_argument);
  BOOST_CHECK_THROW(g.step(std::vector<std::int32_t>{1, -1}), std::invalid_argument);
  BOOST_CHECK_THROW(g.step(std::vector<std::int32_t>{1, static_cast<std::int32_t>(a.m.c.vocab)}), std::invalid_argument);
  BOOST_TEST(g.position() == 0);
}

// Tokens are those that a step's logits give, whatever the model, and of the words asked for alone; texts go on from them.
template <class T> void draws_from_steps() {
  for (auto& [name, c] : models_and_hybrids()) BOOST_TEST_CONTEXT(name) {
      made<T> a(c);
      const std::int64_t count = 3, words = c.vocab - 2;
      supra::model::generation drawn(a.m, count), stepped(a.m, count);
      using A = supra::accumulator_t<T>;
      supra::layer::row_draws<backend, A> draws;
      std::mt19937_64 random(8);
      auto ids = random_tokens(c.vocab, count, 5);
      std::set<std::int32_t> seen;
      for (int t = 0; t < 40; ++t) {
        std::vector<double> u(count);
        for (double& x : u) x = supra::train::uniform(random);
        const auto logits = stepped.step(ids);
        const auto next = drawn.draw(ids, u, words);
        BOOST_TEST_REQUIRE((next == draws(a.b, logits.data(), c.vocab, words, u)), "step " << t);
        seen.insert(next.begin(), next.end()), ids = next;
      }
      BOOST_TEST((*seen.begin() >= 0 && *seen.rbegin() < words && seen.size() > 10));
      BOOST_TEST(drawn.position() == 40);
      BOOST_TEST(drawn.logits().empty());
      BOOST_TEST((drawn.step(ids) == stepped.step(ids)));
    }
}
BOOST_AUTO_TEST_CASE(draws_are_those_of_the_logits) { draws_from_steps<double>(), draws_from_steps<float>(); }
BOOST_AUTO_TEST_CASE(wrong_draws_are_refused) {
  made<float> a(models().at("student"));
  supra::model::generation g(a.m, 2);
  const std::vector<std::int32_t> ids = {1, 2};
  const std::vector<double> u = {0.5, 0.5};
  BOOST_CHECK_THROW(g.draw(ids, std::span(u).first(1), 3), std::invalid_argument);
  BOOST_CHECK_THROW(g.draw(ids, u, 0), std::invalid_argument);
  BOOST_CHECK_THROW(g.draw(ids, u, a.m.c.vocab + 1), std::invalid_argument);
  BOOST_TEST(g.position() == 0);
}

// Losses and whether a target is the likeliest, over several pieces some of which predict nothing, against all logits at once.
BOOST_AUTO_TEST_CASE(scores_say_which_targets_are_the_likeliest) {
  for (auto& name : {"teacher", "student, per token"}) BOOST_TEST_CONTEXT(name) {
    const auto c = models().at(name);
    made<double> a(c);
    const std::int64_t count = 2, length = 600;
    const auto ids = random_tokens(c.vocab, count * length, 5), random = random_tokens(c.vocab, count * length, 6);
    a.m.forward(ids, count, length);
    const auto logits = a.m.logits();
    std::vector<std::int32_t> targets(ids.size(), -1);
    std::vector<double> each, wanted(ids.size(), 0);
    std::vector<char> likeliest, hits(ids.size(), 0);
    double sum = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (i % 600 >= 256 && i % 600 < 520) continue;  // the second piece, and a part of the third
      const double* row = logits.data() + static_cast<std::int64_t>(i) * c.vocab;
      const auto best = std::max_element(row, row + c.vocab) - row;
      targets[i] = i % 2 ? static_cast<std::int32_t>(best) : random[i];
      double all = 0;
      for (std::int64_t v = 0; v < c.vocab; ++v) all += std::exp(row[v]);
      sum += wanted[i] = std::log(all) - row[targets[i]], hits[i] = targets[i] == best;
    }
    supra::model::generation g(a.m, count), h(a.m, count);
    BOOST_TEST(g.score(ids, targets, length, &each, &likeliest) == sum, boost::test_tools::tolerance(1e-10));
    BOOST_TEST(h.score(ids, targets, length) == sum, boost::test_tools::tolerance(1e-10));
    BOOST_TEST((likeliest == hits));
    for (std::size_t i = 0; i < ids.size(); ++i) BOOST_TEST(std::abs(each[i] - wanted[i]) < 1e-10);
  }
}
