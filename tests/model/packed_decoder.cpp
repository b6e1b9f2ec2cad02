// Generation on packed weights: f32 is the plain generation with its sums in another order, fewer bits cost what their bounds
// allow; scores are the losses of the same tokens; saved states fit every kind.
#include "supra/model/packed_decoder.hpp"

#include "../io/temporary.hpp"
#include "models.hpp"
#include "supra/model/state_file.hpp"

using namespace supra_test;
using supra::layer::weight_kind;
using packed = supra::model::packed_decoder<backend>;
using generation = supra::model::generation<backend, float>;

namespace {
struct packed_model {
  backend b;
  packed m;
  packed_model(const supra::model::config& c, weight_kind kind) : m(b, c, registry<float>(), some_values<float>(c), kind) {}
};
// Largest difference of logits over the largest logit.
double apart(const std::vector<float>& x, const std::vector<float>& y) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    difference = std::max(difference, std::abs(double(x[i]) - y[i])), size = std::max(size, std::abs(double(y[i])));
  return x.size() == y.size() ? difference / size : INFINITY;
}
// A model whose first tokens meet at a score near 0, which its group norm enlarges: a weight changed by u changes a logit by
// 500 u, where it is 4 to 60 u elsewhere. What few bits cost there says nothing.
bool few_bits_are_too_few(const std::string& model, weight_kind kind) {
  return kind != weight_kind::f32 && model == "student, qk-norm, window";
}
}  // namespace

// 2e-4: the tolerance of one float generation against another (state.cpp). A rounding of relative size u in every weight moves
// a logit by some u times a small factor: the fewer bits' are measured here with room, their meaning in losses.
BOOST_AUTO_TEST_CASE(logits_of_every_model_and_kind) {
  for (auto& [name, c] : models_and_hybrids())
    for (auto [kind, most] : {std::pair{weight_kind::f32, 2e-4}, {weight_kind::bf16, 0.1}, {weight_kind::int8, 0.2}})
      for (std::int64_t length : {1, 41}) BOOST_TEST_CONTEXT(name << ", " << name_of(kind) << ", pieces of " << length) {
          if (few_bits_are_too_few(name, kind)) continue;
          made<float> plain(c);
          packed_model other(c, kind);
          generation g(plain.m, 2), h(other.m, 2);
          for (std::uint64_t i = 0; i < 3; ++i) {
            const auto ids = random_tokens(c.vocab, 2 * length, i);
            const double d = apart(h.feed(ids, length), g.feed(ids, length));
            BOOST_TEST(d <= most, d);
          }
        }
}

// A row's sums have one order: a text's logits are the same bits whatever is computed beside it. Where rows before the map are
// turned or seen by softmax, the backend makes the map's products, in an order that may depend on the number of rows: then they
// are as near as any two float generations.
BOOST_AUTO_TEST_CASE(texts_beside_each_other_do_not_touch) {
  for (auto& [name, c] : models_and_hybrids())
    for (auto kind : {weight_kind::f32, weight_kind::bf16, weight_kind::int8})
      BOOST_TEST_CONTEXT(name << ", " << name_of(kind)) {
        if (few_bits_are_too_few(name, kind)) continue;
        packed_model m(c, kind);
        generation one(m.m, 1), many(m.m, 7);
        one.feed(random_tokens(c.vocab, 12, 1), 12), many.spread(one);
        for (std::uint64_t t = 0; t < 4; ++t) {
          auto ids = random_tokens(c.vocab, 7, 2 + t);
          const auto& all = many.step(ids);
          const auto& own = one.step(std::vector{ids[5]});
          const std::vector<float> beside(all.begin() + 5 * c.vocab, all.begin() + 6 * c.vocab);
          if (c.linear && (supra::model::turns_before(c.attention) || supra::model::is_hybrid(c)))
            BOOST_TEST(apart(beside, own) <= 2e-4);
          else
            BOOST_TEST((beside == own));
        }
      }
}

BOOST_AUTO_TEST_CASE(a_score_is_the_loss) {
  for (auto& [name, c] : models_and_hybrids()) BOOST_TEST_CONTEXT(name) {
      made<float> plain(c);
      packed_model other(c, weight_kind::f32);
      const auto ids = random_tokens(c.vocab, 2 * 300, 1);
      auto targets = random_tokens(c.vocab, 2 * 300, 2);
      targets[0] = targets[299] = targets[400] = -1;
      plain.m.forward(ids, 2, 300);
      const double loss = plain.m.loss(targets);
      generation g(plain.m, 2), h(other.m, 2);
      BOOST_TEST(std::abs(g.score(ids, targets, 300) - loss) <= 1e-5 * loss);
      BOOST_TEST(std::abs(h.score(ids, targets, 300) - loss) <= 1e-5 * loss);
      BOOST_TEST(h.position() == 300);
    }
}

BOOST_AUTO_TEST_CASE(states_fit_every_kind) {
  const auto c = models().at("student");
  const temporary_folder folder;
  made<float> plain(c);
  packed_model other(c, weight_kind::int8);
  generation g(plain.m, 1), h(other.m, 1);
  g.feed(random_tokens(c.vocab, 9, 1), 9);
  supra::model::save_state(folder / "s", g);
  supra::model::load_state(folder / "s", h);
  BOOST_TEST(h.position() == 9);
  BOOST_TEST((h.logits() == g.logits()));
}

BOOST_AUTO_TEST_CASE(bytes_shrink_and_bad_weights_are_named) {
  const auto c = models().at("student");
  const auto bytes = [&](weight_kind kind) { return static_cast<double>(packed_model(c, kind).m.bytes()); };
  BOOST_TEST(bytes(weight_kind::bf16) < 0.6 * bytes(weight_kind::f32));
  BOOST_TEST(bytes(weight_kind::int8) < 0.45 * bytes(weight_kind::f32));
  backend b;
  auto values = some_values<float>(c);
  values[static_cast<std::size_t>(supra::model::parameter_layout(c).at("model.layers.1.mlp.up_proj.weight").offset)] = INFINITY;
  BOOST_CHECK_EXCEPTION(packed(b, c, registry<float>(), values, weight_kind::int8), std::invalid_argument,
                        says("model.layers.1.mlp.up_proj.weight: the weight in row 0, column 0 is inf"));
}
