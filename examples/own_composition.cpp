// One stage of each kind, checked, composed, and in a transformer that is trained and then runs token by token.
#include <cmath>
#include <iostream>
#include <random>

// [include]
#include "supra/eigen/backend.hpp"
#include "supra/model/generator.hpp"
#include "supra/model/linearize.hpp"
#include "supra/supra.hpp"
#include "supra/testing/check_composition.hpp"
#include "supra/testing/check_stage.hpp"
#include "supra/train/trainer.hpp"
// [include]

// [feature_map]
// Twice as wide as the row: y = [max(x, 0), max(-x, 0)].
struct two_sided {
  SUPRA_FN static constexpr int out_dim(int d) { return 2 * d; }

  SUPRA_INLINE void forward(auto lanes, const auto&, auto x, auto y) const {
    using A = typename decltype(y)::value_type;
    lanes.each_half(y.size(), [&](auto i, auto k) {
      const A u = x[i];
      y[i] = u > 0 ? u : A(0), y[k] = u < 0 ? -u : A(0);
    });
  }
  SUPRA_INLINE void vjp(auto lanes, const auto&, auto x, auto dy, auto dx) const {
    using A = typename decltype(dx)::value_type;
    lanes.each_half(dy.size(), [&](auto i, auto k) { dx[i] = A(x[i]) > 0 ? A(dy[i]) : A(x[i]) < 0 ? -A(dy[k]) : A(0); });
  }
};
// [feature_map]

// [position]
// Turns the pairs (2i, 2i + 1) by (i + 1) / longest of a full turn per token.
struct even_turns {
  double longest = 1024;  // tokens of the slowest turn

  int table_size(int n) const { return n / 2; }
  double table(int, int i) const { return (i + 1) / longest; }

  SUPRA_INLINE void prepare(auto lanes, const auto& at, auto angles) const {
    using A = typename decltype(angles)::value_type;
    lanes.each_pair(angles.size(), [&](auto i, auto k) {
      const auto turn = supra::math::sincos_turns<A>(static_cast<double>(at.position) * at.table[int(i) / 2]);
      angles[i] = turn.cos, angles[k] = turn.sin;
    });
  }
  SUPRA_INLINE void forward(auto lanes, const auto&, auto angles, auto x) const {
    using A = typename decltype(x)::value_type;
    lanes.each_pair(x.size(), [&](auto i, auto k) {
      const A u = x[i], v = x[k], c = angles[i], s = angles[k];
      x[i] = u * c - v * s, x[k] = u * s + v * c;
    });
  }
  SUPRA_INLINE void vjp(auto lanes, const auto&, auto angles, auto dx) const {  // in place too: dy comes in, dx goes out
    using A = typename decltype(dx)::value_type;
    lanes.each_pair(dx.size(), [&](auto i, auto k) {
      const A u = dx[i], v = dx[k], c = angles[i], s = angles[k];
      dx[i] = u * c + v * s, dx[k] = v * c - u * s;
    });
  }
};
// [position]

// [decay]
// Head h keeps half of its memory for 4 * 2^h tokens.
struct half_lives {
  static constexpr supra::decay_kind kind = supra::decay_kind::constant;
  double log_gamma(int head, int) const { return -std::log(2.0) / (4 * std::exp2(head)); }
};
// [decay]

// [gate]
// A number per token and head, a map of the layer's input: gamma = sigmoid(x)^(1/16), gentle as in gated linear attention.
struct gentle_gate {
  static constexpr supra::decay_kind kind = supra::decay_kind::per_token;
  template <class A>
  SUPRA_INLINE A log_gamma(A x) const {
    return -supra::math::softplus(-x) / A(16);
  }
  template <class A>
  SUPRA_INLINE A vjp(A x, A d) const {
    return d * supra::math::sigmoid(-x) / A(16);
  }
};
// [gate]

// [normalizer]
// Each head's row divided by its length: y = r o, r = 1 / sqrt(o . o + 1e-6).
struct unit_length {
  static constexpr bool wants_denominator = false;

  SUPRA_INLINE auto forward(auto lanes, const auto&, auto o, auto, auto y) const {
    using A = typename decltype(y)::value_type;
    const A r = A(1) / supra::math::sqrt(A(1e-6) + lanes.sum(o.size(), [&](auto i) { return A(o[i]) * A(o[i]); }));
    lanes.each(o.size(), [&](auto i) { y[i] = r * A(o[i]); });
    return r;  // the number to save
  }
  // From y and r alone: do = r (dy - y (y . dy)).
  SUPRA_INLINE auto vjp(auto lanes, const auto&, auto y, auto r, auto dy, auto dx) const {
    using A = typename decltype(dx)::value_type;
    const A along = lanes.sum(y.size(), [&](auto i) { return A(y[i]) * A(dy[i]); });
    lanes.each(y.size(), [&](auto i) { dx[i] = r * (A(dy[i]) - A(y[i]) * along); });
    return A(0);  // the gradient of z
  }
};
// [normalizer]

// [own_number]
// A learned slope g of each head for what is negative: y = x where x > 0, else g x.
struct learned_leak {
  SUPRA_FN static constexpr int out_dim(int d) { return d; }
  SUPRA_FN static constexpr int parameters(int) { return 1; }

  SUPRA_INLINE void forward(auto lanes, const auto& at, auto x, auto y) const {
    using A = typename decltype(y)::value_type;
    lanes.each(x.size(), [&](auto i) { y[i] = A(x[i]) > 0 ? A(x[i]) : at.parameter(0) * A(x[i]); });
  }
  SUPRA_INLINE void vjp(auto lanes, const auto& at, auto x, auto dy, auto dx) const {
    using A = typename decltype(dx)::value_type;
    lanes.each(x.size(), [&](auto i) { dx[i] = A(x[i]) > 0 ? A(dy[i]) : at.parameter(0) * A(dy[i]); });
    const A dg = lanes.sum(x.size(), [&](auto i) { return A(x[i]) > 0 ? A(0) : A(x[i]) * A(dy[i]); });
    lanes.once([&] { at.add(0, dg); });
  }
};
// [own_number]

// [configure]
// Found by its argument: stages take numbers from the model's configuration.
inline void configure(even_turns& p, const supra::model::config& c) { p.longest = static_cast<double>(c.max_length); }
// [configure]

using backend = supra::eigen_backend;

template <class Composition, class T>
bool composed(const char* name) {
  // [check_composition]
  backend b;
  const auto r = supra::testing::check_composition<Composition, backend, T>(b, {});  // T: double, float, supra::bf16
  // [check_composition]
  std::cout << name << (r.ok() ? ": all forms agree\n" : ": failed\n");
  for (const auto& failure : r.failures) std::cout << "  - " << failure << "\n";
  return r.ok();
}

template <class Stage>
bool checked() {
  // [check_stage]
  const auto r = supra::testing::check_stage<Stage>();
  std::cout << r;
  // [check_stage]
  return r.ok();
}

// A stream with something to learn: a token is mostly the one before it plus 3.
std::vector<std::int32_t> stream(std::int32_t vocab, int n) {
  std::mt19937 g(5);
  std::vector<std::int32_t> s{0};
  while (static_cast<int>(s.size()) < n)
    s.push_back(static_cast<std::int32_t>(g() % 8 == 0 ? g() % 1000 : static_cast<unsigned>(s.back()) + 3) % vocab);
  return s;
}

int main() {
  bool ok = checked<two_sided>() && checked<even_turns>() && checked<half_lives>() && checked<gentle_gate>() &&
            checked<unit_length>() && checked<learned_leak>();
  // [gradient]
  const auto slope = supra::testing::check_gradients([](const auto& x) { return std::log1p(x[0] * x[0]); }, {0.5}, {0.8});
  if (!slope.ok()) std::cout << slope.sentence() << "\n";
  // [gradient]
  // [compose]
  using mine = supra::linear_attention<two_sided, even_turns, half_lives, unit_length>;
  // [compose]
  using learned = supra::linear_attention<learned_leak, even_turns, gentle_gate, unit_length>;
  ok = ok && slope.ok() && composed<mine, double>("mine in double, with gradients") &&
       composed<mine, supra::bf16>("mine in bf16") && composed<learned, double>("with learned numbers");

  // A teacher: a softmax transformer, trained a little.
  supra::model::config c;
  c.vocab = 29, c.dim = 16, c.layers = 1, c.heads = c.kv_heads = 2, c.head_dim = 8, c.hidden = 32, c.max_length = 32;
  const supra::train::windows text(stream(29, 1200), 24, 1);
  supra::train::trainer_settings settings;
  settings.steps = 40, settings.optimizer.lr = 1e-2, settings.optimizer.lr_added = 1e-2;
  backend b;

  // [registry]
  supra::model::attention_registry<backend, float> registry;
  registry.add<mine>("two_sided/even_turns/half_lives/unit_length");
  // [registry]
  supra::model::transformer<backend, float> teacher(b, c, registry);
  teacher.load(supra::model::random_values<float>(c, 1));
  supra::train::trainer<backend, float> lessons(b, teacher, text, settings);
  while (lessons.done < settings.steps) lessons.step();

  // [student]
  supra::model::linear_attention_config names;
  names.feature = "two_sided", names.position = "even_turns", names.decay = "half_lives", names.normalizer = "unit_length";
  const auto student_c = supra::model::student_config(c, names);
  supra::model::transformer<backend, float> student(b, student_c, registry);
  student.load(supra::model::linearize(c, teacher.values(), student_c, 1));
  supra::train::trainer<backend, float> trainer(b, student, text, settings);
  const double before = supra::train::evaluate(student, text, 8);
  while (trainer.done < settings.steps) trainer.step();
  const double after = supra::train::evaluate(student, text, 8);
  supra::model::generator<backend, float> writer(student);
  writer.feed({0, 3, 6});  // logits of the next token; the state keeps its size
  // [student]

  std::cout << "nats per token: teacher " << supra::train::evaluate(teacher, text, 8) << ", student " << before << ", trained "
            << after << "; a state of " << writer.state.bytes() << " bytes\n";
  const auto first = writer.state.bytes();
  for (int i = 0; i < 50; ++i) writer.step(3);
  return ok && after < before && writer.state.bytes() == first ? 0 : 1;
}
