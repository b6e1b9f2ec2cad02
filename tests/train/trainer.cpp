// Training: the loss falls, a run that was broken off goes on to the same bits, bad numbers and foreign checkpoints stop it.
#include "supra/train/trainer.hpp"

#include "../io/temporary.hpp"
#include "../model/models.hpp"

using namespace supra_test;
using supra::train::trainer;
using supra::train::windows;

namespace {

// A stream with something to learn: each token is mostly the one before it plus 3.
windows data(std::int64_t vocab, std::uint64_t seed = 1) {
  std::mt19937_64 g(5);
  std::vector<std::int32_t> s = {0};
  while (s.size() < 1201)
    s.push_back(static_cast<std::int32_t>(g() % 8 == 0
                                              ? g() % static_cast<std::uint64_t>(vocab)
                                              : static_cast<std::uint64_t>(s.back() + 3) % static_cast<std::uint64_t>(vocab)));
  return {s, 12, seed};
}

supra::train::trainer_settings settings(std::int64_t steps, std::int64_t accumulate = 1) {
  supra::train::trainer_settings s;
  s.optimizer.lr = 5e-3, s.optimizer.lr_added = 1e-2;
  s.steps = steps, s.batch = 4, s.accumulate = accumulate, s.identity = "this run";
  return s;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_loss_falls) {
  for (const char* name : {"teacher", "student", "student, per token"}) BOOST_TEST_CONTEXT(name) {
    const auto c = models().at(name);
    made<float> a(c);
    const auto w = data(c.vocab);
    trainer<backend, float> t(a.b, a.m, w, settings(120));
    const double before = supra::train::evaluate(a.m, w, 8);
    for (int i = 0; i < 120; ++i) t.step();
    const double after = supra::train::evaluate(a.m, w, 8);
    BOOST_TEST(after < 0.5 * before, before << " -> " << after);
    BOOST_TEST(supra::train::evaluate(a.m, w, 7) == after, boost::test_tools::tolerance(1e-5));
  }
}

BOOST_AUTO_TEST_CASE(a_resumed_run_ends_in_the_same_bits) {
  for (auto& [name, c] : models()) BOOST_TEST_CONTEXT(name) {
    const temporary_folder folder;
    const auto w = data(c.vocab);
    made<float> whole(c), first(c), second(c, 9);        // the second starts from other weights: all must come from the file
    trainer<backend, float> t(whole.b, whole.m, w, settings(6, 2)), u(first.b, first.m, w, settings(6, 2)),
        v(second.b, second.m, w, settings(6, 2));
    for (int i = 0; i < 6; ++i) t.step();
    for (int i = 0; i < 3; ++i) u.step();
    u.save(folder / "checkpoint");
    u.step();
    v.restore(folder / "checkpoint");
    BOOST_TEST(v.done == 3);
    for (int i = 0; i < 3; ++i) v.step();
    BOOST_TEST((whole.m.values() == second.m.values()));
  }
}

BOOST_AUTO_TEST_CASE(batches_in_parts_are_one_batch) {
  const auto c = models().at("student");
  const auto w = data(c.vocab);
  made<double> a(c), b(c);
  auto one = settings(2), parts = settings(2, 2);
  one.batch = 4, parts.batch = 2;
  const auto text = [](auto& m) { return std::make_unique<supra::train::text_objective<backend, double>>(m.m, 1e-2); };
  trainer<backend, double> t(a.b, a.m, w, one, text(a)), u(b.b, b.m, w, parts, text(b));
  const auto r = t.step(), q = u.step();
  BOOST_TEST(r.loss == q.loss, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(r.norm == q.norm, boost::test_tools::tolerance(1e-10));
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite_stop_the_run) {
  const auto c = models().at("student");
  const auto w = data(c.vocab);
  made<float> a(c);
  trainer<backend, float> t(a.b, a.m, w, settings(9));
  t.step();
  auto values = a.m.values();
  auto& t0 = a.m.layout.at("model.layers.1.mlp.up_proj.weight");
  values[static_cast<std::size_t>(t0.offset)] = std::numeric_limits<float>::infinity();
  a.m.load(values);
  BOOST_CHECK_EXCEPTION(t.step(), std::runtime_error, [](auto& e) {
    return says("step 1")(e) && says("mlp.up_proj.weight")(e) && says("not a finite number")(e);
  });
  BOOST_TEST((a.m.values() == values));                  // nothing was changed
  BOOST_TEST(t.done == 1);
}

// What a failed step left in the gradients is gone: restored, the run goes on to the bits of one that never failed.
BOOST_AUTO_TEST_CASE(a_run_goes_on_after_a_failed_step) {
  const temporary_folder folder;
  const auto c = models().at("student");
  const auto w = data(c.vocab);
  made<float> a(c), whole(c);
  trainer<backend, float> t(a.b, a.m, w, settings(9)), u(whole.b, whole.m, w, settings(9));
  t.step(), t.save(folder / "c");
  auto values = a.m.values();
  values[static_cast<std::size_t>(a.m.layout.at("model.layers.1.mlp.up_proj.weight").offset)] =
      std::numeric_limits<float>::quiet_NaN();
  a.m.load(values);
  BOOST_CHECK_THROW(t.step(), std::runtime_error);
  t.restore(folder / "c");
  t.step();
  u.step(), u.step();
  BOOST_TEST((a.m.values() == whole.m.values()));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_of_another_run_is_refused) {
  const temporary_folder folder;
  const auto c = models().at("student");
  const auto w = data(c.vocab);
  made<float> a(c);
  trainer<backend, float> t(a.b, a.m, w, settings(9));
  t.save(folder / "c");
  t.save(folder / "c");                                  // a newer one takes its place
  auto other = settings(9);
  other.identity = "that run";
  trainer<backend, float> u(a.b, a.m, w, other);
  BOOST_CHECK_EXCEPTION(u.restore(folder / "c"), supra::io::error, says("\"this run\" then, \"that run\" now"));
  made<float> b(models().at("teacher"));
  trainer<backend, float> v(b.b, b.m, w, settings(9));
  BOOST_CHECK_EXCEPTION(v.restore(folder / "c"), supra::io::error, says("numbers"));
  supra::io::write_safetensors(folder / "d", {});
  BOOST_CHECK_EXCEPTION(t.restore(folder / "d"), supra::io::error, says("is not a training checkpoint"));
}
