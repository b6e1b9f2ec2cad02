// A hybrid's heads are the mix of two models' own: a softmax transformer with that window and a student without one, of the same
// weights; either branch alone is that model to the last bit; a branch that does not run has no gradient and spoils none.
#include "supra/model/attention_half.hpp"

#include <tuple>

#include "models.hpp"

using namespace supra_test;
namespace model = supra::model;
using model::branches;
using numbers = std::vector<double>;

namespace {
constexpr std::int64_t count = 2, length = 23;

// The weights of another model, of tensors that both have.
template <class M, class Other>
void take_weights(M& to, const Other& from) {
  auto values = to.values();
  const auto others = from.values();
  for (auto& t : to.layout.tensors())
    std::copy_n(others.begin() + from.layout.at(t.name).offset, t.size, values.begin() + t.offset);
  to.load(values);
}
// What the last layer's Wo multiplies, of what the layer is given by a model of its own.
template <class M, class T>
std::vector<T> heads(M& m, const std::vector<T>& x) {
  m.prepare(count, length), m.run_attention(1, x.data());
  const T* o = m.heads_output(1);
  return {o, o + count * length * m.c.heads * m.c.head_dim};
}
template <class T>
std::vector<T> some_rows(const model::config& c) {
  std::mt19937_64 g(7);
  std::normal_distribution<double> normal;
  std::vector<T> x(static_cast<std::size_t>(count * length * c.dim));
  for (auto& y : x) y = static_cast<T>(normal(g));
  return x;
}
using storages = std::tuple<float, double>;
}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(heads_are_the_mix_of_two_models, T, storages) {
  for (auto& [name, c] : hybrids()) BOOST_TEST_CONTEXT(name) {
    auto alone = c, teacher = c;
    alone.attention.window = 0;
    teacher.linear = false, teacher.sliding_window = c.attention.window, teacher.attention = {};
    made<T> a(c), linear(alone), softmax(teacher);
    take_weights(linear.m, a.m), take_weights(softmax.m, a.m);
    const auto x = some_rows<T>(c);
    const auto z = heads(linear.m, x), w = heads(softmax.m, x), both = heads(a.m, x);
    a.m.attention.run = branches::linear;
    const auto of_linear = heads(a.m, x);
    a.m.attention.run = branches::window;
    const auto of_window = heads(a.m, x);
    BOOST_TEST((of_linear == z));
    if (!c.attention.output_gate) BOOST_TEST((of_window == w));
    const auto values = a.m.values();
    const T* mix = values.data() + a.m.layout.at("model.layers.1.self_attn.branch_mix").offset;
    double apart = 0;
    for (std::size_t i = 0; i < both.size(); ++i) {
      const double m = 1 / (1 + std::exp(-static_cast<double>(mix[i / static_cast<std::size_t>(c.head_dim) %
                                                                  static_cast<std::size_t>(c.heads)])));
      const double y = of_window[i], l = of_linear[i];
      BOOST_TEST(std::abs(both[i] - (m * y + (1 - m) * l)) <= 8 * std::numeric_limits<T>::epsilon() * (std::abs(y) + std::abs(l)));
      apart = std::max(apart, std::abs(y - l));
    }
    BOOST_TEST(apart > 0.1);
  }
}

// An output gate is on what is mixed, so it is the same on both branches.
BOOST_AUTO_TEST_CASE(the_gate_is_on_the_mix) {
  const auto c = hybrids().at("student, output gate, window");
  auto open = c;
  open.attention.output_gate = false;
  made<double> gated(c), plain(open);
  take_weights(plain.m, gated.m);
  const auto x = some_rows<double>(c);
  numbers ratio;
  for (auto run : {branches::both, branches::linear, branches::window}) {
    gated.m.attention.run = plain.m.attention.run = run;
    const auto y = heads(gated.m, x), o = heads(plain.m, x);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double g = y[i] / o[i];
      if (ratio.size() < y.size()) ratio.push_back(g);
      BOOST_TEST(std::abs(g - ratio[i]) <= 1e-12 * (1 + std::abs(g)));
    }
  }
}

// What forward ran is what backward is of, whatever is to run next; tensors of the other branch are not touched.
BOOST_AUTO_TEST_CASE(a_branch_that_did_not_run_has_no_gradient) {
  const auto c = hybrids().at("student, output gate, window");
  for (auto run : {branches::both, branches::linear, branches::window}) BOOST_TEST_CONTEXT(static_cast<int>(run)) {
    made<double> a(c);
    const auto ids = random_tokens(c.vocab, count * length, 5), targets = random_tokens(c.vocab, count * length, 6);
    numbers g(static_cast<std::size_t>(a.m.layout.size()), 0.0);
    a.m.attention.run = run;
    a.m.forward(ids, count, length);
    a.m.attention.run = run == branches::both ? branches::linear : branches::both;
    a.m.loss(targets, 0, g.data());
    for (auto& t : a.m.layout.tensors()) {
      double size = 0;
      for (std::int64_t i = 0; i < t.size; ++i) size += std::abs(g[static_cast<std::size_t>(t.offset + i)]);
      const bool of_linear = t.added && !t.name.ends_with("output_gate.weight") && !t.name.ends_with("branch_mix");
      const bool untouched = run == branches::window ? of_linear || t.name.ends_with("branch_mix")
                                                     : run == branches::linear && t.name.ends_with("branch_mix");
      BOOST_TEST((size == 0) == untouched, t.name << ": " << size);
    }
  }
}

// Elsewhere there is one branch, whatever is asked for.
BOOST_AUTO_TEST_CASE(a_model_without_a_window_has_one_branch) {
  for (const char* name : {"student", "teacher, window"}) {
    const auto c = models().at(name);
    made<float> a(c);
    const auto ids = random_tokens(c.vocab, count * length, 5);
    a.m.forward(ids, count, length);
    const auto usual = a.m.logits();
    for (auto run : {branches::linear, branches::window}) {
      a.m.attention.run = run, a.m.forward(ids, count, length);
      BOOST_TEST((a.m.logits() == usual));
    }
  }
}
