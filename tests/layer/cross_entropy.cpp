// The loss on the output matrix: values by the definition, targets left out, z-loss, gradients against differences.
#include "supra/layer/cross_entropy.hpp"

#include "gradients.hpp"

using namespace supra_test;
using supra::layer::cross_entropy;

namespace {
const std::size_t n = 7, dim = 4, vocab = 5;
const std::vector<std::int32_t> targets = {0, 4, -1, 2, 2, -1, 1};

double definition(const numbers& h, const numbers& w, double z) {
  double sum = 0;
  for (std::size_t t = 0; t < n; ++t) {
    if (targets[t] < 0) continue;
    numbers logits(vocab, 0);
    double e = 0;
    for (std::size_t v = 0; v < vocab; ++v) {
      for (std::size_t i = 0; i < dim; ++i) logits[v] += h[t * dim + i] * w[v * dim + i];
      e += std::exp(logits[v]);
    }
    sum += std::log(e) - logits[static_cast<std::size_t>(targets[t])] + z * std::log(e) * std::log(e);
  }
  return sum;
}
}  // namespace

BOOST_AUTO_TEST_CASE(value_is_the_definitions) {
  supra::eigen_backend b;
  const auto h = random(n * dim, 1), w = random(vocab * dim, 2);
  std::vector<double> each;
  const double sum = cross_entropy<supra::eigen_backend, double>(b, n, dim, vocab, h.data(), w.data(), targets.data(), 5, 0,
                                                                 nullptr, nullptr, &each);
  BOOST_TEST(sum == definition(h, w, 0), boost::test_tools::tolerance(1e-13));
  BOOST_TEST(each.size() == n);
  BOOST_TEST(each[2] == 0);
  const numbers flat(vocab * dim, 0);                    // all logits equal: log of the vocabulary's size
  BOOST_TEST((cross_entropy<supra::eigen_backend, double>(b, n, dim, vocab, h.data(), flat.data(), targets.data(), 5, 0,
                                                          nullptr, nullptr)) == 5 * std::log(5.0),
             boost::test_tools::tolerance(1e-13));
}

BOOST_AUTO_TEST_CASE(gradients) {
  supra::eigen_backend b;
  for (double z : {0.0, 0.1}) {
    const auto all = random(n * dim + vocab * dim, 1);
    auto of = [&](const numbers& x, std::size_t i) { return piece(x, {n * dim, vocab * dim}, i); };
    auto f = [&](const numbers& x) { return definition(of(x, 0), of(x, 1), z) / 5; };
    auto dh = nans(n * dim);
    numbers dw(vocab * dim, 0);
    cross_entropy<supra::eigen_backend, double>(b, n, dim, vocab, of(all, 0).data(), of(all, 1).data(), targets.data(), 5, z,
                                                dh.data(), dw.data());
    check(f, all, joined({dh, dw}));
  }
}

BOOST_AUTO_TEST_CASE(large_logits_stay_finite) {
  supra::eigen_backend b;
  const std::vector<float> h = {300, 0}, w = {1, 0, -1, 0, 0.5f, 1};
  const std::vector<std::int32_t> y = {1};
  std::vector<float> dh(2), dw(6, 0.0f);
  BOOST_TEST((cross_entropy<supra::eigen_backend, float>(b, 1, 2, 3, h.data(), w.data(), y.data(), 1, 0, dh.data(),
                                                         dw.data())) == 600.0,
             boost::test_tools::tolerance(1e-5));
  for (float x : dw) BOOST_TEST(std::isfinite(x));
}

// Logits of -infinity, and as far apart as floats are, count for nothing.
BOOST_AUTO_TEST_CASE(words_that_cannot_be) {
  const float never = -std::numeric_limits<float>::infinity(), far = std::numeric_limits<float>::lowest();
  for (float none : {never, far}) {
    std::vector<float> s(20, none);
    s[0] = 1, s[19] = 1;
    const std::int32_t target = 0;
    float loss = std::nanf("");
    supra::eigen_backend b;
    supra::for_rows(b, 1, supra::layer::cross_entropy_rows<float>{s.data(), &target, &loss, 20, 1, 0, true});
    BOOST_TEST(loss == std::log(2.0f), boost::test_tools::tolerance(1e-6f));
    for (std::size_t i = 1; i < 19; ++i) BOOST_TEST(s[i] == 0);
    BOOST_TEST(s[19] == 0.5f, boost::test_tools::tolerance(1e-6f));
  }
}

// More rows than one piece holds.
BOOST_AUTO_TEST_CASE(pieces_of_rows) {
  supra::eigen_backend b;
  const std::int64_t rows = 300, words = 40000;
  std::vector<float> h(static_cast<std::size_t>(rows), 0.0f), w(static_cast<std::size_t>(words), 0.0f), dh(h.size(), 9.0f);
  const std::vector<std::int32_t> y(static_cast<std::size_t>(rows), 7);
  const double sum =
      cross_entropy<supra::eigen_backend, float>(b, rows, 1, words, h.data(), w.data(), y.data(), rows, 0, dh.data(), nullptr);
  BOOST_TEST(sum == rows * std::log(40000.0), boost::test_tools::tolerance(1e-5));
  for (float x : dh) BOOST_TEST(x == 0);
}
