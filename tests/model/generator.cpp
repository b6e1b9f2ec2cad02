// The front that programs use: prompts at once or token by token, files, going back.
#include "supra/model/generator.hpp"

#include "../io/temporary.hpp"
#include "models.hpp"

using namespace supra_test;
using supra::model::generator;

BOOST_AUTO_TEST_CASE(a_text_by_tokens_at_once_and_through_a_file) {
  for (auto& [name, c] : models()) BOOST_TEST_CONTEXT(name) {
    const temporary_folder folder;
    made<double> a(c);
    generator g(a.m), h(a.m), k(a.m);
    const auto ids = random_tokens(c.vocab, 31, 1);
    std::vector<double> logits;
    for (auto id : ids) logits = g.step(id);
    const auto at_once = h.feed(ids);
    double most = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) most = std::max(most, std::abs(logits[i] - at_once[i]));
    BOOST_TEST(most < 1e-10);
    BOOST_TEST(g.state.position == 31);
    g.state.pending = 4;
    g.save(folder / "s"), g.save(folder / "s");
    k.restore(folder / "s");
    BOOST_TEST((k.state.position == 31 && k.state.pending == 4 && k.state.bytes() == g.state.bytes()));
    const auto back = g.snapshot();
    const auto next = g.step(4);
    BOOST_TEST((k.step(4) == next));
    g.restore(back);
    BOOST_TEST((g.step(4) == next));
  }
}

// One text read once, then three texts that go their own ways, as three generators do that read it each.
BOOST_AUTO_TEST_CASE(a_text_goes_on_in_several_ways) {
  for (auto& [name, c] : models()) BOOST_TEST_CONTEXT(name) {
    made<double> a(c);
    const auto prompt = random_tokens(c.vocab, 23, 1);
    generator one(a.m);
    one.feed(prompt);
    auto three = one.spread(3);
    BOOST_TEST(three.position() == 23);
    std::vector<generator<backend, double>> alone;
    for (int s = 0; s < 3; ++s) alone.emplace_back(a.m), alone.back().feed(prompt);
    auto back = three.snapshot();
    for (std::uint64_t t = 0; t < 5; ++t) {
      const auto ids = random_tokens(c.vocab, 3, 2 + t);
      const auto& logits = three.step(ids);
      for (std::size_t s = 0; s < 3; ++s) {
        const auto& own = alone[s].step(ids[s]);
        double most = 0;
        for (std::size_t i = 0; i < own.size(); ++i) most = std::max(most, std::abs(own[i] - logits[s * own.size() + i]));
        BOOST_TEST(most < 1e-10);                        // the products' sums have another order for one row than for three
      }
    }
    const auto later = three.logits();
    three.restore(back);
    for (std::uint64_t t = 0; t < 5; ++t) three.step(random_tokens(c.vocab, 3, 2 + t));
    BOOST_TEST((three.logits() == later));
    const auto many = one.spread(2).logits();
    const auto own = generator(a.m).feed(prompt);
    BOOST_TEST(
        (std::vector(many.begin(), many.begin() + c.vocab) == own && std::vector(many.begin() + c.vocab, many.end()) == own));
  }
}

BOOST_AUTO_TEST_CASE(only_one_text_of_the_same_model_is_spread) {
  made<double> a(models().at("student")), other(models().at("student, hedgehog"));
  supra::model::generation two(a.m, 2), three(a.m, 3), one(other.m, 1);
  BOOST_CHECK_THROW(three.spread(two), std::invalid_argument);
  BOOST_CHECK_THROW(three.spread(one), std::invalid_argument);
  BOOST_CHECK_THROW(generator(a.m).spread(0), std::invalid_argument);
}
