// Rows through a decoder's layers: texts of one token, whose softmax attention gives back their own value; and which branches
// of a hybrid run.
#include "supra/model/decoder_rows.hpp"

#include "supra/model/state.hpp"

#include "models.hpp"

using namespace supra_test;

BOOST_AUTO_TEST_CASE(texts_of_one_token) {
  auto c = models().at("teacher");
  made<double> a(c);
  supra::model::plain_decoder<backend, double> weights(a.m);
  supra::model::decoder_rows<backend, double> rows(weights);
  for (std::int64_t n : {5, 9, 3}) {
    const auto ids = random_tokens(c.vocab, n, 1);
    rows.read(ids);
    rows.run([&](std::int64_t) { std::copy_n(rows.v.data(), n * c.heads * c.head_dim, rows.o.data()); });
    rows.final_norm(n, rows.x.data());
    std::vector<double> found(static_cast<std::size_t>(n * c.vocab));
    weights.logits(n, rows.h.data(), found.data());
    a.m.forward(ids, n, 1);
    const auto wanted = a.m.logits();
    for (std::size_t i = 0; i < found.size(); ++i) BOOST_TEST(std::abs(found[i] - wanted[i]) < 1e-12);
  }
}

// Texts read in pieces and token by token, beyond the window, as a forward pass of the same branches; on a model without a
// window the choice means nothing.
BOOST_AUTO_TEST_CASE(branches_alone_and_together) {
  using supra::model::branches;
  const std::int64_t texts = 2, length = 33;
  for (auto& [name, c] : models_and_hybrids()) {
    const auto ids = random_tokens(c.vocab, texts * length, 1);
    std::vector<std::vector<double>> found;
    for (auto run : {branches::both, branches::linear, branches::window})
      BOOST_TEST_CONTEXT(name << ", branches " << static_cast<int>(run)) {
        made<double> a(c);
        a.m.attention.run = run;
        a.m.forward(ids, texts, length);
        const auto wanted = a.m.logits();
        supra::model::plain_decoder<backend, double> weights(a.m);
        weights.run = run;
        supra::model::generation<backend, double> g(weights, texts);
        const auto part = [&](std::int64_t from, std::int64_t to) {
          std::vector<std::int32_t> some;
          for (std::int64_t s = 0; s < texts; ++s)
            some.insert(some.end(), ids.begin() + s * length + from, ids.begin() + s * length + to);
          return some;
        };
        g.feed(part(0, 11), 11), g.feed(part(11, 25), 14);
        for (std::int64_t t = 25; t < length; ++t) g.step(part(t, t + 1));
        double most = 0;
        for (std::int64_t s = 0; s < texts; ++s)
          for (std::int64_t v = 0; v < c.vocab; ++v)
            most = std::max(most, std::abs(g.logits()[static_cast<std::size_t>(s * c.vocab + v)] -
                                           wanted[static_cast<std::size_t>((s * length + length - 1) * c.vocab + v)]));
        BOOST_TEST(most < 1e-10);
        found.push_back(g.logits());
      }
    const bool hybrid = supra::model::is_hybrid(c);
    BOOST_TEST((found[0] != found[1]) == hybrid, name);
    BOOST_TEST((found[0] != found[2]) == hybrid, name);
  }
}
