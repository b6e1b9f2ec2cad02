// A teacher turned into a student and trained a few steps in bf16 on the GPU, beside the same in float on the CPU; twice, and
// broken off and resumed, to the same bits.
#include <cmath>
#include <span>

#include "../io/temporary.hpp"
#include "../rounding.hpp"
#include "gpu.hpp"
#include "supra/model/generator.hpp"
#include "uptraining/cases.hpp"

using namespace supra;
using supra_test::few, supra_test::relative, supra_test::temporary_folder;
using supra_test::uptraining_case, supra_test::uptraining_values;

namespace {

constexpr int steps = 20;
using on_gpu = supra_test::uptraining_run<cuda_backend, bf16>;

// Weights one rounding of bf16 away, the teacher's too (rounding.hpp).
uptraining_values one_rounding_away(const uptraining_values& x, std::uint64_t seed) {
  auto y = x;
  y.model = supra_test::one_rounding_away(x.model, seed), y.teacher = supra_test::one_rounding_away(x.teacher, seed + 100);
  return y;
}
const std::uint64_t sides[] = {1, 2, 3};

}  // namespace

BOOST_AUTO_TEST_CASE(losses_are_the_cpus) {
  for (const auto& u : supra_test::uptraining_cases()) BOOST_TEST_CONTEXT(u.name) {
      const uptraining_values values(u);
      const auto found = on_gpu(u, values).losses(steps), wanted = supra_test::cpu_losses(u, values, steps);
      std::vector<double> limit(wanted.size());
      for (auto seed : sides) {
        const auto other = supra_test::cpu_losses(u, one_rounding_away(values, seed), steps);
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

// Tensor by tensor, where losses of a few steps would hide a gate's.
BOOST_AUTO_TEST_CASE(gradients_are_the_cpus) {
  for (const auto& u : supra_test::uptraining_cases()) BOOST_TEST_CONTEXT(u.name) {
      const uptraining_values values(u);
      on_gpu run(u, values);
      const auto found = run.gradient(), wanted = supra_test::cpu_gradient(u, values);
      std::vector<std::vector<float>> others;
      for (auto seed : sides) others.push_back(supra_test::cpu_gradient(u, one_rounding_away(values, seed)));
      for (const auto& t : run.m.layout.tensors()) {
        const auto from_wanted = [&](std::span<const float> x) {
          const auto from = static_cast<std::size_t>(t.offset), n = static_cast<std::size_t>(t.size);
          return relative(x.subspan(from, n), std::span(wanted).subspan(from, n));
        };
        double limit = 0;
        for (auto& x : others) limit = std::max(limit, few * from_wanted(x));
        limit = std::min(limit, 0.9);  // a gradient that is left out is 1 away
        BOOST_TEST(from_wanted(found) <= limit, t.name << ": " << from_wanted(found) << ", at most " << limit);
      }
    }
}

BOOST_AUTO_TEST_CASE(the_same_bits_again_and_after_a_break) {
  for (const auto& u : supra_test::uptraining_cases()) BOOST_TEST_CONTEXT(u.name) {
      const temporary_folder folder;
      const uptraining_values values(u);
      auto others = values;
      others.model = model::random_values<float>(u.c, 9);
      on_gpu one(u, values), two(u, values), broken(u, values), resumed(u, others);
      one.losses(6), two.losses(6), broken.losses(3);
      broken.trainer.save(folder / "checkpoint"), resumed.trainer.restore(folder / "checkpoint");
      resumed.losses(3);
      const auto wanted = one.m.values();
      for (float x : wanted) BOOST_REQUIRE(std::isfinite(x));
      BOOST_TEST((two.m.values() == wanted));
      BOOST_TEST((resumed.m.values() == wanted));
    }
}

// Steps that are replayed and steps that are launched one by one: the same bits.
BOOST_AUTO_TEST_CASE(replayed_steps_are_the_same) {
  for (const auto& a :
       {supra_test::linear_attention_config{}, supra_test::best_attention(), supra_test::best_turned_before()}) {
    const uptraining_case u{model::stages_name(a), supra_test::student_of(supra_test::teacher_config(64), a)};
    on_gpu run(u, uptraining_values(u));
    model::generation<cuda_backend, bf16> replayed(run.m, 2), launched(run.m, 2);
    std::vector<std::vector<float>> found;
    std::vector<std::int32_t> ids = {3, 5};
    std::int64_t steady = -1, before = -1;  // memory that changes hands ends a recording: none does after the first steps
    for (int t = 0; t < 20; ++t) {
      if (t == 4) steady = run.b.on().changes();
      if (t == 5) before = run.b.on().replays();
      found.push_back(replayed.step(ids)), ids = {(ids[0] * 7 + t) % 96, (ids[1] * 5 + t) % 96};
    }
    BOOST_TEST(run.b.on().changes() == steady);
    const std::int64_t after = run.b.on().replays();
    BOOST_TEST(after - before == 15);
    ids = {3, 5};
    for (int t = 0; t < 20; ++t) {
      run.b.allocate<float>(1);
      BOOST_TEST((launched.step(ids) == found[static_cast<std::size_t>(t)]), "token " << t);
      ids = {(ids[0] * 7 + t) % 96, (ids[1] * 5 + t) % 96};
    }
    BOOST_TEST(run.b.on().replays() == after);
  }
}

// Training steps, too: losses, norms and parameters; with an evaluation in the middle, after which all is recorded again.
BOOST_AUTO_TEST_CASE(replayed_training_is_the_same) {
  for (const auto& u : supra_test::uptraining_cases()) BOOST_TEST_CONTEXT(u.name) {
      const uptraining_values values(u);
      on_gpu replayed(u, values), launched(u, values);
      launched.trainer.settings.repeats = false;
      for (auto* run : {&replayed, &launched}) run->trainer.settings.dropout = {0.5, 0.5, 0, 2};
      const std::int64_t each = replayed.trainer.settings.accumulate + 1;  // batches, and what ends a step
      std::int64_t steady = -1, before = -1;  // memory that changes hands ends a recording: none does after the first steps
      for (int step = 0; step < 30; ++step) {
        if (step == 15)
          for (auto* run : {&replayed, &launched}) train::evaluate(run->m, run->data, 3, 5);
        if (step == 10 || step == 25) steady = replayed.b.on().changes();
        if (step == 12 || step == 27) before = replayed.b.on().replays();  // either kind of batch was there
        const auto x = replayed.trainer.step(), y = launched.trainer.step();
        BOOST_TEST_REQUIRE((x.loss == y.loss && x.norm == y.norm), "step " << step << ": " << x.loss << " and " << y.loss);
        if (step != 14 && step != 29) continue;
        BOOST_TEST(replayed.b.on().changes() == steady);
        BOOST_TEST(replayed.b.on().replays() - before == 3 * each);
      }
      BOOST_TEST(launched.b.on().replays() == 0);
      BOOST_TEST((replayed.m.values() == launched.m.values()));
    }
}

// A step that is not finite changes nothing when it is replayed, and the run goes on from its checkpoint.
BOOST_AUTO_TEST_CASE(a_replayed_step_that_is_not_finite) {
  for (const auto& u : supra_test::uptraining_cases()) BOOST_TEST_CONTEXT(u.name) {
      const temporary_folder folder;
      const uptraining_values values(u);
      on_gpu run(u, values), whole(u, values);
      whole.losses(12), run.losses(8), run.trainer.save(folder / "checkpoint");
      const auto& t = run.m.layout.at("model.layers.1.self_attn.v_proj.weight");
      auto bad = run.m.values();
      bad[static_cast<std::size_t>(t.offset)] = std::numeric_limits<float>::infinity();
      run.m.load(bad);
      const std::int64_t before = run.b.on().replays();
      BOOST_CHECK_THROW(run.trainer.step(), std::runtime_error);
      BOOST_TEST(run.b.on().replays() - before == run.trainer.settings.accumulate + 1);
      BOOST_TEST((run.m.values() == bad));
      run.trainer.restore(folder / "checkpoint"), run.losses(4);
      BOOST_TEST((run.m.values() == whole.m.values()));
    }
}

// A batch for which memory is too little: the sentence names one that fits, and with that it goes on.
BOOST_AUTO_TEST_CASE(a_batch_that_does_not_fit) {
  const auto c = supra_test::student_of(supra_test::teacher_config(64), {});
  const uptraining_case u{"student", c};
  on_gpu run(u, uptraining_values(u));
  const std::int64_t bytes_a_token =
      2 * c.layers * (2 * c.dim + 2 * c.hidden);  // at least: the stream and a feed-forward layer
  run.trainer.settings.batch = run.b.all_memory() / (bytes_a_token * run.data.length()) + 1;
  std::int64_t fits = 0;
  const auto names_one = [&](const std::exception& e) {
    const std::string what = e.what(), before = ": --batch ";
    const auto at = what.find(before);
    if (at != what.npos) fits = std::stoll(what.substr(at + before.size()));
    return fits > 0 && what.find("of the GPU's memory are there") != what.npos;
  };
  BOOST_CHECK_EXCEPTION(run.trainer.step(), too_little_memory, names_one);
  BOOST_TEST(fits < run.trainer.settings.batch);
  run.trainer.settings.batch = fits, run.trainer.settings.accumulate = 1;
  BOOST_TEST(std::isfinite(run.trainer.step().loss));
}

// Linearizing and the closed form, then the recurrent form: logits one token after another are those of the whole text.
BOOST_AUTO_TEST_CASE(a_teacher_becomes_a_student_that_writes) {
  const auto c = supra_test::teacher_config(64), student_c = supra_test::student_of(c, {});
  const auto values = model::random_values<float>(c, 1);
  cuda_backend b;
  model::transformer<cuda_backend, bf16> teacher(b, c, on_gpu::registry()), student(b, student_c, on_gpu::registry());
  teacher.load(values), student.load(model::linearize(c, values, student_c, 2));
  const auto some = supra_test::uptraining_data().take(0, 8);
  // how far the student's first attention is from the teacher's on the same inputs
  const auto apart = [&] {
    teacher.forward(some.ids, 8, 96), student.prepare(8, 96);
    const auto output = [&](auto& m) {
      m.run_attention(0, teacher.layer_input(0));
      std::vector<bf16> y(static_cast<std::size_t>(8 * 96 * c.dim));
      return b.download(m.attention_output(), y.data(), 8 * 96 * c.dim), y;
    };
    const auto wanted = output(teacher), found = output(student);
    double sum = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i)
      sum += std::pow(static_cast<double>(found[i]) - static_cast<double>(wanted[i]), 2);
    return std::sqrt(sum);
  };
  const double before = apart();
  model::output_fit<cuda_backend, bf16> fit(teacher, student);
  fit.add(some.ids, 8, 96), fit.solve();
  BOOST_TEST(apart() < 0.5 * before);
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
