// Small models of every kind with random weights, for tests.
#pragma once

#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "instances/models.hpp"
#include "supra/supra.hpp"
#include "test.hpp"

namespace supra_test {

using backend = supra::eigen_backend;

template <class T, class B = backend> supra::model::attention_registry<B, T> registry() {
  using namespace supra;
  model::attention_registry<B, T> r;
  model::add_paper_attention(r);
  r.template add<linear_attention<hedgehog, rope, learned_decay, sum_norm>>("hedgehog/rope/learned/sum");
  r.template add<linear_attention<softmax_temperature, rope, per_token_decay, rms_norm_gain>>(
      "softmax_temperature/rope/per_token/rms_norm_gain");
  r.template add<linear_attention<hedgehog, no_position, per_token_decay, sum_norm>>("hedgehog/none/per_token/sum");
  r.template add<linear_attention<elementwise<relu>, no_position, slope_decay, group_norm>>("relu/none/slopes/group_norm");
  r.template add<linear_attention<elementwise<relu>, absolute, slope_decay, group_norm>>("relu/absolute/slopes/group_norm");
  return r;
}
#ifndef __CUDACC__
extern template supra::model::attention_registry<backend, double> registry();  // instances/
extern template supra::model::attention_registry<backend, float> registry();
extern template supra::model::attention_registry<backend, supra::bf16> registry();
#endif

inline std::map<std::string, supra::model::config> models() {
  using supra::model::map_kind;
  supra::model::config c;
  c.vocab = 29, c.dim = 24, c.layers = 2, c.heads = 4, c.kv_heads = 4, c.head_dim = 6, c.hidden = 40, c.max_length = 64;
  std::map<std::string, supra::model::config> all;
  auto grouped = c;
  grouped.kv_heads = 2, grouped.attention.shared_map = false;
  all["teacher"] = c;
  auto t = grouped;
  t.sliding_window = 9, t.tied = false, t.attention_bias = true;
  all["teacher, window"] = t;
  t = grouped;
  t.scaling.kind = "yarn", t.scaling.factor = 4, t.scaling.original_length = 16, t.norm = supra::model::norm_kind::layer_gain;
  all["teacher, yarn"] = t;
  auto s = c;
  s.linear = true;
  all["student"] = s;
  s = grouped;
  s.linear = true, s.attention.qk_norm = true, s.attention.decay = "retnet", s.norm = supra::model::norm_kind::layer_gain;
  all["student, qk-norm"] = s;
  s = grouped;
  s.linear = true, s.attention.feature = "hedgehog", s.attention.decay = "learned", s.attention.normalizer = "sum",
  s.attention.map = map_kind::per_head;
  all["student, hedgehog"] = s;
  s.attention.feature = "softmax_temperature", s.attention.decay = "per_token", s.attention.normalizer = "rms_norm_gain",
  s.attention.map = map_kind::dense;
  s.attention_bias = true;
  all["student, per token"] = s;
  s = c;
  s.linear = true, s.attention.map_depth = 3, s.attention.map_width = 2.0 / 3, s.attention.qk_norm = true;
  all["student, deep maps"] = s;
  s = grouped;
  s.linear = true, s.attention.feature = "hedgehog", s.attention.decay = "learned", s.attention.normalizer = "sum",
  s.attention.map = map_kind::per_head, s.attention.map_depth = 2, s.attention.map_width = 2;
  all["student, wide maps"] = s;
  s = all["student, per token"];
  s.attention.output_gate = true, s.attention.map = map_kind::per_head, s.attention_bias = false;
  all["student, output gate"] = s;
  s = all["student, hedgehog"];
  s.attention.position = "rope_before", s.attention.decay = "per_token", s.attention.map_depth = 2, s.attention.map_width = 2;
  s.scaling.kind = "yarn", s.scaling.factor = 4, s.scaling.original_length = 16;
  all["student, rope before"] = s;
  s = c;
  s.linear = true, s.attention.position = "rope_before";
  all["student, rope before a shared map"] = s;
  s = c;
  s.linear = true, s.attention.position = "absolute";
  all["student, absolute"] = s;
  s = grouped;
  s.linear = true, s.attention.map = map_kind::none, s.tied = false;
  all["student, no map"] = s;
  return all;
}

// Students with a window of softmax beside them: grouped heads or not, turned before the map or not, an output gate or not;
// windows that are one token, a few, or longer than a text.
inline std::map<std::string, supra::model::config> hybrids() {
  const auto students = models();
  std::map<std::string, supra::model::config> all;
  for (auto& [name, window] : std::map<std::string, std::int64_t>{{"student", 5},
                                                                  {"student, per token", 1},
                                                                  {"student, output gate", 7},
                                                                  {"student, rope before", 6},
                                                                  {"student, rope before a shared map", 64},
                                                                  {"student, qk-norm", 100},
                                                                  {"student, absolute", 3}}) {
    auto c = students.at(name);
    c.attention.window = window, all[name + ", window"] = c;
  }
  return all;
}
inline std::map<std::string, supra::model::config> models_and_hybrids() {
  auto all = models();
  all.merge(hybrids());
  return all;
}

// What can run of a model, each alone and together.
inline std::vector<supra::model::branches> branches_of(const supra::model::config& c) {
  using enum supra::model::branches;
  return supra::model::is_hybrid(c) ? std::vector{both, linear, window} : std::vector{both};
}

inline std::vector<std::int32_t> random_tokens(std::int64_t vocab, std::int64_t n, std::uint64_t seed) {
  std::mt19937_64 g(seed);
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < n; ++i) ids.push_back(static_cast<std::int32_t>(g() % static_cast<std::uint64_t>(vocab)));
  return ids;
}

// Weights of size 1/sqrt(columns), gains around 1, decays that are neither 0 nor 1.
template <class T> std::vector<T> some_values(const supra::model::config& c, std::uint64_t seed = 3) {
  const supra::model::parameter_layout layout(c);
  std::mt19937_64 g(seed);
  std::normal_distribution<double> normal;
  std::vector<T> v(static_cast<std::size_t>(layout.size()), T(0));
  for (auto& t : layout.tensors()) {
    const bool gain =
        t.name.ends_with("norm.weight") || t.name.ends_with("normalizer") || t.name.find("feature_") != std::string::npos;
    const double shift = gain ? 1 : t.name.ends_with("decay_gate.bias") ? 2 : t.name.ends_with("self_attn.decay") ? -1.5 : 0;
    const double scale = gain || t.shape.size() == 1 ? 0.1 : 1 / std::sqrt(static_cast<double>(t.shape.back()));
    for (std::int64_t i = 0; i < t.size; ++i)
      v[static_cast<std::size_t>(t.offset + i)] = static_cast<T>(shift + scale * normal(g));
  }
  return v;
}

// A model on its own backend.
template <class T, class B = backend> struct made {
  using storage = T;
  B b;
  supra::model::transformer<B, T> m;
  explicit made(const supra::model::config& c, std::uint64_t seed = 3) : m(b, c, registry<T, B>()) {
    m.load(some_values<supra::accumulator_t<T>>(c, seed));
  }
};

// The gradient of f(values), a model's parameters, along random directions within each tensor: every tensor counts, and no
// evaluation is wasted on single numbers.
template <class F>
void check_along_directions(const supra::model::parameter_layout& layout, const std::vector<double>& values,
                            const std::vector<double>& gradient, F f) {
  std::mt19937_64 g(1);
  std::normal_distribution<double> normal;
  for (auto& t : layout.tensors()) {
    std::vector<double> direction(static_cast<std::size_t>(t.size));
    double along = 0, size = 0;
    for (std::int64_t i = 0; i < t.size; ++i) {
      const double d = direction[static_cast<std::size_t>(i)] = normal(g), x = gradient[static_cast<std::size_t>(t.offset + i)];
      along += d * x, size += x * x;
    }
    auto moved = [&](double by) {
      auto x = values;
      for (std::int64_t i = 0; i < t.size; ++i)
        x[static_cast<std::size_t>(t.offset + i)] += by * direction[static_cast<std::size_t>(i)];
      return f(x);
    };
    const double h = 2e-7, up = moved(h), found = (up - moved(-h)) / (2 * h);  // so small that hardly a relu changes sides
    const double rounding = 4 * std::numeric_limits<double>::epsilon() * std::abs(up) / h;  // some units of the last place of f
    BOOST_TEST(std::abs(found - along) <= 1e-6 * std::sqrt(size) + rounding,
               t.name << ": gradient " << along << ", differences " << found << ", size " << std::sqrt(size));
  }
}

}  // namespace supra_test
