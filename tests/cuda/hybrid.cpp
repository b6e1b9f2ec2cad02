// Generation with a window of softmax beside the linear attention, on the GPU: in double what the model gives of the whole
// text, however it is fed; in bf16 replayed steps that are the launched ones to the bit, with a ring that is gone round;
// and what is drawn after them.
#include <cmath>

#include "gpu.hpp"
#include "supra/model/linearize.hpp"
#include "supra/model/state.hpp"
#include "supra/train/sample.hpp"
#include "supra/supra.hpp"

using namespace supra;

namespace {

model::config hybrid(std::int64_t window, const char* position) {
  model::config c;
  c.vocab = 96, c.dim = 128, c.layers = 2, c.heads = 2, c.kv_heads = 1, c.head_dim = 64, c.hidden = 160, c.max_length = 96;
  model::linear_attention_config a;
  a.window = window, a.position = position;
  return model::student_config(c, a);
}
template <class T>
struct on_gpu {
  cuda_backend b;
  model::transformer<cuda_backend, T> m;
  explicit on_gpu(const model::config& c) : m(b, c, registry()) {
    m.load(model::random_values<accumulator_t<T>>(c, 1));
  }
  static model::attention_registry<cuda_backend, T> registry() {
    model::attention_registry<cuda_backend, T> r;
    r.template add<linear_attention<elementwise<relu>, rope, slope_decay, group_norm>>("relu/rope/slopes/group_norm");
    r.template add<linear_attention<elementwise<relu>, no_position, slope_decay, group_norm>>("relu/none/slopes/group_norm");
    return r;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(pieces_and_steps_give_what_the_whole_text_gives) {
  for (const char* position : {"rope", "rope_before"})
    for (std::int64_t window : {1, 6, 100}) {
      const auto c = hybrid(window, position);
      on_gpu<double> run(c);
      const std::int64_t count = 2, length = 70;
      std::vector<std::int32_t> ids;
      for (std::int64_t i = 0; i < count * length; ++i) ids.push_back(static_cast<std::int32_t>(i * i % 89 + i % 7));
      run.m.forward(ids, count, length);
      const auto wanted = run.m.logits();
      for (const std::int64_t prompt : {1, 4, 64}) {
        model::generation<cuda_backend, double> g(run.m, count);
        double worst = 0, size = 0;
        for (std::int64_t t = 0; t < length;) {
          const std::int64_t n = t == 0 ? prompt : 1;
          std::vector<std::int32_t> part;
          for (std::int64_t s = 0; s < count; ++s)
            part.insert(part.end(), ids.begin() + s * length + t, ids.begin() + s * length + t + n);
          const auto& found = g.feed(part, n);
          t += n;
          for (std::int64_t s = 0; s < count; ++s)
            for (std::int64_t v = 0; v < c.vocab; ++v) {
              const double w = wanted[static_cast<std::size_t>((s * length + t - 1) * c.vocab + v)],
                           error = std::abs(found[static_cast<std::size_t>(s * c.vocab + v)] - w);
              if (std::isnan(error) || error > worst) worst = error;
              size = std::max(size, std::abs(w));
            }
        }
        BOOST_TEST(worst <= 1e-11 * size, position << ", window " << window << ", prompt " << prompt << ": " << worst);
      }
    }
}

BOOST_AUTO_TEST_CASE(replayed_steps_are_the_same) {
  on_gpu<bf16> run(hybrid(6, "rope"));
  model::generation<cuda_backend, bf16> replayed(run.m, 2), launched(run.m, 2);
  std::vector<std::vector<float>> found;
  const auto ids = [](int t) { return std::vector<std::int32_t>{(3 + 7 * t) % 96, (5 + 11 * t) % 96}; };
  std::int64_t steady = -1, before = -1;  // memory that changes hands ends a recording: none does after the first steps
  for (int t = 0; t < 20; ++t) {
    if (t == 4) steady = run.b.on().changes();
    if (t == 5) before = run.b.on().replays();
    found.push_back(replayed.step(ids(t)));
  }
  BOOST_TEST(run.b.on().changes() == steady);
  const std::int64_t after = run.b.on().replays();
  BOOST_TEST(after - before == 15);
  for (int t = 0; t < 20; ++t) {
    run.b.allocate<float>(1);  // nothing is replayed
    BOOST_TEST((launched.step(ids(t)) == found[static_cast<std::size_t>(t)]), "token " << t);
  }
  BOOST_TEST(run.b.on().replays() == after);
}

// Words drawn where the logits are: those that the logits give, while steps are replayed.
BOOST_AUTO_TEST_CASE(draws_after_replayed_steps) {
  const std::int64_t count = 5, words = 93;
  on_gpu<bf16> run(hybrid(6, "rope"));
  model::generation<cuda_backend, bf16> drawn(run.m, count), stepped(run.m, count);
  std::mt19937_64 random(2);
  std::vector<std::vector<double>> u;
  std::vector<std::vector<std::int32_t>> ids = {{3, 5, 7, 11, 13}};
  std::int64_t steady = -1, before = -1;
  for (int t = 0; t < 20; ++t) {
    if (t == 4) steady = run.b.on().changes();
    if (t == 5) before = run.b.on().replays();
    u.emplace_back(count);
    for (double& x : u.back()) x = train::uniform(random);
    ids.push_back(drawn.draw(ids.back(), u.back(), words));
  }
  BOOST_TEST(run.b.on().changes() == steady);
  BOOST_TEST(run.b.on().replays() - before == 15);
  layer::row_draws<cuda_backend, float> draws;
  auto logits = run.b.allocate<float>(count * 96);
  for (std::size_t t = 0; t < u.size(); ++t) {
    const auto after = stepped.step(ids[t]);
    run.b.upload(after.data(), logits.data(), logits.size());
    const float* const rows = logits.data();
    BOOST_TEST((draws(run.b, rows, 96, words, u[t]) == ids[t + 1]), "token " << t);
  }
}
