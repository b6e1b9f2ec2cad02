// Rows through a decoder's layers: texts of one token, whose softmax attention gives back their own value.
#include "supra/model/decoder_rows.hpp"

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
