// Every kind of model: each gradient of the loss against central differences in double, and what a model refuses.
#include <cstring>

#include "models.hpp"

using namespace supra_test;
using supra::model::branches;

namespace {

void check_gradients(const supra::model::config& c, double z, branches run = branches::both) {
  const std::int64_t count = 2, length = 19;
  made<double> a(c);
  a.m.attention.run = run;
  const auto ids = random_tokens(c.vocab, count * length, 5);
  auto targets = random_tokens(c.vocab, count * length, 6);
  targets[3] = targets[20] = -1;
  const double predictions = static_cast<double>(count * length - 2);
  const auto values = some_values<double>(c);
  std::vector<double> gradient(values.size(), 0.0);
  a.m.forward(ids, count, length);
  a.m.loss(targets, z, gradient.data());
  auto f = [&](const std::vector<double>& x) {
    a.m.load(x);
    a.m.forward(ids, count, length);
    double sum = a.m.loss(targets) / predictions;
    const auto logits = a.m.logits();
    for (std::size_t t = 0; t < targets.size() && z > 0; ++t) {
      if (targets[t] < 0) continue;
      double e = 0;
      for (std::int64_t v = 0; v < c.vocab; ++v)
        e += std::exp(logits[t * static_cast<std::size_t>(c.vocab) + static_cast<std::size_t>(v)]);
      sum += z * std::log(e) * std::log(e) / predictions;
    }
    return sum;
  };
  check_along_directions(a.m.layout, values, gradient, f);
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_gradient) {
  for (auto& [name, c] : models()) BOOST_TEST_CONTEXT(name) check_gradients(c, 0);
}
BOOST_AUTO_TEST_CASE(every_gradient_of_a_hybrid) {
  for (auto& [name, c] : hybrids())
    for (auto run : {branches::both, branches::linear, branches::window})
      BOOST_TEST_CONTEXT(name << ", branches " << static_cast<int>(run)) check_gradients(c, 0, run);
}
BOOST_AUTO_TEST_CASE(every_gradient_with_z_loss) { check_gradients(models().at("student"), 0.05); }

// forward adds and normalizes at once, its pieces one after the other: the same stream, to the bit.
template <class T>
void forward_is_its_pieces(const supra::model::config& c) {
  const std::int64_t count = 2, length = 19, n = count * length * c.dim;
  made<T> a(c);
  const auto ids = random_tokens(c.vocab, count * length, 5);
  std::vector<T> whole, pieces;
  const auto keep = [&](std::vector<T>& to) {
    for (std::int64_t l = 0; l <= c.layers; ++l) to.insert(to.end(), a.m.layer_input(l), a.m.layer_input(l) + n);
  };
  a.m.forward(ids, count, length), keep(whole);
  a.m.upload(ids, count, length), a.m.embed();
  for (std::int64_t l = 0; l < c.layers; ++l) a.m.attention_forward(l), a.m.feed_forward(l);
  keep(pieces);
  BOOST_TEST((std::memcmp(whole.data(), pieces.data(), whole.size() * sizeof(T)) == 0));
}
BOOST_AUTO_TEST_CASE(the_same_stream_piece_by_piece) {
  for (auto& [name, c] : models())
    BOOST_TEST_CONTEXT(name) {
      forward_is_its_pieces<double>(c), forward_is_its_pieces<float>(c);
    }
}

BOOST_AUTO_TEST_CASE(gradients_add_up) {
  const auto c = models().at("student, per token");
  made<float> a(c);
  const auto ids = random_tokens(c.vocab, 20, 5), targets = random_tokens(c.vocab, 20, 6);
  std::vector<float> once(static_cast<std::size_t>(a.m.layout.size()), 0.0f), twice = once;
  for (auto* g : {&once, &twice, &twice}) a.m.forward(ids, 2, 10), a.m.loss(targets, 1e-4, g->data());
  double worst = 0, most = 0;
  for (std::size_t i = 0; i < once.size(); ++i)
    worst = std::max<double>(worst, std::abs(2 * once[i] - twice[i])), most = std::max<double>(most, std::abs(once[i]));
  BOOST_TEST(worst <= 1e-6 * most);
}

BOOST_AUTO_TEST_CASE(what_forward_left_is_used_once) {
  const auto c = models().at("student");
  made<float> a(c);
  const auto ids = random_tokens(c.vocab, 10, 5);
  std::vector<float> gradients(static_cast<std::size_t>(a.m.layout.size()), 0.0f);
  BOOST_CHECK_THROW(a.m.logits(), std::logic_error);
  a.m.forward(ids, 1, 10);
  BOOST_TEST(a.m.loss(ids) == a.m.loss(ids));        // without gradients it stays
  a.m.loss(ids, 0, gradients.data());
  BOOST_CHECK_THROW(a.m.logits(), std::logic_error);
  BOOST_CHECK_THROW(a.m.loss(ids), std::logic_error);
  a.m.forward(ids, 1, 10);
  a.m.run_attention(0, a.m.layer_input(0));
  BOOST_CHECK_THROW(a.m.logits(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(what_runs_was_uploaded_before) {
  const auto c = models().at("student");
  made<float> a(c);
  const auto ids = random_tokens(c.vocab, 10, 5);
  std::vector<float> gradients(static_cast<std::size_t>(a.m.layout.size()), 0.0f);
  const auto refused = [&] {
    BOOST_CHECK_THROW(a.m.forward(), std::logic_error);
    BOOST_CHECK_THROW(a.m.upload_targets(ids), std::logic_error);
    BOOST_CHECK_THROW(a.m.check_targeted(), std::logic_error);
  };
  refused(), a.m.prepare(1, 10), refused();  // memory alone
  a.m.forward(ids, 1, 10);
  BOOST_CHECK_THROW(a.m.launch_loss(0, nullptr, 10), std::logic_error);
  a.m.upload_targets(ids, false), a.m.launch_loss(0, nullptr, 10);
  BOOST_CHECK_THROW(a.m.launch_loss(0, gradients.data(), 10), std::logic_error);  // without the tokens of each id
  a.m.upload_targets(ids), a.m.launch_loss(0, gradients.data(), 10);
  a.m.upload(ids, 1, 10), a.m.upload_targets(ids);
  a.m.prepare(1, 12), a.m.prepare(1, 10), refused();  // other memory
}

BOOST_AUTO_TEST_CASE(later_tokens_change_nothing_before_them) {
  for (auto& [name, c] : models_and_hybrids()) BOOST_TEST_CONTEXT(name) {
    made<float> a(c);
    auto ids = random_tokens(c.vocab, 70, 5);
    a.m.forward(ids, 1, 70);
    const auto before = a.m.logits();
    for (std::size_t i = 66; i < 70; ++i) ids[i] = (ids[i] + 1) % static_cast<std::int32_t>(c.vocab);
    a.m.forward(ids, 1, 70);
    const auto after = a.m.logits();
    BOOST_TEST(std::equal(before.begin(), before.begin() + 66 * c.vocab, after.begin()));
    BOOST_TEST(!std::equal(before.end() - c.vocab, before.end(), after.end() - c.vocab));
  }
}
