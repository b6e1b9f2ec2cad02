// A student's step on a backend that records it and launches it again, as devices do: kernels read ids and positions where they
// are uploaded, so that every replay is the next step.
#include "models.hpp"
#include "recording_backend.hpp"
#include "supra/model/state.hpp"
#include "supra/train/sample.hpp"

using namespace supra_test;

namespace {
// f(generation on a plain backend, the same on one that records, that backend, the model) of two texts of every student.
template <class F>
void each_student(F f) {
  for (auto& [name, c] : models_and_hybrids()) BOOST_TEST_CONTEXT(name) {
      if (!c.linear) continue;
      made<double> plain(c);
      made<double, recording_backend> recorded(c);
      supra::model::generation g(plain.m, 2);
      supra::model::generation h(recorded.m, 2);
      f(g, h, recorded.b, c);
    }
}
}  // namespace

BOOST_AUTO_TEST_CASE(every_replay_is_the_next_step) {
  each_student([](auto& g, auto& h, const auto& b, const auto& c) {
    const std::int64_t steps = 40;
    for (std::int64_t t = 0; t < steps; ++t) {
      const auto ids = random_tokens(c.vocab, 2, static_cast<std::uint64_t>(t));
      const auto wanted = g.step(ids), found = h.step(ids);
      BOOST_TEST_REQUIRE((found == wanted), "step " << t);
      if (t == 20) g.feed(random_tokens(c.vocab, 2 * 5, 99), 5), h.feed(random_tokens(c.vocab, 2 * 5, 99), 5);
    }
    // The first step takes memory, the second does not, the third is recorded; so again after a prompt in the middle, but for
    // the first.
    BOOST_TEST(b.replays == steps - 5);
  });
}

// What is drawn after a replay is what the logits of that step give; drawing keeps its memory, so steps are replayed.
BOOST_AUTO_TEST_CASE(draws_leave_replays_alone) {
  each_student([](auto& g, auto& h, const auto& b, const auto& c) {
    auto ids = random_tokens(c.vocab, 2, 1);
    std::mt19937_64 random(2);
    for (int t = 0; t < 20; ++t) {
      const std::vector<double> u = {supra::train::uniform(random), supra::train::uniform(random)};
      const auto wanted = g.draw(ids, u, c.vocab), found = h.draw(ids, u, c.vocab);
      BOOST_TEST_REQUIRE((found == wanted), "step " << t);
      ids = wanted;
    }
    BOOST_TEST(b.replays == 20 - 3);
  });
}
