// Names, shapes and places of the parameters of every kind of model.
#include "supra/model/parameters.hpp"

#include <set>

#include "test.hpp"

using namespace supra::model;
using shape = std::vector<std::int64_t>;

namespace {
config teacher() {
  config c;
  c.vocab = 29, c.dim = 20, c.layers = 2, c.heads = 4, c.kv_heads = 2, c.head_dim = 6, c.hidden = 40;
  return c;
}
config student(const linear_attention_config& a) {
  auto c = teacher();
  c.linear = true, c.attention = a, c.attention.shared_map = false;
  return c;
}
void has(const parameter_layout& l, const std::string& rest, const shape& wanted, bool added) {
  for (int i = 0; i < 2; ++i) {
    const auto& t = l.at(layer_name(i, "self_attn." + rest));
    BOOST_TEST(t.shape == wanted, boost::test_tools::per_element());
    BOOST_TEST(t.added == added);
  }
}
// Every place is aligned, none overlaps another, and nothing lies outside.
void sound(const parameter_layout& l) {
  std::set<std::string> names;
  std::int64_t end = 0, sum = 0;
  for (auto& t : l.tensors()) {
    std::int64_t n = 1;
    for (auto s : t.shape) n *= s;
    BOOST_TEST(t.size == n);
    BOOST_TEST(t.offset % 16 == 0);
    BOOST_TEST(t.offset >= end);
    BOOST_TEST(t.offset < end + 16);
    BOOST_TEST(names.insert(t.name).second);
    BOOST_TEST(l.at(t.name).offset == t.offset);
    end = t.offset + t.size, sum += t.size;
  }
  BOOST_TEST(l.size() >= end);
  BOOST_TEST(l.size() < end + 16);
  BOOST_TEST(l.count() == sum);
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_teacher) {
  const parameter_layout l(teacher());
  sound(l);
  BOOST_TEST(l.tensors().size() == 1 + 2 * 9 + 1);
  BOOST_TEST(l.at("model.embed_tokens.weight").shape == (shape{29, 20}), boost::test_tools::per_element());
  has(l, "q_proj.weight", {24, 20}, false), has(l, "k_proj.weight", {12, 20}, false), has(l, "v_proj.weight", {12, 20}, false);
  has(l, "o_proj.weight", {20, 24}, false);
  BOOST_TEST(l.at("model.layers.1.mlp.down_proj.weight").shape == (shape{20, 40}), boost::test_tools::per_element());
  BOOST_TEST(l.at("model.layers.1.mlp.gate_proj.weight").shape == (shape{40, 20}), boost::test_tools::per_element());
  BOOST_TEST(!l.has("lm_head.weight"));
  BOOST_TEST(!l.has("model.layers.0.self_attn.q_proj.bias"));
  auto c = teacher();
  c.tied = false, c.attention_bias = true;
  const parameter_layout all(c);
  sound(all);
  has(all, "q_proj.bias", {24}, false), has(all, "k_proj.bias", {12}, false), has(all, "v_proj.bias", {12}, false);
  BOOST_TEST(all.at("lm_head.weight").shape == (shape{29, 20}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_a_student_adds) {
  linear_attention_config a;
  const parameter_layout dense(student(a));
  sound(dense);
  has(dense, "map_q.weight", {24, 24}, true), has(dense, "map_k.weight", {12, 12}, true), has(dense, "map_q.bias", {24}, true),
      has(dense, "map_k.bias", {12}, true);
  has(dense, "q_proj.weight", {24, 20}, false);

  auto c = student(a);
  c.kv_heads = 4, c.attention.shared_map = true;
  const parameter_layout shared(c);
  sound(shared);
  has(shared, "map_q.weight", {24, 24}, true);
  BOOST_TEST(!shared.has("model.layers.0.self_attn.map_k.weight"));

  a.map = map_kind::per_head, a.feature = "hedgehog", a.qk_norm = true, a.decay = "learned";
  const parameter_layout heads(student(a));
  sound(heads);
  has(heads, "map_q.weight", {4, 6, 6}, true), has(heads, "map_k.weight", {2, 6, 6}, true),
      has(heads, "map_q.bias", {4, 6}, true), has(heads, "map_k.bias", {2, 6}, true);
  has(heads, "q_norm.weight", {48}, true), has(heads, "k_norm.weight", {48}, true),
      has(heads, "decay", {4}, true);  // qk-norm: keys of all heads

  a.map_depth = 3, a.map_width = 1.0 / 3 * 2;        // R = 4
  const parameter_layout deep(student(a));
  sound(deep);
  has(deep, "map_q.weight", {4, 4, 6}, true), has(deep, "map_q.1.weight", {4, 4, 4}, true),
      has(deep, "map_q.2.weight", {4, 4, 4}, true), has(deep, "map_k.2.bias", {2, 4}, true);
  has(deep, "q_norm.weight", {32}, true);
  BOOST_TEST(!deep.has("model.layers.0.self_attn.map_q.3.weight"));

  c.attention.map_depth = 2, c.attention.map_width = 2;
  const parameter_layout wide(c);
  sound(wide);
  has(wide, "map_q.weight", {48, 24}, true), has(wide, "map_q.bias", {48}, true), has(wide, "map_q.1.weight", {48, 48}, true);
  BOOST_TEST(!wide.has("model.layers.0.self_attn.map_k.weight"));

  a = {}, a.map = map_kind::none, a.feature = "softmax_temperature", a.decay = "per_token", a.normalizer = "rms_norm_gain";
  const parameter_layout gates(student(a));
  sound(gates);
  has(gates, "feature_q", {4, 1}, true), has(gates, "feature_k", {2, 1}, true), has(gates, "normalizer", {4, 6}, true);
  has(gates, "decay_gate.weight", {4, 20}, true), has(gates, "decay_gate.bias", {4}, true);
  BOOST_TEST(!gates.has("model.layers.0.self_attn.map_q.weight"));
  BOOST_TEST(!gates.has("model.layers.0.self_attn.output_gate.weight"));

  a.output_gate = true;
  const parameter_layout gated(student(a));
  sound(gated);
  has(gated, "output_gate.weight", {24, 20}, true);
  BOOST_TEST(!gated.has("model.layers.0.self_attn.branch_mix"));

  a.window = 7;
  const parameter_layout hybrid(student(a));
  sound(hybrid);
  has(hybrid, "branch_mix", {4}, true);
  BOOST_TEST(hybrid.count() == gated.count() + 2 * 4);
}

BOOST_AUTO_TEST_CASE(known_models_have_their_known_number_of_parameters) {
  config c;  // llama2.c's stories260K
  c.vocab = 512, c.dim = 64, c.layers = 5, c.heads = 8, c.kv_heads = 4, c.head_dim = 8, c.hidden = 172;
  BOOST_TEST(parameter_layout(c).count() == 260032);
  c.vocab = 32000, c.dim = 4096, c.layers = 32, c.heads = 32, c.kv_heads = 8, c.head_dim = 128, c.hidden = 14336,
  c.tied = false;  // Mistral 7B
  BOOST_TEST(parameter_layout(c).count() == 7241732096);
}

BOOST_AUTO_TEST_CASE(widths_of_features) {
  BOOST_TEST(feature_width("relu", 8) == 8);
  BOOST_TEST(feature_width("hedgehog", 8) == 16);
  BOOST_TEST(feature_width("taylor2", 8) == 73);
}

BOOST_AUTO_TEST_CASE(an_unknown_tensor_is_named) {
  const parameter_layout l(teacher());
  BOOST_CHECK_EXCEPTION(l.at("model.nothing"), std::out_of_range,
                        [](auto& e) { return std::string(e.what()) == "the model has no tensor named model.nothing"; });
}
