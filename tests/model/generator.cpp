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
