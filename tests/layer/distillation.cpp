// The teacher's distribution and the text, on both output matrices: values by the definition, targets left out, gradients
// against differences, equal models, every storage type and backend, more rows than one piece holds.
#include "supra/layer/distillation.hpp"

#include <tuple>

#include "gradients.hpp"
#include "supra/core/serial.hpp"
#include "supra/testing/debug_backend.hpp"

using namespace supra_test;
using supra::bf16;
using supra::layer::distillation_weights;

namespace {
const std::size_t n = 7, dim = 4, wide = 6, vocab = 5;
const std::vector<std::int32_t> targets = {0, 4, -1, 2, 2, -1, 1};
const std::int64_t predictions = 5;

struct sums {
  double kl = 0, ce = 0, z = 0;
  double loss(const distillation_weights& w) const {
    return (w.kl * kl + w.ce * ce + w.z * z) / static_cast<double>(predictions);
  }
};
numbers log_softmax(const numbers& h, const numbers& w, std::size_t token, std::size_t width, double& lse) {
  numbers logits(vocab, 0);
  double e = 0;
  for (std::size_t v = 0; v < vocab; ++v) {
    for (std::size_t i = 0; i < width; ++i) logits[v] += h[token * width + i] * w[v * width + i];
    e += std::exp(logits[v]);
  }
  lse = std::log(e);
  for (auto& x : logits) x -= lse;
  return logits;
}
sums definition(const numbers& h, const numbers& w, const numbers& teacher_h, const numbers& teacher_w) {
  sums all;
  for (std::size_t t = 0; t < n; ++t) {
    if (targets[t] < 0) continue;
    double lse = 0, unused = 0;
    const auto p = log_softmax(h, w, t, dim, lse), q = log_softmax(teacher_h, teacher_w, t, wide, unused);
    for (std::size_t v = 0; v < vocab; ++v) all.kl += std::exp(q[v]) * (q[v] - p[v]);
    all.ce -= p[static_cast<std::size_t>(targets[t])], all.z += lse * lse;
  }
  return all;
}

template <class T>
std::vector<T> stored(const numbers& x) {
  std::vector<T> y;
  for (double v : x) y.push_back(T(v));
  return y;
}
template <class T>
numbers widened(const std::vector<T>& x) {
  return {x.begin(), x.end()};
}

// What launch_distillation finds, with outputs that held NaN.
template <class B, class T>
struct found {
  using A = supra::accumulator_t<T>;
  std::vector<T> dh;
  std::vector<A> dw;
  double kl = 0, ce = 0;
  std::vector<double> each_kl, each_ce;
  found(const std::vector<T>& h, const std::vector<T>& w, const std::vector<T>& th, const std::vector<T>& tw,
        const distillation_weights& of, bool gradient = true)
      : dh(h.size(), T(std::numeric_limits<A>::quiet_NaN())), dw(w.size(), A(0)) {
    B b;
    const auto losses = supra::layer::launch_distillation<B, T>(
        b, n, vocab, static_cast<std::int64_t>(h.size() / n), h.data(), w.data(), static_cast<std::int64_t>(th.size() / n),
        th.data(), tw.data(), targets.data(), predictions, of, gradient ? dh.data() : nullptr, gradient ? dw.data() : nullptr);
    kl = losses.kl.sum(b, &each_kl), ce = losses.ce.sum(b, &each_ce);
  }
};
using backends = std::tuple<supra::serial_backend, supra::eigen_backend, supra::testing::debug_backend>;
}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(values_are_the_definitions, B, backends) {
  const auto h = random(n * dim, 1), w = random(vocab * dim, 2), th = random(n * wide, 3), tw = random(vocab * wide, 4);
  const auto wanted = definition(h, w, th, tw);
  for (bool gradient : {false, true}) {
    const found<B, double> f(h, w, th, tw, {1, 0.1, 0.01}, gradient);
    BOOST_TEST(f.kl == wanted.kl, boost::test_tools::tolerance(1e-13));
    BOOST_TEST(f.ce == wanted.ce, boost::test_tools::tolerance(1e-13));
    for (std::size_t t = 0; t < n; ++t) {
      BOOST_TEST((f.each_kl[t] > 0) == (targets[t] >= 0));
      BOOST_TEST((f.each_ce[t] > 0) == (targets[t] >= 0));
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(gradients, B, backends) {
  const auto all = random(n * dim + vocab * dim, 1), th = random(n * wide, 3), tw = random(vocab * wide, 4);
  auto of = [&](const numbers& x, std::size_t i) { return piece(x, {n * dim, vocab * dim}, i); };
  for (const distillation_weights& weights : {distillation_weights{1, 0.1, 0}, {1, 0, 0}, {0, 1, 0}, {0.7, 0.3, 0.1}}) {
    auto f = [&](const numbers& x) { return definition(of(x, 0), of(x, 1), th, tw).loss(weights); };
    const found<B, double> g(of(all, 0), of(all, 1), th, tw, weights);
    check(f, all, joined({g.dh, g.dw}));
  }
}

// With no weight on the teacher it is the cross-entropy of the text, to rounding.
BOOST_AUTO_TEST_CASE(without_the_teacher_it_is_cross_entropy) {
  const auto h = random(n * dim, 1), w = random(vocab * dim, 2), th = random(n * wide, 3), tw = random(vocab * wide, 4);
  const found<supra::eigen_backend, double> f(h, w, th, tw, {0, 1, 0.1});
  supra::eigen_backend b;
  auto dh = nans(n * dim);
  numbers dw(vocab * dim, 0);
  const double sum = supra::layer::cross_entropy<supra::eigen_backend, double>(
      b, n, dim, vocab, h.data(), w.data(), targets.data(), predictions, 0.1, dh.data(), dw.data());
  BOOST_TEST(f.ce == sum, boost::test_tools::tolerance(1e-14));
  for (std::size_t i = 0; i < dh.size(); ++i) BOOST_TEST(std::abs(f.dh[i] - dh[i]) < 1e-15);
  for (std::size_t i = 0; i < dw.size(); ++i) BOOST_TEST(std::abs(f.dw[i] - dw[i]) < 1e-15);
}

// Exactly, in every type: the same sums of the same numbers.
BOOST_AUTO_TEST_CASE_TEMPLATE(equal_models_have_nothing_to_learn, B, backends) {
  const auto of = [](auto type) {
    using T = decltype(type);
    const auto h = stored<T>(random(n * dim, 1)), w = stored<T>(random(vocab * dim, 2));
    for (bool gradient : {false, true}) BOOST_TEST((found<B, T>(h, w, h, w, {1, 0, 0}, gradient).kl == 0));
    const found<B, T> f(h, w, h, w, {1, 0, 0});
    BOOST_TEST(f.ce > 0);
    for (double x : widened(f.dh)) BOOST_TEST(x == 0);
    for (double x : widened(f.dw)) BOOST_TEST(x == 0);
  };
  of(double()), of(float()), of(bf16());
}

// bf16: both sides have the same operands, so what differs is the rounding of logits, by u of their size: a log probability
// moves by `moved`, twice that of the largest, a probability by that part of itself. Gradients are rounded once more, the
// target's twice.
BOOST_AUTO_TEST_CASE_TEMPLATE(narrow_storage, B, backends) {
  const auto narrow = [](std::size_t size, std::uint64_t seed) { return stored<bf16>(random(size, seed)); };
  const auto h = narrow(n * dim, 1), w = narrow(vocab * dim, 2), th = narrow(n * wide, 3), tw = narrow(vocab * wide, 4);
  const distillation_weights weights{1, 0.1, 1e-4};
  const found<B, bf16> f(h, w, th, tw, weights), alone(h, w, th, tw, weights, false);
  const found<B, double> exact(widened(h), widened(w), widened(th), widened(tw), weights);
  const auto largest_of = [](const numbers& x) {
    return std::accumulate(x.begin(), x.end(), 0.0, [](double m, double y) { return std::max(m, std::abs(y)); });
  };
  double largest = 0;  // logit
  const auto look = [&](const numbers& a, const numbers& b, std::size_t width) {
    for (std::size_t t = 0; t < n; ++t)
      for (std::size_t v = 0; v < vocab; ++v) {
        const auto row = a.begin() + static_cast<std::ptrdiff_t>(t * width);
        largest = std::max(largest, std::abs(std::inner_product(row, row + static_cast<std::ptrdiff_t>(width),
                                                                b.begin() + static_cast<std::ptrdiff_t>(v * width), 0.0)));
      }
  };
  look(widened(h), widened(w), dim), look(widened(th), widened(tw), wide);
  const double u = supra::unit_roundoff<bf16>, moved = std::expm1(2 * u * largest);
  const double apart = 2 * largest + std::log(static_cast<double>(vocab));  // two log probabilities, at most
  for (std::size_t t = 0; t < n; ++t) {
    BOOST_TEST(std::abs(f.each_ce[t] - exact.each_ce[t]) <= moved);
    BOOST_TEST(std::abs(f.each_kl[t] - exact.each_kl[t]) <= moved * (2 + apart));
    BOOST_TEST(std::abs(alone.each_ce[t] - exact.each_ce[t]) <= 1e-5);  // of a loss alone logits are float
    BOOST_TEST(std::abs(alone.each_kl[t] - exact.each_kl[t]) <= 1e-5);
  }
  const double slope =
                   (2 * weights.kl + weights.ce + 2 * weights.z * apart) * (moved + 2 * u) / static_cast<double>(predictions),
               of_w = slope * largest_of(widened(w)), of_h = slope * largest_of(widened(h));  // a row's slopes, in all
  for (std::size_t i = 0; i < f.dh.size(); ++i)
    BOOST_TEST(std::abs(static_cast<double>(f.dh[i]) - exact.dh[i]) <= of_w + u * std::abs(exact.dh[i]));
  for (std::size_t i = 0; i < f.dw.size(); ++i)
    BOOST_TEST(std::abs(static_cast<double>(f.dw[i]) - exact.dw[i]) <= static_cast<double>(predictions) * of_h);
}

BOOST_AUTO_TEST_CASE(large_logits_stay_finite) {
  supra::eigen_backend b;
  const std::vector<float> h = {300, 0}, w = {1, 0, -1, 0, 0.5f, 1}, other = {-1, 0, 1, 0, 0.5f, 1};
  const std::vector<std::int32_t> y = {1};
  std::vector<float> dh(2), dw(6, 0.0f);
  const auto losses = supra::layer::launch_distillation<supra::eigen_backend, float>(
      b, 1, 3, 2, h.data(), w.data(), 2, h.data(), other.data(), y.data(), 1, {1, 0.1, 0}, dh.data(), dw.data());
  BOOST_TEST(losses.kl.sum(b) == 600.0, boost::test_tools::tolerance(1e-5));
  BOOST_TEST(losses.ce.sum(b) == 600.0, boost::test_tools::tolerance(1e-5));
  for (float x : dw) BOOST_TEST(std::isfinite(x));
  BOOST_TEST(dw[0] == 300 * 1.1f,
             boost::test_tools::tolerance(1e-5f));  // all of the student's probability is there, none of the teacher's
}

// What the kernel finds of two rows of logits.
template <class L, class B = supra::serial_backend>
struct rows_found {
  using A = supra::accumulator_t<L>;
  double kl = 0, ce = 0;
  std::vector<L> gradient;
  rows_found(const std::vector<L>& s, const std::vector<L>& t, const distillation_weights& of, std::int32_t target = 0)
      : gradient(s) {
    A a = std::numeric_limits<A>::quiet_NaN(), b = a;
    B backend;
    const supra::layer::distillation_rows<L> row{gradient.data(), t.data(), &target, &a, &b, static_cast<int>(s.size()),
                                                 A(of.kl),        A(of.ce), A(of.z), true};
    backend.launch(1, row.scratch_bytes(), row);
    kl = a, ce = b;
  }
};

// Logits that rise from word to word make the maximum grow from block to block and piece to piece: the most that sums can be
// off. Pieces of 2,560 words are three blocks of 1,024 at most, each summed in eight parts.
BOOST_AUTO_TEST_CASE(rows_in_any_order_are_off_by_their_bound) {
  const int words = 20003;
  numbers up, other = random(words, 5);
  for (int i = 0; i < words; ++i) up.push_back(20.0 * i / words - 7);
  numbers down(up.rbegin(), up.rend());
  for (const auto& student : {up, down, other})
    for (const auto& teacher : {up, down, other}) {
      const auto s = stored<float>(student), t = stored<float>(teacher);
      const rows_found<float> f(s, t, {1, 0, 0});
      const rows_found<double> exact(widened(s), widened(t), {1, 0, 0});
      const double u = supra::unit_roundoff<float>, added = 1024.0 / 8 + 3, joined = 3 + 8;
      const double sums = (5 + added + 6 * joined + 2 * 20) * u;  // of themselves: so much a log is off
      BOOST_TEST(std::abs(f.ce - exact.ce) <= sums + 4 * u * 30);
      BOOST_TEST(std::abs(f.kl - exact.kl) <= 2 * sums + 2 * (sums + u) * 20 + 4 * u * 30);
      for (std::size_t i = 0; i < s.size(); ++i)
        BOOST_REQUIRE(std::abs(static_cast<double>(f.gradient[i]) - exact.gradient[i]) <= sums + 60 * u);
    }
}

// The target may be any piece's first or last word, and there may be pieces of none.
BOOST_AUTO_TEST_CASE_TEMPLATE(targets_in_any_piece, B, backends) {
  const distillation_weights of{0.7, 0.3, 0};
  for (int words : {1, 65, 1000}) {
    const auto s = random(static_cast<std::size_t>(words), 1), t = random(static_cast<std::size_t>(words), 2);
    const auto log_sum = [](const numbers& x) {
      return std::log(std::accumulate(x.begin(), x.end(), 0.0, [](double sum, double y) { return sum + std::exp(y); }));
    };
    const double ls = log_sum(s), lt = log_sum(t);
    for (int target : {0, 63, 64, 127, 128, words - 1}) {
      if (target >= words) continue;
      const rows_found<double, B> f(s, t, of, target);
      BOOST_TEST(std::abs(f.ce - (ls - s[static_cast<std::size_t>(target)])) < 1e-13);
      double worst = 0;
      for (std::size_t i = 0; i < s.size(); ++i) {
        const double p = std::exp(s[i] - ls), q = std::exp(t[i] - lt), one = static_cast<int>(i) == target;
        worst = std::max(worst, std::abs(f.gradient[i] - (of.kl * (p - q) + of.ce * (p - one))));
      }
      BOOST_TEST(worst < 1e-14);
    }
  }
}

// More rows than one piece holds; the teacher is sure of one word, the student of none.
BOOST_AUTO_TEST_CASE(pieces_of_rows) {
  supra::eigen_backend b;
  const std::int64_t rows = 900, words = 40000;
  const auto size = static_cast<std::size_t>(rows);
  std::vector<float> h(size, 1.0f), w(static_cast<std::size_t>(words), 0.0f), other = w, dh(size, 9.0f), dw(w.size(), 0.0f);
  other[7] = 100;
  const std::vector<std::int32_t> y(size, 8);
  const auto losses = supra::layer::launch_distillation<supra::eigen_backend, float>(
      b, rows, words, 1, h.data(), w.data(), 1, h.data(), other.data(), y.data(), rows, {1, 0, 0}, dh.data(), dw.data());
  BOOST_TEST(losses.kl.sum(b) == rows * std::log(40000.0), boost::test_tools::tolerance(1e-5));
  BOOST_TEST(losses.ce.sum(b) == rows * std::log(40000.0), boost::test_tools::tolerance(1e-5));
  for (float x : dh) BOOST_TEST(x == 0);
  BOOST_TEST(dw[7] == -1 + 1.0f / 40000, boost::test_tools::tolerance(1e-4f));
  BOOST_TEST(dw[8] == 1.0f / 40000, boost::test_tools::tolerance(1e-3f));
}
