// The registry: names to compositions, stages that take their numbers from the configuration, and what it has not.
#include "supra/model/compositions.hpp"

#include <vector>

#include "supra/core/serial.hpp"
#include "supra/decay/per_token.hpp"
#include "supra/feature/softmax_temperature.hpp"
#include "supra/model/transformer.hpp"
#include "test.hpp"

using namespace supra;

namespace {

model::config two_heads(double theta = 1e4, double start = 0) {
  model::config c;
  c.heads = c.kv_heads = 2, c.head_dim = 4, c.rope_theta = theta, c.attention.decay_start = start;
  return c;
}

// The output of `tokens` equal tokens with features that are all 1 and values that are not.
std::vector<double> run(any_attention<serial_backend, double>& a, std::int64_t tokens = 3) {
  serial_backend b;
  std::vector<double> q(static_cast<std::size_t>(tokens * 8), 1.0), v, o(q.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < q.size(); ++i) v.push_back(static_cast<double>(i * i % 7));
  attention_inputs<double> in;
  in.q = in.k = dense<const double>(q.data(), 2, 4), in.v = dense<const double>(v.data(), 2, 4);
  a.forward(b, {tokens, 2, 2, 4, 4}, {1, tokens}, in, {dense(o.data(), 2, 4)});
  return o;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_papers_compositions) {
  model::attention_registry<serial_backend, double> r;
  model::add_paper_attention(r);
  for (const char* feature : {"relu", "identity"})
    for (const char* decay : {"slopes", "retnet", "none"}) {
      auto c = two_heads();
      c.attention.feature = feature, c.attention.decay = decay;
      const std::string name = model::composition_name(c.attention);
      BOOST_TEST(name == std::string(feature) + "/rope/" + decay + "/group_norm");
      BOOST_TEST(r.has(name));
      const auto o = run(*r.make(c, c.attention));
      for (double x : o) BOOST_TEST(std::isfinite(x));
    }
  BOOST_TEST(!r.has("relu/rope/learned/group_norm"));
}

BOOST_AUTO_TEST_CASE(rows_that_are_turned_before_the_map_have_no_position_after_it) {
  auto a = two_heads().attention;
  a.position = "rope_before";
  BOOST_TEST(model::composition_name(a) == "relu/none/slopes/group_norm");
  BOOST_TEST(model::stages_name(a) == "relu/rope_before/slopes/group_norm");
}

BOOST_AUTO_TEST_CASE(what_it_was_not_built_with_is_named_with_what_it_has) {
  model::attention_registry<serial_backend, double> r;
  auto a = two_heads().attention;
  r.add<linear_attention<elementwise<relu>, rope, no_decay, group_norm>>("relu/rope/none/group_norm");
  a.decay = "learned";
  BOOST_CHECK_EXCEPTION(r.make(two_heads(), a), std::invalid_argument, [](auto& e) {
    const std::string s = e.what();
    return s.find("was not built with the attention relu/rope/learned/group_norm; it has relu/rope/none/group_norm") != s.npos;
  });
}

// Stages made here with the same numbers give the same bits; with others they do not.
BOOST_AUTO_TEST_CASE(stages_take_the_configurations_numbers) {
  model::attention_registry<serial_backend, double> r;
  model::add_paper_attention(r);
  using paper = linear_attention<elementwise<relu>, rope, slope_decay, group_norm>;
  auto directly = [](double theta, double start) {
    paper stages;
    stages.position.theta = theta, stages.decay.start = start;
    attention<paper, serial_backend, double> a(stages);
    return run(a);
  };
  for (double theta : {1e4, 100.0})
    for (double start : {0.0, 0.7}) {
      const auto c = two_heads(theta, start);
      BOOST_TEST(run(*r.make(c, c.attention)) == directly(theta, start), boost::test_tools::per_element());
    }
  BOOST_TEST(directly(100, 0) != directly(1e4, 0));
  BOOST_TEST(directly(1e4, 0.7) != directly(1e4, 0));
}

BOOST_AUTO_TEST_CASE(scaled_rope_takes_the_scaling) {
  auto c = two_heads(5e5);
  c.scaling.kind = "llama3", c.scaling.factor = 8, c.scaling.original_length = 1024;
  rope_scaled p;
  model::configure(p, c);
  BOOST_TEST(p.theta == 5e5);
  BOOST_TEST((p.kind == rope_scaling_kind::llama3));
  BOOST_TEST(p.factor == 8);
  BOOST_TEST(p.original_length == 1024);
  xpos turned_and_scaled;
  model::configure(turned_and_scaled, c);
  BOOST_TEST(turned_and_scaled.theta == 5e5);
}

// Under a name of one's own, learned numbers would have no tensors: the model says so before anything is read.
BOOST_AUTO_TEST_CASE(own_stages_with_learned_numbers_are_refused_in_words) {
  model::attention_registry<serial_backend, double> r;
  r.add<linear_attention<softmax_temperature, rope, no_decay, group_norm>>("mine/rope/none/group_norm");
  r.add<linear_attention<elementwise<relu>, rope, per_token_decay, group_norm>>("relu/rope/mine/group_norm");
  for (const char* which : {"feature", "decay"}) {
    auto c = two_heads();
    c.linear = true, c.vocab = 8, c.dim = 8, c.layers = 1, c.hidden = 8;
    c.attention.decay = "none", (which[0] == 'f' ? c.attention.feature : c.attention.decay) = "mine";
    serial_backend b;
    BOOST_CHECK_EXCEPTION((model::transformer<serial_backend, double>(b, c, r)), std::invalid_argument, [](auto& e) {
      return std::string(e.what()).find("the stage mine needs") != std::string::npos;
    });
  }
}
