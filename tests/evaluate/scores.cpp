// Metrics by hand, and batches of any size that change nothing.
#include "supra/evaluate/scores.hpp"

#include "../io/temporary.hpp"
#include "../model/models.hpp"
#include "supra/io/bytes_tokenizer.hpp"

using namespace supra::evaluate;
using supra::model::continuation_score;

BOOST_AUTO_TEST_CASE(choices_by_sum_and_by_length) {
  const example e{1, {{}, {}, {}}, {2, 10, 0}};
  const auto p = predict(e, std::vector<continuation_score>{{-3, false}, {-5, true}, {-3, false}});
  BOOST_TEST((p.taken == 0 && p.taken_norm == 1));  // -3/2, -5/10, -3/1; the first of equals
  BOOST_TEST((p.greedy[1] && !p.greedy[0]));
}
BOOST_AUTO_TEST_CASE(shares_and_their_errors) {
  std::vector<example> examples(4, example{0, {{}, {}}, {1, 1}});
  std::vector<prediction> predictions(4, prediction{{-1, -2}, {false, false}, 0, 1});
  predictions[3].taken = 1, predictions[3].taken_norm = 0;
  const auto m = measure(examples, predictions, false);
  BOOST_TEST((m.examples == 4 && m.acc.value == 0.75 && m.acc_norm->value == 0.25 && !m.perplexity));
  BOOST_TEST(m.acc.error == 0.25, boost::test_tools::tolerance(1e-15));  // sqrt(.75 .25 / 3)
  for (auto& e : examples) e.characters.clear();
  BOOST_TEST(!measure(examples, predictions, false).acc_norm);
}
BOOST_AUTO_TEST_CASE(the_only_request_has_a_perplexity) {
  const std::vector<example> examples(2, example{0, {{}}, {}});
  const auto m = measure(examples, {{{-1}, {true}, 0, 0}, {{-3}, {false}, 0, 0}}, true);
  BOOST_TEST(m.acc.value == 0.5);
  BOOST_TEST(m.perplexity->value == std::exp(2), boost::test_tools::tolerance(1e-15));
  BOOST_TEST(m.perplexity->error == std::exp(2) * 1, boost::test_tools::tolerance(1e-14));  // deviation sqrt(2) over sqrt(2)
}
BOOST_AUTO_TEST_CASE(batches_change_nothing) {
  auto c = supra_test::models().at("student");
  c.vocab = 258, c.bos = 256, c.eos = 257;
  supra_test::made<double> a(c);
  supra::model::plain_decoder<supra_test::backend, double> weights(a.m);
  supra::model::continuation_scores<supra_test::backend, double> scores(weights);
  std::vector<example> examples;
  for (const std::string context : {"one context", "another, longer context", "a", "the last of the contexts"})
    examples.push_back({0, {{context, " yes"}, {context, " no, never"}, {context, ""}}, {}});
  const auto all = encode(supra::io::bytes_tokenizer(), examples, 100, 256);
  const auto nothing = [](std::size_t) {};
  const auto at_once = run(scores, "a task", examples, all, {100000}, nothing);
  for (const batch_limits most : {batch_limits{1}, {40}, {70}, {100000, 1}, {100000, 6}, {100000, 11}}) {
    std::vector<std::size_t> shown;
    const auto found = run(scores, "a task", examples, all, most, [&](std::size_t done) { shown.push_back(done); });
    BOOST_TEST_REQUIRE(found.size() == 4u);
    BOOST_TEST((std::is_sorted(shown.begin(), shown.end()) && shown.back() == 4));
    if (most.rows == 1 || most.texts == 1) BOOST_TEST(shown.size() == 4u);
    if (most.texts == 6) BOOST_TEST((shown == std::vector<std::size_t>{2, 4}));
    if (most.texts == 11) BOOST_TEST((shown == std::vector<std::size_t>{3, 4}));
    for (std::size_t i = 0; i < 4; ++i)
      for (std::size_t j = 0; j < 3; ++j)
        BOOST_TEST(std::abs(found[i].log_likelihoods[j] - at_once[i].log_likelihoods[j]) < 1e-11);
    BOOST_TEST(found[2].log_likelihoods[2] == 0);  // nothing was predicted
    BOOST_TEST(found[2].log_likelihoods[1] < 0);
  }
}
// One example with one choice makes no task of predicted words.
BOOST_AUTO_TEST_CASE(the_task_says_what_is_asked) {
  const std::vector<example> examples = {{0, {{}}, {}}, {1, {{}, {}}, {}}};
  const auto m = measure(examples, {{{-1}, {false}, 0, 0}, {{-3, -2}, {false, false}, 1, 1}}, false);
  BOOST_TEST((m.acc.value == 1 && !m.perplexity));
}
BOOST_AUTO_TEST_CASE(what_is_not_finite_is_refused) {
  auto c = supra_test::models().at("student");
  c.vocab = 258;
  supra_test::made<double> a(c);
  a.m.load(std::vector<double>(supra_test::some_values<double>(c).size(), NAN));
  supra::model::plain_decoder<supra_test::backend, double> weights(a.m);
  supra::model::continuation_scores<supra_test::backend, double> scores(weights);
  const std::vector<example> examples = {{0, {{"a", ""}, {"a", ""}}, {}}, {0, {{"a", ""}, {"a", " b"}}, {}}};
  const auto all = encode(supra::io::bytes_tokenizer(), examples, 100, 256);
  BOOST_CHECK_EXCEPTION(run(scores, "piqa", examples, all, {100}, [](std::size_t) {}), supra::io::error,
                        supra_test::says("piqa, example 2 of 2: expected log-likelihoods, found "));
}
