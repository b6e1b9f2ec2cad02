// Training steps that a backend records and replays, and steps that are launched one by one: the same bits, whatever comes
// between. What is recorded sees none of the host's numbers (../model/recording_backend.hpp), so a number that is not uploaded
// stays as it was in the step that was recorded.
#include "../io/temporary.hpp"
#include "../model/models.hpp"
#include "../model/recording_backend.hpp"
#include "supra/model/state.hpp"
#include "supra/train/trainer.hpp"
#include "supra/train/transfer.hpp"

using namespace supra_test;
namespace train = supra::train;
namespace model = supra::model;

namespace {

enum class aim { text, distill, transfer };

train::trainer_settings settings(std::int64_t accumulate = 2) {
  train::trainer_settings s;
  s.optimizer.lr = 5e-3, s.optimizer.lr_added = 1e-2;
  s.steps = 30, s.batch = 2, s.accumulate = accumulate, s.identity = "this run", s.dropout = {0.5, 0.5, 0, 2};
  return s;
}

template <class B>
struct run {
  made<float, B> student;
  std::unique_ptr<model::transformer<B, float>> teacher;  // on the same backend
  train::windows data;
  train::trainer<B, float> t;

  run(const model::config& c, aim by = aim::text, train::trainer_settings s = settings(), std::uint64_t seed = 3)
      : student(c, seed), data(random_tokens(c.vocab, 12 * 40 + 1, 5), 12, 1), t(student.b, student.m, data, s, what(c, by)) {}
  std::unique_ptr<train::objective<B, float>> what(model::config c, aim by) {
    if (by == aim::text) return nullptr;
    c.linear = false, c.attention = {};
    teacher = std::make_unique<model::transformer<B, float>>(student.b, c, registry<float, B>());
    teacher->load(some_values<float>(c, 8)), teacher->keep_no_activations();
    if (by == aim::distill) return std::make_unique<train::distill_objective<B, float>>(*teacher, student.m);
    return std::make_unique<train::transfer_objective<B, float>>(*teacher, student.m);
  }
};
using plain = run<backend>;
using recorded = run<recording_backend>;

void same(const train::step_result& x, const train::step_result& y, std::int64_t step) {
  BOOST_TEST_REQUIRE((x.loss == y.loss && x.norm == y.norm && x.rate == y.rate && x.parts == y.parts),
                     "step " << step << ": loss " << x.loss << " and " << y.loss << ", norm " << x.norm << " and " << y.norm);
}

}  // namespace

BOOST_AUTO_TEST_CASE(replayed_steps_are_the_launched) {
  for (auto& [name, c] : models_and_hybrids()) BOOST_TEST_CONTEXT(name) {
      plain a(c);
      recorded b(c);
      const std::int64_t steps = 26, other = 13;  // memory changes hands after this one
      for (std::int64_t s = 1; s <= steps; ++s) {
        const int before = b.student.b.replays;
        same(a.t.step(), b.t.step(), s);
        // A batch is launched, recorded at the next time and then replayed; what ends a step likewise. A hybrid has two kinds.
        const std::int64_t since = s > other ? s - other : s;
        if (since > (model::is_hybrid(c) ? 8 : 3)) BOOST_TEST(b.student.b.replays - before == 3, "step " << s);
        if (s == other)
          BOOST_TEST(train::evaluate(a.student.m, a.data, 3, 7) == train::evaluate(b.student.m, b.data, 3, 7));
      }
      BOOST_TEST((a.student.m.values() == b.student.m.values()));
    }
}

// A teacher on the same backend, and texts that the student writes between its steps.
BOOST_AUTO_TEST_CASE(beside_a_teacher_and_texts) {
  for (const char* name : {"student", "student, per token", "student, qk-norm", "student, rope before, window"})
    for (const aim by : {aim::distill, aim::transfer})
      BOOST_TEST_CONTEXT(name << (by == aim::distill ? "" : ", layer by layer")) {
        const auto c = models_and_hybrids().at(name);
        plain a(c, by, settings(1));
        recorded b(c, by, settings(1));
        model::generation<backend, float> g(a.student.m, 2);
        model::generation<recording_backend, float> h(b.student.m, 2);
        for (std::int64_t s = 1; s <= 24; ++s) {
          same(a.t.step(), b.t.step(), s);
          const auto ids = random_tokens(c.vocab, 2, static_cast<std::uint64_t>(s));
          BOOST_TEST((g.step(ids) == h.step(ids)));
        }
        BOOST_TEST(b.student.b.replays > 3 * 12);
        BOOST_TEST((a.student.m.values() == b.student.m.values()));
      }
}

// Settings that are not the same from one step to the next.
BOOST_AUTO_TEST_CASE(other_batches) {
  const auto c = models().at("student");
  plain a(c);
  recorded b(c);
  std::int64_t s = 0;
  for (const auto& [batch, accumulate] : std::initializer_list<std::pair<int, int>>{{2, 2}, {2, 1}, {4, 1}, {1, 3}})
    for (int i = 0; i < 5; ++i) {
      a.t.settings.batch = b.t.settings.batch = batch, a.t.settings.accumulate = b.t.settings.accumulate = accumulate;
      a.t.optimizer.settings.clip = b.t.optimizer.settings.clip = 1.0 / ++s;
      same(a.t.step(), b.t.step(), s);
    }
  BOOST_TEST(b.student.b.replays > 4 * 3);
  BOOST_TEST((a.student.m.values() == b.student.m.values()));
}

BOOST_AUTO_TEST_CASE(a_step_that_is_not_finite_and_a_resumed_run) {
  const temporary_folder folder;
  for (const char* name : {"teacher", "student", "student, per token, window"}) BOOST_TEST_CONTEXT(name) {
      const auto c = models_and_hybrids().at(name);
      plain whole(c);
      recorded broken(c), resumed(c, aim::text, settings(), 9);
      for (int i = 0; i < 20; ++i) whole.t.step();
      for (int i = 0; i < 10; ++i) broken.t.step();
      broken.t.save(folder / "checkpoint");
      auto bad = broken.student.m.values();
      bad[static_cast<std::size_t>(broken.student.m.layout.at("model.layers.1.mlp.up_proj.weight").offset)] =
          std::numeric_limits<float>::quiet_NaN();
      broken.student.m.load(bad);
      const int before = broken.student.b.replays;
      BOOST_CHECK_THROW(broken.t.step(), std::runtime_error);
      BOOST_TEST(broken.student.b.replays > before);
      const auto after = broken.student.m.values();
      BOOST_TEST((std::memcmp(after.data(), bad.data(), bad.size() * sizeof(float)) == 0));  // nothing changed
      for (auto* r : {&broken, &resumed}) {
        r->t.restore(folder / "checkpoint");
        for (int i = 0; i < 10; ++i) r->t.step();
        BOOST_TEST((r->student.m.values() == whole.student.m.values()));
      }
    }
}

BOOST_AUTO_TEST_CASE(one_by_one_where_that_is_asked) {
  const auto c = models().at("student");
  auto s = settings();
  s.repeats = false;
  recorded a(c, aim::text, s), b(c);
  for (int i = 1; i <= 10; ++i) same(a.t.step(), b.t.step(), i);
  BOOST_TEST(a.student.b.replays == 0);
  BOOST_TEST(b.student.b.replays > 0);
}
