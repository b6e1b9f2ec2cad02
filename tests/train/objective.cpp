// What a step minimises: losses are those of the definitions, a step in parts is one step, gradients against differences,
// teachers that keep nothing, runs broken off and bad numbers while distilling.
#include "supra/train/objective.hpp"

#include <tuple>

#include "../io/temporary.hpp"
#include "../layer/gradients.hpp"
#include "../model/models.hpp"
#include "supra/model/linearize.hpp"
#include "supra/train/trainer.hpp"

using namespace supra_test;
namespace train = supra::train;
using supra::layer::distillation_weights;

namespace {

const std::vector<std::string> students = {"student", "student, qk-norm", "student, hedgehog", "student, per token",
                                           "student, no map", "student, output gate", "student, rope before",
                                           "student, deep maps", "student, wide maps"};

train::windows data(std::int64_t vocab) { return {random_tokens(vocab, 401, 5), 12, 1}; }
train::trainer_settings settings(std::int64_t steps, std::int64_t accumulate = 1, std::int64_t batch = 4) {
  train::trainer_settings s;
  s.optimizer.lr = 5e-3, s.optimizer.lr_added = 1e-2;
  s.steps = steps, s.batch = batch, s.accumulate = accumulate, s.identity = "this run";
  return s;
}

// A teacher of another width than its student.
supra::model::config teacher_config() {
  auto c = models().at("teacher, window");
  c.dim = 20, c.layers = 1;
  return c;
}
template <class T, class B = backend>
struct pair {
  made<T, B> student;
  supra::model::transformer<B, T> teacher;
  explicit pair(const supra::model::config& c, std::uint64_t seed = 3)
      : student(c, seed), teacher(student.b, teacher_config(), registry<T, B>()) {
    teacher.load(some_values<supra::accumulator_t<T>>(teacher_config(), 8));
  }
  std::unique_ptr<train::objective<B, T>> distill(distillation_weights w = {}) {
    return std::make_unique<train::distill_objective<B, T>>(teacher, student.m, w);
  }
};

// KL and cross-entropy by logits, summed over predictions.
std::pair<double, double> definition(supra::model::transformer<backend, double>& student,
                                     supra::model::transformer<backend, double>& teacher, const train::batch& x,
                                     std::int64_t count, std::int64_t length, double* z = nullptr) {
  student.forward(x.ids, count, length), teacher.forward(x.ids, count, length);
  const auto s = student.logits(), t = teacher.logits();
  const auto vocab = static_cast<std::size_t>(student.c.vocab);
  double kl = 0, ce = 0;
  for (std::size_t i = 0; i < x.ids.size(); ++i) {
    double sum_s = 0, sum_t = 0;
    for (std::size_t v = 0; v < vocab; ++v) sum_s += std::exp(s[i * vocab + v]), sum_t += std::exp(t[i * vocab + v]);
    for (std::size_t v = 0; v < vocab; ++v) {
      const double p = s[i * vocab + v] - std::log(sum_s), q = t[i * vocab + v] - std::log(sum_t);
      kl += std::exp(q) * (q - p), ce -= static_cast<std::int32_t>(v) == x.targets[i] ? p : 0;
    }
    if (z) *z += std::log(sum_s) * std::log(sum_s);
  }
  return {kl, ce};
}

using storages = std::tuple<float, supra::bf16>;
}  // namespace

BOOST_AUTO_TEST_CASE(a_step_tells_divergence_and_cross_entropy) {
  pair<double> a(models().at("student"));
  const auto w = data(29);
  train::trainer<backend, double> t(a.student.b, a.student.m, w, settings(3, 2), a.distill({0.7, 0.2, 0}));
  const auto x = w.take(0, 8);  // both batches of the first step
  const auto [kl, ce] = definition(a.student.m, a.teacher, x, 8, 12);
  const auto r = t.step();
  BOOST_TEST_REQUIRE(r.parts.size() == 2u);
  BOOST_TEST(r.parts[0].first == "kl");
  BOOST_TEST(r.parts[1].first == "ce");
  BOOST_TEST(r.parts[0].second == kl / 96, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(r.parts[1].second == ce / 96, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(r.loss == (0.7 * kl + 0.2 * ce) / 96, boost::test_tools::tolerance(1e-12));
}

// Every tensor's gradient, through the model, against differences of the definition.
BOOST_AUTO_TEST_CASE(gradients) {
  for (auto& name : students) BOOST_TEST_CONTEXT(name) {
      pair<double> a(models().at(name));
      const auto x = data(29).take(0, 2);
      const distillation_weights weights{0.8, 0.3, 0.02};
      numbers g(static_cast<std::size_t>(a.student.m.layout.size()), 0);
      double losses[2] = {};
      const auto what = a.distill(weights);
      what->upload(x, 2, 12), what->launch(1, g.data(), losses);
      check_along_directions(a.student.m.layout, a.student.m.values(), g, [&](const numbers& values) {
        a.student.m.load(values);
        double z = 0;
        const auto [kl, ce] = definition(a.student.m, a.teacher, x, 2, 12, &z);
        return (weights.kl * kl + weights.ce * ce + weights.z * z) / 24;
      });
    }
}

// Nothing to learn from oneself; with the text's weight alone it is the text's objective.
BOOST_AUTO_TEST_CASE(a_model_taught_by_itself) {
  const auto c = models().at("student");
  made<float> a(c);
  supra::model::transformer<backend, float> same(a.b, c, registry<float>());
  same.load(a.m.values());
  const auto w = data(c.vocab);
  train::trainer<backend, float> t(
      a.b, a.m, w, settings(3),
      std::make_unique<train::distill_objective<backend, float>>(same, a.m, distillation_weights{1, 0, 0}));
  const auto r = t.step();
  BOOST_TEST(r.parts[0].second == 0);
  BOOST_TEST(r.norm == 0);
  BOOST_TEST(r.parts[1].second > 1);
}

BOOST_AUTO_TEST_CASE(batches_in_parts_are_one_batch) {
  const auto w = data(29);
  pair<double> a(models().at("student")), b(models().at("student"));
  train::trainer<backend, double> t(a.student.b, a.student.m, w, settings(2, 1, 4), a.distill()),
      u(b.student.b, b.student.m, w, settings(2, 2, 2), b.distill());
  const auto r = t.step(), q = u.step();
  BOOST_TEST(r.loss == q.loss, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(r.norm == q.norm, boost::test_tools::tolerance(1e-10));
}

// The student comes nearer to its teacher.
BOOST_AUTO_TEST_CASE(the_divergence_falls) {
  pair<float> a(models().at("student"));
  const auto w = data(29);
  train::trainer<backend, float> t(a.student.b, a.student.m, w, settings(80), a.distill({1, 0, 0}));
  const double before = t.step().loss;
  double after = 0;
  for (int i = 1; i < 80; ++i) after = t.step().loss;
  BOOST_TEST(after < 0.5 * before, before << " -> " << after);
}

// A teacher without activations gives the same bits, cannot be trained, and its layers can be asked one by one.
BOOST_AUTO_TEST_CASE(a_teacher_that_keeps_nothing) {
  auto c = models().at("teacher, window");
  c.layers = 4;
  made<float> whole(c), turns(c);
  turns.m.keep_no_activations();
  const auto ids = random_tokens(c.vocab, 3 * 12, 7);
  for (int again = 0; again < 2; ++again) {
    whole.m.forward(ids, 3, 12), turns.m.forward(ids, 3, 12);
    BOOST_TEST((whole.m.logits() == turns.m.logits()));
    BOOST_TEST(whole.m.loss(ids) == turns.m.loss(ids));
  }
  std::vector<float> g(static_cast<std::size_t>(c.vocab * c.dim));
  BOOST_CHECK_EXCEPTION(turns.m.loss(ids, 0, g.data()), std::logic_error, says("activations"));
  for (auto* m : {&whole.m, &turns.m}) m->upload(ids, 3, 12), m->embed();
  for (std::int64_t l = 0; l < c.layers; ++l) {
    const auto read = [&](const float* x) { return std::vector<float>(x, x + 36 * c.dim); };
    whole.m.attention_forward(l), turns.m.attention_forward(l);
    BOOST_TEST((read(whole.m.layer_input(l)) == read(turns.m.layer_input(l))));
    BOOST_TEST((read(whole.m.attention_output()) == read(turns.m.attention_output())));
    whole.m.feed_forward(l), turns.m.feed_forward(l);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_resumed_run_ends_in_the_same_bits, T, storages) {
  for (const char* name : {"student", "student, hedgehog"}) BOOST_TEST_CONTEXT(name) {
      const temporary_folder folder;
      const auto w = data(29);
      pair<T> whole(models().at(name)), first(models().at(name)), second(models().at(name), 9);
      const auto trainer_of = [&](pair<T>& p, distillation_weights weights = {}) {
        return train::trainer<backend, T>(p.student.b, p.student.m, w, settings(6, 2), p.distill(weights));
      };
      auto t = trainer_of(whole), u = trainer_of(first), v = trainer_of(second);
      for (int i = 0; i < 6; ++i) t.step();
      for (int i = 0; i < 3; ++i) u.step();
      u.save(folder / "checkpoint"), v.restore(folder / "checkpoint");
      for (int i = 0; i < 3; ++i) v.step();
      BOOST_TEST((whole.student.m.values() == second.student.m.values()));
      auto other = trainer_of(second, {1, 0.2, 0});
      BOOST_CHECK_EXCEPTION(other.restore(folder / "checkpoint"), supra::io::error, says("\"distill kl 1 ce 0.2"));
      train::trainer<backend, T> text(second.student.b, second.student.m, w, settings(6, 2));
      BOOST_CHECK_EXCEPTION(text.restore(folder / "checkpoint"), supra::io::error, says("\"text z"));
    }
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite_stop_the_run) {
  const temporary_folder folder;
  const auto w = data(29);
  pair<float> a(models().at("student"));
  train::trainer<backend, float> t(a.student.b, a.student.m, w, settings(9), a.distill());
  t.step(), t.save(folder / "c");
  auto values = a.student.m.values();
  values[static_cast<std::size_t>(a.student.m.layout.at("model.layers.1.mlp.up_proj.weight").offset)] =
      std::numeric_limits<float>::infinity();
  a.student.m.load(values);
  BOOST_CHECK_EXCEPTION(t.step(), std::runtime_error, [](auto& e) {
    return says("step 1")(e) && says("mlp.up_proj.weight")(e) && says("not a finite number")(e);
  });
  BOOST_TEST((a.student.m.values() == values));
  t.restore(folder / "c");
  BOOST_TEST(std::isfinite(t.step().loss));
}

BOOST_AUTO_TEST_CASE(a_teacher_of_another_vocabulary) {
  auto c = models().at("student");
  pair<float> a(c);
  c.vocab = 31;
  made<float> other(c);
  const auto w = data(29);
  train::trainer<backend, float> t(other.b, other.m, w, settings(3),
                                   std::make_unique<train::distill_objective<backend, float>>(a.teacher, other.m));
  BOOST_CHECK_EXCEPTION(t.step(), std::invalid_argument, says("29 words"));
}
