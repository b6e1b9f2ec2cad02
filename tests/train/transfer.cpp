// Layers learn from the teacher's layers: the loss is the definition's, gradients against differences, only the attention's
// tensors move, output matrices at their share of the rate, broken-off runs, bad numbers.
#include "supra/train/transfer.hpp"

#include <tuple>

#include "../io/temporary.hpp"
#include "../layer/gradients.hpp"
#include "../model/models.hpp"
#include "supra/model/linearize.hpp"
#include "supra/train/recipe.hpp"
#include "supra/train/trainer.hpp"

using namespace supra_test;
namespace model = supra::model;
namespace train = supra::train;

namespace {

const std::vector<std::string> students = {"student", "student, qk-norm", "student, hedgehog", "student, per token",
                                           "student, no map", "student, output gate", "student, rope before",
                                           "student, deep maps", "student, wide maps"};

train::windows data() { return {random_tokens(29, 401, 5), 12, 1}; }
train::trainer_settings settings(std::int64_t steps, std::int64_t accumulate = 1) {
  train::trainer_settings s;
  s.optimizer = train::transfer_step{}.rates, s.warm_up = train::transfer_step{}.warm_up;
  s.steps = steps, s.batch = 4, s.accumulate = accumulate, s.identity = "this run";
  return s;
}

// A teacher and a student of its shape: what linearize makes, or, with other weights, `seed`'s.
template <class T>
struct pair {
  using A = supra::accumulator_t<T>;
  backend b;
  model::transformer<backend, T> teacher, student;
  static model::config teacher_config(const std::string& name) {
    auto c = models().at(name);
    c.linear = false, c.attention = {};
    return c;
  }
  explicit pair(const std::string& name, std::uint64_t seed = 0)
      : teacher(b, teacher_config(name), registry<T>()), student(b, models().at(name), registry<T>()) {
    const auto values = some_values<A>(teacher.c, 8);
    teacher.load(values);
    student.load(seed ? some_values<A>(student.c, seed) : model::linearize(teacher.c, values, student.c, 2));
  }
  std::unique_ptr<train::objective<backend, T>> transfer() {
    return std::make_unique<train::transfer_objective<backend, T>>(teacher, student);
  }
  // The loss of one of a step's batches, sequences of 12 tokens; its gradients are added to g.
  double launch(const train::batch& x, std::int64_t count, std::int64_t batches, std::vector<A>& g) {
    double loss = 0;
    const auto what = transfer();
    what->upload(x, count, 12), what->launch(batches, g.data(), &loss);
    return loss;
  }
};

// By the definition, from outputs of single layers on what the teacher's layers see.
double definition(pair<double>& p, const train::batch& x, std::int64_t count, std::int64_t length) {
  p.teacher.forward(x.ids, count, length), p.student.prepare(count, length);
  double loss = 0;
  for (std::int64_t l = 0; l < p.student.c.layers; ++l) {
    p.teacher.run_attention(l, p.teacher.layer_input(l)), p.student.run_attention(l, p.teacher.layer_input(l));
    double difference = 0, size = 0;
    for (std::int64_t i = 0; i < count * length * p.student.c.dim; ++i) {
      const double y = p.teacher.attention_output()[i], d = p.student.attention_output()[i] - y;
      difference += d * d, size += y * y;
    }
    loss += difference / size / static_cast<double>(p.student.c.layers);
  }
  return loss;
}
bool of_attention(const std::string& name) { return name.find(".self_attn.") != name.npos; }

using storages = std::tuple<float, supra::bf16>;
}  // namespace

BOOST_AUTO_TEST_CASE(gradients) {
  for (auto& name : students) BOOST_TEST_CONTEXT(name) {
      pair<double> p(name, 3);
      const auto x = data().take(0, 2);
      numbers g(static_cast<std::size_t>(p.student.layout.size()), 0);
      BOOST_TEST(p.launch(x, 2, 1, g) == definition(p, x, 2, 12), boost::test_tools::tolerance(1e-12));
      for (auto& t : p.student.layout.tensors())
        if (!of_attention(t.name))
          for (std::int64_t i = 0; i < t.size; ++i) BOOST_REQUIRE(g[static_cast<std::size_t>(t.offset + i)] == 0);
      const auto start = p.student.values();
      check_along_directions(p.student.layout, start, g, [&](numbers values) {
        for (auto& t : p.student.layout.tensors())  // norms' gains have none by design
          if (!of_attention(t.name)) std::copy_n(start.begin() + t.offset, t.size, values.begin() + t.offset);
        p.student.load(values);
        return definition(p, x, 2, 12);
      });
    }
}

// A layer whose teacher gives nothing has no measure: it counts for nothing, and the others as before.
BOOST_AUTO_TEST_CASE(a_teacher_that_gives_nothing) {
  pair<double> p("student"), q("student");
  const auto x = data().take(0, 2);
  q.teacher.load("model.layers.1.self_attn.o_proj.weight",
                 numbers(static_cast<std::size_t>(q.teacher.c.dim * q.teacher.c.dim), 0));
  numbers g(static_cast<std::size_t>(p.student.layout.size()), 0), h = g;
  const double all = p.launch(x, 2, 1, g), some = q.launch(x, 2, 1, h);
  BOOST_TEST(some > 0);
  BOOST_TEST(some < all);
  for (auto& t : p.student.layout.tensors())
    for (auto i = static_cast<std::size_t>(t.offset); i < static_cast<std::size_t>(t.offset + t.size); ++i)
      BOOST_REQUIRE(h[i] == (t.name.starts_with("model.layers.1.") ? 0 : g[i]));
}

// A step's loss and gradient are the means over its batches.
BOOST_AUTO_TEST_CASE(batches_of_a_step) {
  pair<double> p("student");
  const auto w = data();
  const double wanted = (definition(p, w.take(0, 4), 4, 12) + definition(p, w.take(4, 4), 4, 12)) / 2;
  numbers g(static_cast<std::size_t>(p.student.layout.size()), 0);
  for (int i : {0, 1}) p.launch(w.take(4 * i, 4), 4, 2, g);
  train::trainer<backend, double> t(p.b, p.student, w, settings(5, 2), p.transfer());
  const auto r = t.step();
  BOOST_TEST(r.loss == wanted, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(r.norm == std::sqrt(dot(g, g)), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(r.parts.empty());
}

BOOST_AUTO_TEST_CASE(only_attention_moves_and_the_loss_falls) {
  for (auto& name : students) BOOST_TEST_CONTEXT(name) {
      pair<float> p(name);
      p.teacher.keep_no_activations();
      const auto w = data();
      const auto before = p.student.values();
      train::trainer<backend, float> t(p.b, p.student, w, settings(60), p.transfer());
      const double first = t.step().loss;
      double last = 0;
      for (int i = 1; i < 60; ++i) last = t.step().loss;
      BOOST_TEST(last < 0.9 * first, first << " -> " << last);
      const auto after = p.student.values();
      for (auto& tensor : p.student.layout.tensors()) {
        const auto from = static_cast<std::ptrdiff_t>(tensor.offset),
                   to = static_cast<std::ptrdiff_t>(tensor.offset + tensor.size);
        const bool same = std::equal(before.begin() + from, before.begin() + to, after.begin() + from);
        BOOST_TEST(same == !of_attention(tensor.name), tensor.name);
      }
    }
}

// The first step of Adam moves each number by the rate, whatever its gradient.
BOOST_AUTO_TEST_CASE(output_matrices_take_their_share_of_the_rate) {
  pair<double> p("student");
  const auto w = data();
  const auto before = p.student.values();
  auto s = settings(60);
  s.optimizer.eps = 1e-30;
  train::trainer<backend, double> t(p.b, p.student, w, s, p.transfer());
  const double rate = 1e-3 * t.step().rate;
  BOOST_TEST(rate == 1e-3 / 3, boost::test_tools::tolerance(1e-12));  // of 60 steps, 3 warm up
  const auto after = p.student.values();
  for (const auto& [name, wanted] : {std::pair{"self_attn.q_proj.weight", rate},
                                     {"self_attn.map_q.weight", rate},
                                     {"self_attn.o_proj.weight", 0.3 * rate}}) {
    const auto at = static_cast<std::size_t>(p.student.layout.at(model::layer_name(0, name)).offset);
    BOOST_TEST(std::abs(after[at] - before[at]) == wanted, boost::test_tools::tolerance(1e-9));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_resumed_run_ends_in_the_same_bits, T, storages) {
  for (const char* name : {"student", "student, per token"}) BOOST_TEST_CONTEXT(name) {
      const temporary_folder folder;
      const auto w = data();
      pair<T> whole(name), first(name), second(name, 9);
      const auto trainer_of = [&](pair<T>& p) {
        return train::trainer<backend, T>(p.b, p.student, w, settings(6, 2), p.transfer());
      };
      auto t = trainer_of(whole), u = trainer_of(first), v = trainer_of(second);
      for (int i = 0; i < 6; ++i) t.step();
      for (int i = 0; i < 3; ++i) u.step();
      u.save(folder / "checkpoint"), v.restore(folder / "checkpoint");
      for (int i = 0; i < 3; ++i) v.step();
      BOOST_TEST((whole.student.values() == second.student.values()));
      train::trainer<backend, T> text(second.b, second.student, w, settings(6, 2));
      BOOST_CHECK_EXCEPTION(text.restore(folder / "checkpoint"), supra::io::error, says("\"transfer\" then"));
    }
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite_stop_the_run) {
  pair<float> p("student");
  const auto w = data();
  train::trainer<backend, float> t(p.b, p.student, w, settings(9), p.transfer());
  t.step();
  auto values = p.student.values();
  values[static_cast<std::size_t>(p.student.layout.at("model.layers.1.self_attn.v_proj.weight").offset)] =
      std::numeric_limits<float>::infinity();
  p.student.load(values);
  BOOST_CHECK_EXCEPTION(t.step(), std::runtime_error, [](auto& e) {
    return says("step 1")(e) && says("v_proj.weight")(e) && says("not a finite number")(e);
  });
  BOOST_TEST((p.student.values() == values));
}

BOOST_AUTO_TEST_CASE(a_teacher_of_another_shape) {
  pair<float> p("student");
  auto c = models().at("student");
  c.layers = 3;
  made<float> other(c);
  BOOST_CHECK_EXCEPTION((train::transfer_objective<backend, float>(p.teacher, other.m)), std::invalid_argument,
                        says("2 layers"));
}
