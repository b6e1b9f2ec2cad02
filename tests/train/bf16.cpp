// Models whose activations and matrices are stored as bf16 and that are trained in float: losses and gradients beside a float
// model's, updates too small for bf16, a broken-off run to the same bits.
#include <tuple>

#include "../io/temporary.hpp"
#include "../model/models.hpp"
#include "../rounding.hpp"
#include "supra/core/serial.hpp"
#include "supra/model/generator.hpp"
#include "supra/model/linearize.hpp"
#include "supra/train/trainer.hpp"
#include "supra/train/transfer.hpp"

using namespace supra;
using namespace supra_test;
using backends = std::tuple<serial_backend, eigen_backend>;

namespace {

const std::uint64_t sides[] = {1, 2, 3, 4};

train::windows data(std::int64_t vocab) {
  std::vector<std::int32_t> s = {0};
  std::mt19937_64 g(5);
  while (s.size() < 601)
    s.push_back(static_cast<std::int32_t>(g() % 8 == 0
                                              ? g() % static_cast<std::uint64_t>(vocab)
                                              : static_cast<std::uint64_t>(s.back() + 3) % static_cast<std::uint64_t>(vocab)));
  return {s, 12, 1};
}
train::trainer_settings settings(std::int64_t steps) {
  train::trainer_settings s;
  s.optimizer.lr = 5e-3, s.optimizer.lr_added = 1e-2;
  s.steps = steps, s.batch = 4, s.accumulate = 2, s.identity = "this run";
  return s;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(losses_and_gradients_are_the_float_models, B, backends) {
  auto all = models();
  all.merge(hybrids());
  all.erase("student, rope before a shared map, window");  // one rounding of these weights moves its gradient by all of itself
  for (auto& [name, c] : all) BOOST_TEST_CONTEXT(name) {
      const auto ids = random_tokens(c.vocab, 3 * 20, 7), targets = random_tokens(c.vocab, 3 * 20, 8);
      const auto gradient = [&](auto& a, double& loss) {
        auto g = a.b.template allocate<float>(a.m.layout.size());
        a.m.forward(ids, 3, 20);
        loss = a.m.loss(targets, 1e-4, g.data()) / 60;
        return std::vector<float>(g.data(), g.data() + g.size());
      };
      made<bf16, B> narrow(c);
      made<float, B> wide(c);
      double found = 0, wanted = 0, moved = 0, near = 0;
      const auto g = gradient(narrow, found), h = gradient(wide, wanted);
      narrow.m.forward(ids, 3, 20);
      const double alone = narrow.m.loss(targets) / 60;
      std::vector<std::vector<float>> others;
      for (auto seed : sides) {
        wide.m.load(one_rounding_away(some_values<float>(c), seed));
        others.push_back(gradient(wide, near));
        moved = std::max(moved, std::abs(near - wanted));
      }
      BOOST_TEST(std::abs(found - wanted) <= few * moved);
      BOOST_TEST(std::abs(alone - wanted) <= few * moved);
      for (auto& t : wide.m.layout.tensors()) {
        const auto from_wanted = [&](const std::vector<float>& x) {
          const auto part = [&](const std::vector<float>& y) {
            return std::span<const float>(y).subspan(static_cast<std::size_t>(t.offset), static_cast<std::size_t>(t.size));
          };
          return relative(part(x), part(h));
        };
        double limit = 0;
        for (auto& x : others) limit = std::max(limit, few * from_wanted(x));
        limit = std::min(limit, 0.9);  // a gradient that is left out is 1 away
        BOOST_TEST(from_wanted(g) <= limit, t.name << ": " << from_wanted(g) << ", at most " << limit);
      }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_first_steps_follow_the_float_models, B, backends) {
  for (const char* name : {"teacher", "student", "student, per token"}) BOOST_TEST_CONTEXT(name) {
      const auto c = models().at(name);
      const auto w = data(c.vocab);
      const auto losses = [&](auto& a) {
        train::trainer<B, typename std::decay_t<decltype(a)>::storage> t(a.b, a.m, w, settings(20));
        std::vector<double> each;
        for (int i = 0; i < 20; ++i) each.push_back(t.step().loss);
        return each;
      };
      made<bf16, B> narrow(c);
      made<float, B> wide(c);
      const auto found = losses(narrow), wanted = losses(wide);
      std::vector<double> limit(wanted.size());
      for (auto seed : sides) {
        made<float, B> near(c);
        near.m.load(one_rounding_away(some_values<float>(c), seed));
        const auto other = losses(near);
        double moved = 0;  // so far: what one step moved, the next ones inherit
        for (std::size_t i = 0; i < other.size(); ++i)
          moved = std::max(moved, std::abs(other[i] - wanted[i])), limit[i] = std::max(limit[i], few * moved);
      }
      for (std::size_t i = 0; i < found.size(); ++i)
        BOOST_TEST(std::abs(found[i] - wanted[i]) <= limit[i],
                   "step " << i << ": " << found[i] << ", in float " << wanted[i] << ", at most " << limit[i] << " apart");
      BOOST_TEST(found.back() < 0.8 * found.front());
    }
}

// Losses of the first steps of a student that follows a teacher: its layers, or its distribution. side: of one rounding,
// both's.
template <class T>
std::vector<double> followed(const char* name, bool layers, std::uint64_t side = 0) {
  const auto c = models().at(name);
  auto teacher_c = c;
  teacher_c.linear = false, teacher_c.attention = {};
  eigen_backend b;
  model::transformer<eigen_backend, T> teacher(b, teacher_c, registry<T>()), student(b, c, registry<T>());
  const auto load = [&](auto& m, std::uint64_t seed) {
    const auto values = some_values<float>(m.c, seed);
    m.load(side ? one_rounding_away(values, side) : values);
  };
  load(teacher, 8), load(student, 3), teacher.keep_no_activations();
  std::unique_ptr<train::objective<eigen_backend, T>> what;
  if (layers)
    what = std::make_unique<train::transfer_objective<eigen_backend, T>>(teacher, student);
  else
    what = std::make_unique<train::distill_objective<eigen_backend, T>>(teacher, student);
  const auto w = data(c.vocab);
  train::trainer<eigen_backend, T> t(b, student, w, settings(20), std::move(what));
  std::vector<double> each;
  for (int i = 0; i < 20; ++i) each.push_back(t.step().loss);
  return each;
}

BOOST_AUTO_TEST_CASE(students_of_teachers_follow_the_float_models) {
  for (const char* name : {"student", "student, per token", "student, output gate"})
    for (const bool layers : {false, true}) BOOST_TEST_CONTEXT(name << (layers ? ", by layers" : ", by distribution")) {
        const auto found = followed<bf16>(name, layers), wanted = followed<float>(name, layers);
        std::vector<double> limit(wanted.size());
        for (auto side : sides) {
          const auto other = followed<float>(name, layers, side);
          double moved = 0;  // so far
          for (std::size_t i = 0; i < other.size(); ++i)
            moved = std::max(moved, std::abs(other[i] - wanted[i])), limit[i] = std::max(limit[i], few * moved);
        }
        for (std::size_t i = 0; i < found.size(); ++i)
          BOOST_TEST(std::abs(found[i] - wanted[i]) <= limit[i],
                     "step " << i << ": " << found[i] << ", in float " << wanted[i] << ", at most " << limit[i] << " apart");
        BOOST_TEST(found.back() < 0.95 * found.front());
      }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_resumed_run_ends_in_the_same_bits, B, backends) {
  for (const char* name : {"teacher", "student", "student, hedgehog"}) BOOST_TEST_CONTEXT(name) {
      const temporary_folder folder;
      const auto c = models().at(name);
      const auto w = data(c.vocab);
      made<bf16, B> whole(c), first(c), second(c, 9);
      train::trainer<B, bf16> t(whole.b, whole.m, w, settings(4)), u(first.b, first.m, w, settings(4)),
          v(second.b, second.m, w, settings(4));
      for (int i = 0; i < 4; ++i) t.step();
      for (int i = 0; i < 2; ++i) u.step();
      u.save(folder / "checkpoint"), v.restore(folder / "checkpoint");
      for (int i = 0; i < 2; ++i) v.step();
      BOOST_TEST((whole.m.values() == second.m.values()));
      for (auto& tensor : whole.m.layout.tensors()) {  // what products read is the masters, rounded
        const bf16* const stored = second.m.matrix(tensor.name);
        const float* const exact = second.m.at(tensor.name);
        for (std::int64_t i = 0; i < tensor.size; ++i) BOOST_REQUIRE(stored[i].bits == bf16(exact[i]).bits);
      }
    }
}

// A step of 1e-4 at a weight of 1 is a fortieth of what bf16 can tell apart there.
BOOST_AUTO_TEST_CASE(small_steps_add_up) {
  const auto c = models().at("teacher");
  eigen_backend b;
  const model::parameter_layout layout(c);
  train::adamw<eigen_backend, bf16> optimizer(b, layout, {1e-4, 1e-4, 0.9, 0.95, 1e-8, 0, 1e9});
  std::vector<float> p(static_cast<std::size_t>(layout.size()), 1.0f), g(p.size());
  std::vector<bf16> rounded(p.size());
  for (int i = 0; i < 100; ++i) {
    std::fill(g.begin(), g.end(), 0.5f);
    const double square = 1;
    optimizer.upload(i + 1, 1), optimizer.step(p.data(), g.data(), &square, rounded.data());
  }
  BOOST_TEST(p[0] == 0.99f, boost::test_tools::tolerance(1e-5f));
  BOOST_TEST(rounded[0].bits == bf16(0.99f).bits);
}

// Linearizing, fit and generation, which the program does around the steps.
BOOST_AUTO_TEST_CASE(a_teacher_becomes_a_student_that_writes) {
  auto c = models().at("teacher");
  eigen_backend b;
  const auto student_c = model::student_config(c, {});
  const auto values = some_values<float>(c);
  model::transformer<eigen_backend, bf16> teacher(b, c, registry<bf16>()), student(b, student_c, registry<bf16>());
  model::transformer<eigen_backend, float> wide(b, student_c, registry<float>());
  teacher.load(values), student.load(model::linearize(c, values, student_c, 2));
  const auto ids = random_tokens(c.vocab, 8 * 32, 4);
  model::output_fit<eigen_backend, bf16> fit(teacher, student);
  fit.add(ids, 8, 32), fit.solve();
  wide.load(student.values());
  for (auto run : {0, 1}) {
    model::generation<eigen_backend, bf16> g(run == 0 ? teacher : student, 1);
    const std::vector<std::int32_t> text(ids.begin(), ids.begin() + 20), rest(ids.begin() + 20, ids.begin() + 25);
    g.feed(text, 20);
    const auto remembered = g.snapshot();
    const auto after = g.feed(rest, 5);
    g.restore(remembered);
    BOOST_TEST((g.feed(rest, 5) == after));
    if (run == 0) continue;
    model::generation<eigen_backend, float> f(wide, 1);
    f.feed(text, 20);
    const auto wanted = f.feed(rest, 5);
    double moved = 0;
    for (auto seed : sides) {
      wide.load(one_rounding_away(student.values(), seed));
      model::generation<eigen_backend, float> near(wide, 1);
      near.feed(text, 20);
      const auto& other = near.feed(rest, 5);
      for (std::size_t i = 0; i < other.size(); ++i)
        moved = std::max(moved, static_cast<double>(std::abs(other[i] - wanted[i])));
    }
    for (std::size_t i = 0; i < wanted.size(); ++i) BOOST_TEST(std::abs(after[i] - wanted[i]) <= few * moved);
  }
}
