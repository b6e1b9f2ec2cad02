// Which steps are of the linear branch alone: as many as the chance says, the same ones each time; what such a step trains; a
// run that was broken off goes on to the same bits.
#include "supra/train/window_dropout.hpp"

#include "../io/temporary.hpp"
#include "../model/models.hpp"
#include "supra/train/trainer.hpp"

using namespace supra_test;
using supra::model::branches;
using supra::train::trainer;
using supra::train::window_dropout;

namespace {
const char* const name = "student, output gate, window";

supra::train::windows data() { return {random_tokens(29, 601, 5), 24, 1}; }
supra::train::trainer_settings settings(std::int64_t steps, const window_dropout& d) {
  supra::train::trainer_settings s;
  s.optimizer.lr = 5e-3, s.optimizer.lr_added = 1e-2;
  s.steps = steps, s.batch = 2, s.accumulate = 2, s.dropout = d;
  return s;
}
}  // namespace

BOOST_AUTO_TEST_CASE(the_chance_falls_on_a_line_and_steps_follow_it) {
  const window_dropout d{.first = 0.6, .last = 0.2, .steps = 40000, .seed = 3};
  BOOST_TEST((d.chance(0) == 0.6 && std::abs(d.chance(20000) - 0.4) < 1e-12 && std::abs(d.chance(40000) - 0.2) < 1e-12));
  int early = 0, late = 0;
  for (std::int64_t i = 0; i < 20000; ++i) {
    early += d.drops(i), late += d.drops(20000 + i);
    BOOST_REQUIRE(!(window_dropout{.first = 0, .last = 0, .steps = 10, .seed = 3}.drops(i)));
    BOOST_REQUIRE((window_dropout{.first = 1, .last = 1, .steps = 10, .seed = 3}.drops(i)));
  }
  std::uint64_t pattern = 0;  // of the first 64 steps: runs that were begun before go on with theirs
  for (int i = 0; i < 64; ++i)
    pattern |= std::uint64_t{window_dropout{.first = .5, .last = .5, .steps = 100, .seed = 3}.drops(i)} << i;
  BOOST_TEST(pattern == 0x57e93fac20a0cb80u);
  BOOST_TEST((d.chance(50000) == d.last && window_dropout{.first = .3}.chance(7) == .3));
  BOOST_TEST(std::abs(early - 10000) < 5 * 71);  // the mean chance is a half, then .3: five deviations of the binomial
  BOOST_TEST(std::abs(late - 6000) < 5 * 65);
  int apart = 0;
  for (std::int64_t i = 0; i < 1000; ++i) apart += d.drops(i) != (window_dropout{d.first, d.last, d.steps, 4}).drops(i);
  BOOST_TEST((apart > 300 && apart < 700));
}

// One step's gradient is that of the linear branch, or of both, and the model runs both again afterwards.
BOOST_AUTO_TEST_CASE(a_step_trains_what_it_ran) {
  const auto c = hybrids().at(name);
  const auto w = data();
  for (const double p : {0.0, 1.0}) {
    made<double> a(c), b(c);
    trainer<backend, double> t(a.b, a.m, w, settings(9, {.first = p, .last = p, .steps = 9}));
    const double told = t.step().loss;
    double sum = 0;
    for (std::int64_t i = 0; i < 2; ++i) {
      const auto x = w.take(2 * i, 2);
      b.m.attention.run = p > 0 ? branches::linear : branches::both;
      b.m.forward(x.ids, 2, 24), sum += b.m.loss(x.targets);
    }
    BOOST_TEST(std::abs(told - sum / 96) < 1e-12);
    BOOST_TEST((a.m.attention.run == branches::both));
    const auto before = some_values<double>(c), after = a.m.values();
    const auto& mix = a.m.layout.at("model.layers.0.self_attn.branch_mix");
    BOOST_TEST(std::equal(before.begin() + mix.offset, before.begin() + mix.offset + mix.size, after.begin() + mix.offset) ==
               (p > 0));
  }
}

BOOST_AUTO_TEST_CASE(a_resumed_run_ends_in_the_same_bits) {
  const auto c = hybrids().at(name);
  const auto w = data();
  const temporary_folder folder;
  const window_dropout d{.first = 0.5, .last = 0.25, .steps = 12, .seed = 7};
  int dropped = 0;
  for (int i = 0; i < 12; ++i) dropped += d.drops(i);
  BOOST_TEST_REQUIRE((dropped > 1 && dropped < 11));
  made<float> whole(c), first(c), second(c, 9);
  trainer<backend, float> t(whole.b, whole.m, w, settings(12, d)), u(first.b, first.m, w, settings(12, d)),
      v(second.b, second.m, w, settings(12, d));
  for (int i = 0; i < 12; ++i) t.step();
  for (int i = 0; i < 5; ++i) u.step();
  u.save(folder / "checkpoint");
  v.restore(folder / "checkpoint");
  for (int i = 0; i < 7; ++i) v.step();
  BOOST_TEST((whole.m.values() == second.m.values()));
}

// Its losses are those of a model whose branch is chosen by hand.
BOOST_AUTO_TEST_CASE(held_out_losses_of_the_branches) {
  const auto c = hybrids().at(name);
  const auto w = data();
  made<double> a(c);
  for (auto run : {branches::linear, branches::window, branches::both}) {
    const double loss = supra::train::evaluate(a.m, w, 3, 6, run);
    BOOST_TEST((a.m.attention.run == branches::both));
    double sum = 0;
    for (std::int64_t i = 0; i < 6; ++i) {
      const auto x = w.in_order(i, 1, 6);
      a.m.attention.run = run, a.m.forward(x.ids, 1, 24), sum += a.m.loss(x.targets);
    }
    a.m.attention.run = branches::both;
    BOOST_TEST(std::abs(loss - sum / (6 * 24)) < 1e-12);
  }
}
