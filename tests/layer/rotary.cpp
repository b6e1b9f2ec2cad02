// The teacher's rotary position: angles of every scaling from the formulas of Hugging Face's modeling_rope_utils.py, written
// here once more; turning back is the transpose.
#include "supra/layer/rotary.hpp"

#include <numbers>
#include <tuple>

#include "gradients.hpp"
#include "supra/core/serial.hpp"

using namespace supra;
using supra_test::numbers;
using supra_test::random;
using backends = std::tuple<serial_backend, eigen_backend>;

namespace {

model::config settings(const std::string& kind) {
  model::config c;
  c.head_dim = 16, c.rope_theta = 50000;
  c.scaling.kind = kind, c.scaling.factor = 8, c.scaling.original_length = 512;
  return c;
}
const char* kinds[] = {"none", "linear", "llama3", "yarn"};

// Radians per token of each pair.
numbers frequencies(const model::config& c) {
  const auto& s = c.scaling;
  const double d = static_cast<double>(c.head_dim), pi = std::numbers::pi;
  auto dimension = [&](double rotations) {
    return d * std::log(s.original_length / (rotations * 2 * pi)) / (2 * std::log(c.rope_theta));
  };
  const double low = std::max(std::floor(dimension(s.beta_fast)), 0.0),
               high = std::min(std::ceil(dimension(s.beta_slow)), d - 1);
  numbers r;
  for (double i = 0; i < d / 2; ++i) {
    const double f = 1 / std::pow(c.rope_theta, 2 * i / d), wave = 2 * pi / f;
    if (s.kind == "none")
      r.push_back(f);
    else if (s.kind == "linear")
      r.push_back(f / s.factor);
    else if (s.kind == "llama3") {
      const double smooth = (s.original_length / wave - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
      r.push_back(wave < s.original_length / s.high_freq_factor  ? f
                  : wave > s.original_length / s.low_freq_factor ? f / s.factor
                                                                 : (1 - smooth) * f / s.factor + smooth * f);
    } else {
      const double extrapolate = 1 - std::clamp((i - low) / (high - low), 0.0, 1.0);
      r.push_back(f / s.factor * (1 - extrapolate) + f * extrapolate);
    }
  }
  return r;
}
double size_of(const model::config& c) { return c.scaling.kind == "yarn" ? 0.1 * std::log(c.scaling.factor) + 1 : 1; }

template <class B, class T>
void turn(B& b, const model::config& c, std::vector<T>& x, std::int64_t tokens, std::int64_t length, std::int64_t start,
          int heads, bool back) {
  const auto turns = layer::rotary_turns(c);
  for_rows(b, tokens,
           layer::rotate_rows<T, T>{x.data(), x.data(), turns.data(), length, start, heads, static_cast<int>(c.head_dim),
                                 static_cast<accumulator_t<T>>(layer::rotary_size(c)), back});
}

// Largest difference of a rotation of random rows from the formula.
template <class T, class B>
double worst(B& b, const model::config& c, std::int64_t count, std::int64_t length, std::int64_t start, int heads) {
  const auto n = static_cast<std::size_t>(count * length), d = static_cast<std::size_t>(c.head_dim),
             h = static_cast<std::size_t>(heads);
  const auto host = random(n * h * d, 1);
  std::vector<T> x(host.begin(), host.end());
  const auto before = x;
  turn(b, c, x, count * length, length, start, heads, false);
  const auto f = frequencies(c);
  double most = 0;
  for (std::size_t row = 0; row < n * h; ++row)
    for (std::size_t i = 0; i < d / 2; ++i) {
      const double angle = static_cast<double>(start + static_cast<std::int64_t>(row / h) % length) * f[i];
      const double u = before[row * d + i], v = before[row * d + i + d / 2], s = size_of(c) * std::sin(angle),
                   k = size_of(c) * std::cos(angle);
      most = std::max({most, std::abs(x[row * d + i] - (u * k - v * s)), std::abs(x[row * d + i + d / 2] - (v * k + u * s))});
    }
  return most;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(rows_turn_as_the_formulas_say, B, backends) {
  B b;
  for (auto kind : kinds)
    for (std::int64_t start : {0, 100000}) BOOST_TEST_CONTEXT(kind << " from " << start) {
        // the formula's own angle, up to 1e5 radians, is exact to 1e5 unit roundoffs and a few
        BOOST_TEST(worst<double>(b, settings(kind), 2, 37, start, 3) <= (start ? 1e-10 : 1e-13));
        BOOST_TEST(worst<float>(b, settings(kind), 1, 70, start, 1) <= 3e-6);
      }
}

BOOST_AUTO_TEST_CASE(yarn_takes_its_attention_factor) {
  auto c = settings("yarn");
  BOOST_TEST(layer::rotary_size(c) == 0.1 * std::log(8.0) + 1, boost::test_tools::tolerance(1e-14));
  c.scaling.attention_factor = 1.25;
  BOOST_TEST(layer::rotary_size(c) == 1.25);
  BOOST_TEST(layer::rotary_size(settings("llama3")) == 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(back_is_the_transpose, B, backends) {
  B b;
  for (auto kind : kinds) {
    const auto c = settings(kind);
    const auto x = random(2 * 9 * 3 * 16, 1), y = random(x.size(), 2);
    auto forward = x, back = y;
    turn(b, c, forward, 18, 9, 5, 3, false), turn(b, c, back, 18, 9, 5, 3, true);
    BOOST_TEST(supra_test::dot(forward, y) == supra_test::dot(x, back), boost::test_tools::tolerance(1e-12));
    turn(b, c, forward, 18, 9, 5, 3, true);
    for (std::size_t i = 0; i < x.size(); ++i)
      BOOST_REQUIRE(std::abs(forward[i] - x[i] * std::pow(layer::rotary_size(c), 2)) < 1e-13);
  }
}

// The sequences of a batch stand at the same positions.
BOOST_AUTO_TEST_CASE(every_sequence_starts_anew) {
  serial_backend b;
  const auto c = settings("none");
  auto two = random(2 * 16, 1);
  auto one = numbers(two.begin() + 16, two.end());
  turn(b, c, two, 2, 1, 0, 1, false), turn(b, c, one, 1, 1, 0, 1, false);
  BOOST_TEST(numbers(two.begin() + 16, two.end()) == one);
}
