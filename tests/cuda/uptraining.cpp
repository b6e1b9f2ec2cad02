// A teacher turned into a student and trained a few steps in bf16 on the GPU, beside the same in float on the CPU; twice, and
// broken off and resumed, to the same bits.
#include <cmath>

#include "../io/temporary.hpp"
#include "gpu.hpp"
#include "supra/model/generator.hpp"
#include "supra/model/linearize.hpp"
#include "supra/supra.hpp"
#include "supra/train/trainer.hpp"

using namespace supra;
using supra_test::temporary_folder;

namespace {

constexpr int steps = 20;

// Heads of 64, which walk on tensor cores, or of 32, which do not; grouped.
model::config teacher_config(std::int64_t head_dim) {
  model::config c;
  c.vocab = 96, c.dim = 128, c.layers = 2, c.heads = 128 / head_dim, c.kv_heads = 128 / head_dim / 2, c.head_dim = head_dim,
  c.hidden = 160, c.max_length = 96;
  return c;
}
model::config student_of(const model::config& c, const char* decay) {
  model::linear_attention_config a;
  a.decay = decay;
  return model::student_config(c, a);
}
train::windows data() {
  std::vector<std::int32_t> stream;
  for (std::int64_t i = 0; i < 4000; ++i) stream.push_back(static_cast<std::int32_t>(i * i % 89 + i % 7));
  return {stream, 96, 3};
}
train::trainer_settings settings() {
  train::trainer_settings s;
  s.steps = steps, s.batch = 3, s.accumulate = 2, s.identity = "this run";
  return s;
}
template <class B, class T>
model::attention_registry<B, T> registry() {
  model::attention_registry<B, T> r;
  model::add_paper_attention(r);
  r.template add<linear_attention<elementwise<relu>, rope, per_token_decay, group_norm>>("relu/rope/per_token/group_norm");
  return r;
}
// Weights one rounding of bf16 away, each to a random side: what bf16 makes of a loss is a few times what these make of it.
std::vector<float> one_rounding_away(std::vector<float> x, std::uint64_t seed) {
  std::mt19937_64 g(seed);
  for (auto& y : x) y *= 1 + static_cast<float>(unit_roundoff<bf16>) * (g() % 2 == 0 ? 1.0f : -1.0f);
  return x;
}
constexpr double few = 4;
const std::uint64_t sides[] = {1, 2, 3};

template <class B, class T>
struct run {
  B b;
  model::config c;
  train::windows windows = data();
  model::transformer<B, T> m;
  train::trainer<B, T> trainer;
  run(const model::config& c, const std::vector<float>& values)
      : c(c), m(b, c, registry<B, T>()), trainer(b, m, windows, settings()) {
    m.load(values);
  }
  std::vector<double> losses(int n) {
    std::vector<double> each;
    for (int i = 0; i < n; ++i) each.push_back(trainer.step().loss);
    return each;
  }
};
using on_gpu = run<cuda_backend, bf16>;
using on_cpu = run<serial_backend, float>;

struct one_case {
  const char* name;
  model::config c;
};
std::vector<one_case> cases() {
  return {{"teacher", teacher_config(32)},
          {"student on tensor cores", student_of(teacher_config(64), "slopes")},
          {"student on plain blocks", student_of(teacher_config(32), "slopes")},
          {"student, per token", student_of(teacher_config(64), "per_token")}};
}
std::vector<float> values_of(const model::config& c) { return model::random_values<float>(c, 1); }

}  // namespace

BOOST_AUTO_TEST_CASE(losses_are_the_cpus) {
  for (const auto& [name, c] : cases()) BOOST_TEST_CONTEXT(name) {
      const auto values = values_of(c);
      const auto found = on_gpu(c, values).losses(steps), wanted = on_cpu(c, values).losses(steps);
      std::vector<double> limit(wanted.size());
      for (auto seed : sides) {
        const auto other = on_cpu(c, one_rounding_away(values, seed)).losses(steps);
        double moved = 0;
        for (std::size_t i = 0; i < other.size(); ++i)
          moved = std::max(moved, std::abs(other[i] - wanted[i])), limit[i] = std::max(limit[i], few * moved);
      }
      for (std::size_t i = 0; i < found.size(); ++i)
        BOOST_TEST(std::abs(found[i] - wanted[i]) <= limit[i],
                   "step " << i << ": " << found[i] << ", CPU " << wanted[i] << ", at most " << limit[i] << " apart");
      BOOST_TEST(found.back() < 0.98 * found.front());
    }
}

BOOST_AUTO_TEST_CASE(the_same_bits_again_and_after_a_break) {
  for (const auto& [name, c] : cases()) BOOST_TEST_CONTEXT(name) {
      const temporary_folder folder;
      on_gpu one(c, values_of(c)), two(c, values_of(c)), broken(c, values_of(c)), resumed(c, model::random_values<float>(c, 9));
      one.losses(6), two.losses(6), broken.losses(3);
      broken.trainer.save(folder / "checkpoint"), resumed.trainer.restore(folder / "checkpoint");
      resumed.losses(3);
      const auto wanted = one.m.values();
      for (float x : wanted) BOOST_REQUIRE(std::isfinite(x));
      BOOST_TEST((two.m.values() == wanted));
    BOOST_TEST((resumed.m.values() == wanted));
    }
}

// Linearizing and the closed form, then the recurrent form: logits one token after another are those of the whole text.
BOOST_AUTO_TEST_CASE(a_teacher_becomes_a_student_that_writes) {
  const auto c = teacher_config(64), student_c = student_of(c, "slopes");
  const auto values = values_of(c);
  cuda_backend b;
  model::transformer<cuda_backend, bf16> teacher(b, c, registry<cuda_backend, bf16>()),
      student(b, student_c, registry<cuda_backend, bf16>());
  teacher.load(values), student.load(model::linearize(c, values, student_c, 2));
  const auto some = data().take(0, 8);
  const auto loss = [&](auto& m) { return m.forward(some.ids, 8, 96), m.loss(some.targets); };
  const double before = loss(student), wanted = loss(teacher);
  model::output_fit<cuda_backend, bf16> fit(teacher, student);
  fit.add(some.ids, 8, 96), fit.solve();
  BOOST_TEST(std::abs(loss(student) - wanted) < 0.5 * std::abs(before - wanted));
  for (auto* m : {&teacher, &student}) {
    const std::vector<std::int32_t> text(some.ids.begin(), some.ids.begin() + 70);
    m->forward(text, 1, 70);
    const auto all = m->logits();
    model::generation<cuda_backend, bf16> g(*m, 1);
    double worst = 0, size = 0;
    for (std::size_t t = 0; t < text.size(); ++t) {
      const auto& next = t == 0    ? g.feed(std::span(text).first(64), 64)
                         : t >= 64 ? g.step(std::span(text).subspan(t, 1))
                                   : g.logits();
      if (t < 64) continue;
      for (std::size_t i = 0; i < next.size(); ++i) {
        const double x = all[t * next.size() + i];
        worst = std::max(worst, std::abs(next[i] - x)), size = std::max(size, std::abs(x));
      }
    }
    // two ways through two layers, each with about ten roundings a layer of what makes a logit
    BOOST_TEST(worst <= 4 * unit_roundoff<bf16> * std::sqrt(20.0) * size, worst << " of " << size);
  }
}
