// Log-probabilities of continuations computed together, against each text alone through the whole model.
#include "supra/model/continuations.hpp"

#include "models.hpp"
#include "supra/model/packed_decoder.hpp"

using namespace supra_test;
using namespace supra::model;
using supra::layer::weight_kind;

namespace {

// Contexts of 7 to 71 tokens, each with three continuations of 1 to 6; the first two contexts begin alike.
std::vector<continuation> some_texts(std::int64_t vocab) {
  std::vector<continuation> all;
  std::uint64_t seed = 1;
  for (std::int64_t n : {7, 20, 66, 71}) {
    auto context = random_tokens(vocab, n, seed++);
    if (n == 20) std::copy_n(all.front().ids.begin(), 6, context.begin());
    for (std::int64_t more : {1, 3, 6}) {
      auto ids = context;
      const auto rest = random_tokens(vocab, more, seed++);
      ids.insert(ids.end(), rest.begin(), rest.end());
      all.push_back({ids, n});
    }
  }
  return all;
}
// The text alone: its last token is not read, those from `first` on are predicted. greedy from the logits.
template <class T>
continuation_score alone(made<T>& a, const continuation& t) {
  const std::vector<std::int32_t> ids(t.ids.begin(), t.ids.end() - 1);
  const auto n = static_cast<std::int64_t>(ids.size());
  a.m.forward(ids, 1, n);
  const auto logits = a.m.logits();
  continuation_score s;
  for (std::int64_t at = t.first - 1; at < n; ++at) {
    const auto row = logits.begin() + at * a.m.c.vocab;
    const auto target = t.ids[static_cast<std::size_t>(at + 1)];
    double sum = 0;
    for (std::int64_t v = 0; v < a.m.c.vocab; ++v) sum += std::exp(static_cast<double>(row[v]));
    s.log_likelihood += static_cast<double>(row[target]) - std::log(sum);
    s.greedy &= std::max_element(row, row + a.m.c.vocab) - row == target;
  }
  return s;
}
// weights_of(made): what generation reads.
template <class T, class Weights>
void same_as_alone(double most, Weights weights_of) {
  for (auto& [name, c] : models_and_hybrids())
    for (auto run : branches_of(c)) BOOST_TEST_CONTEXT(name << ", branches " << static_cast<int>(run)) {
      made<T> a(c);
      a.m.attention.run = run;
      const auto weights_of_a = weights_of(a);
      auto& weights = *weights_of_a;
      weights.run = run;
      continuation_scores<backend, T> scores(weights);
      auto texts = some_texts(c.vocab);
      for (auto t : some_texts(c.vocab)) {  // the likeliest next token, so that some are greedy
        const std::vector<std::int32_t> ids(t.ids.begin(), t.ids.begin() + t.first);
        a.m.forward(ids, 1, t.first);
        const auto logits = a.m.logits();
        const auto last = logits.end() - c.vocab;
        t.ids.resize(static_cast<std::size_t>(t.first));
        t.ids.push_back(static_cast<std::int32_t>(std::max_element(last, logits.end()) - last));
        texts.push_back(t);
      }
      const auto found = scores(texts);
      const auto again = scores(texts);
      std::size_t greedy = 0;
      for (std::size_t i = 0; i < texts.size(); ++i) {
        const auto wanted = alone(a, texts[i]);
        BOOST_TEST(std::abs(found[i].log_likelihood - wanted.log_likelihood) <= most * std::abs(wanted.log_likelihood),
                   "text " << i << ": " << found[i].log_likelihood << ", alone " << wanted.log_likelihood);
        BOOST_TEST(found[i].greedy == wanted.greedy);
        BOOST_TEST(again[i].log_likelihood == found[i].log_likelihood);
        greedy += wanted.greedy;
      }
      BOOST_TEST(greedy >= 12u);
      BOOST_TEST(greedy < texts.size());
    }
}

}  // namespace

constexpr auto plain = []<class T>(made<T>& a) { return std::make_unique<plain_decoder<backend, T>>(a.m); };

BOOST_AUTO_TEST_CASE(together_as_alone_in_double) { same_as_alone<double>(1e-11, plain); }
BOOST_AUTO_TEST_CASE(together_as_alone_in_float) { same_as_alone<float>(2e-4, plain); }
// Where maps are done with the projections, rows come in as wide as the maps make them.
BOOST_AUTO_TEST_CASE(together_as_alone_on_packed_weights) {
  same_as_alone<float>(2e-4, [](made<float>& a) {
    return std::make_unique<packed_decoder<backend>>(a.b, a.m.c, registry<float>(), a.m.values(), weight_kind::f32);
  });
}

BOOST_AUTO_TEST_CASE(nothing_to_predict) {
  made<double> a(models().at("student"));
  plain_decoder<backend, double> weights(a.m);
  continuation_scores<backend, double> scores(weights);
  BOOST_TEST(scores({}).empty());
  const std::vector<continuation> texts = {{{3}, 1}, {{3, 4}, 2}, {{3, 4}, 1}};
  const auto found = scores(texts);
  BOOST_TEST((found[0].log_likelihood == 0 && found[1].log_likelihood == 0 && found[2].log_likelihood < 0));
}
BOOST_AUTO_TEST_CASE(wrong_texts_are_refused) {
  made<double> a(models().at("student"));
  plain_decoder<backend, double> weights(a.m);
  continuation_scores<backend, double> scores(weights);
  for (const auto& t : {continuation{{1, 2}, 0}, {{1, 2}, 3}, {{}, 1}, {{1, -1}, 1}, {{1, 29}, 1}})
    BOOST_CHECK_THROW(scores(std::vector{t}), std::invalid_argument);
}
