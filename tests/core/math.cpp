#include "supra/core/math.hpp"

#include <random>

#include "test.hpp"

namespace math = supra::math;

namespace {

// Largest error of f against g over n numbers from low to high, in units in the last place of the exact result.
template <class F, class G> double worst_ulps(F f, G g, double low, double high, int n = 200000) {
  double worst = 0;
  for (int i = 0; i <= n; ++i) {
    const float x = static_cast<float>(low + (high - low) * i / n);
    const double exact = g(static_cast<double>(x));
    const double ulp = std::ldexp(1.0, std::max(std::ilogb(exact), -126) - 23);
    worst = std::max(worst, std::abs(static_cast<double>(f(x)) - exact) / ulp);
  }
  return worst;
}
const float inf = std::numeric_limits<float>::infinity();

}  // namespace

BOOST_AUTO_TEST_CASE(exp_in_float) {
  auto f = [](float x) { return math::exp(x); };
  auto g = [](double x) { return std::exp(x); };
  BOOST_TEST(worst_ulps(f, g, -86.9, 88.7) < 2);
  BOOST_TEST(worst_ulps(f, g, -1, 1) < 2);
  BOOST_TEST(math::exp(0.0f) == 1);
  BOOST_TEST(math::exp(-88.0f) == 0);
  BOOST_TEST(math::exp(-inf) == 0);
  BOOST_TEST(math::exp(89.0f) == inf);
  BOOST_TEST(math::exp(inf) == inf);
  BOOST_TEST(std::isnan(math::exp(std::nanf(""))));
}

BOOST_AUTO_TEST_CASE(log_in_float) {
  auto f = [](float x) { return math::log(x); };
  auto g = [](double x) { return std::log(x); };
  BOOST_TEST(worst_ulps(f, g, 1.001, 1000) < 3);
  BOOST_TEST(worst_ulps(f, g, 1e-6, 0.999) < 3);
  BOOST_TEST(math::log(1.0f) == 0);
  BOOST_TEST(math::log(0.0f) == -inf);
  BOOST_TEST(std::isnan(math::log(-1.0f)));
  const float largest = std::numeric_limits<float>::max();
  BOOST_TEST(math::log(largest) == std::log(largest), boost::test_tools::tolerance(1e-6f));
}

BOOST_AUTO_TEST_CASE(log1p_in_float) {
  BOOST_TEST(worst_ulps([](float x) { return math::log1p(x); }, [](double x) { return std::log1p(x); }, 1e-7, 1) < 4);
  BOOST_TEST(math::log1p(0.0f) == 0);
  BOOST_TEST(math::log1p(1e-30f) == 1e-30f);
}

BOOST_AUTO_TEST_CASE(tanh_in_float) {
  auto f = [](float x) { return math::tanh(x); };
  auto g = [](double x) { return std::tanh(x); };
  BOOST_TEST(worst_ulps(f, g, 1e-3, 0.15) < 16);
  BOOST_TEST(worst_ulps(f, g, 0.15, 10) < 16);
  for (float x : {0.05f, 0.3f, 4.0f, 100.0f}) BOOST_TEST(math::tanh(-x) == -math::tanh(x));
  BOOST_TEST(math::tanh(100.0f) == 1);
}

BOOST_AUTO_TEST_CASE(positive_numbers_and_reciprocal_roots) {
  BOOST_TEST(math::positive(3.5f) == 3.5f);
  BOOST_TEST(math::positive(-3.5f) == 0);
  BOOST_TEST(math::positive(-inf) == 0);
  BOOST_TEST(math::positive(inf) == inf);
  BOOST_TEST(std::isnan(math::positive(std::nanf(""))));
  auto f = [](float x) { return math::reciprocal_root(x); };
  auto g = [](double x) { return 1 / std::sqrt(x); };
  BOOST_TEST(worst_ulps(f, g, 1e-5, 1e5) < 2);
  BOOST_TEST(math::reciprocal_root(0.25) == 2);
}

BOOST_AUTO_TEST_CASE(sigmoid_and_softplus) {
  BOOST_TEST(worst_ulps([](float x) { return math::sigmoid(x); },
                          [](double x) { return 1 / (1 + std::exp(-x)); }, -80, 80) < 4);
  auto softplus = [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); };
  BOOST_TEST(worst_ulps([](float x) { return math::softplus(x); }, softplus, -16, 80) < 5);
  BOOST_TEST(math::softplus(1000.0f) == 1000);
  BOOST_TEST(math::softplus(-1000.0f) == 0);
  BOOST_TEST(math::sigmoid(-1000.0f) == 0);
  BOOST_TEST(math::sigmoid(1000.0f) == 1);
}

BOOST_AUTO_TEST_CASE(sines_and_cosines_of_turns) {
  const double two_pi = 6.283185307179586476925;
  std::mt19937_64 g(1);
  double worst = 0, wide = 0;
  for (double size : {0.5, 10.0, 1e4, 1e7}) {
    std::uniform_real_distribution<double> uniform(-size, size);
    for (int i = 0; i < 20000; ++i) {
      const double t = uniform(g), rest = t - std::floor(t);       // exact
      const auto a = math::sincos_turns<float>(t);
      const auto b = math::sincos_turns<double>(t);
      const double s = std::sin(two_pi * rest), c = std::cos(two_pi * rest);
      worst = std::max({worst, std::abs(a.sin - s), std::abs(a.cos - c)});
      wide = std::max({wide, std::abs(b.sin - s), std::abs(b.cos - c)});
    }
  }
  BOOST_TEST(worst < 1.2e-7);
  BOOST_TEST(wide < 2e-15);
}

BOOST_AUTO_TEST_CASE(quarters_of_a_turn_are_exact) {
  const double sine[] = {0, 1, 0, -1};
  for (int q = -9; q <= 9; ++q) {
    const auto a = math::sincos_turns<float>(q / 4.0);
    BOOST_TEST(a.sin == sine[(q + 12) % 4]);
    BOOST_TEST(a.cos == sine[(q + 13) % 4]);
  }
}

BOOST_AUTO_TEST_CASE(double_is_the_standard_librarys) {
  for (double x : {0.1, 1.5, 30.0}) {
    BOOST_TEST(math::exp(x) == std::exp(x));
    BOOST_TEST(math::log(x) == std::log(x));
    BOOST_TEST(math::tanh(x) == std::tanh(x));
  }
}
