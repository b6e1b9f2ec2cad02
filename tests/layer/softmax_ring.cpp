// Attention of one token over a ring of keys against the whole text's in double: texts shorter than the window and longer,
// several at different positions, grouped heads.
#include "supra/layer/softmax_ring.hpp"

#include <random>

#include "supra/core/serial.hpp"
#include "supra/eigen/backend.hpp"
#include "supra/reference/softmax_attention.hpp"
#include "supra/testing/debug_backend.hpp"
#include "test.hpp"

using namespace supra;

namespace {

constexpr int H = 4, G = 2, d = 6;

template <class T>
std::vector<T> random(std::int64_t n, std::uint64_t seed) {
  std::mt19937_64 g(seed);
  std::normal_distribution<double> normal;
  std::vector<T> x(static_cast<std::size_t>(n));
  for (auto& y : x) y = T(static_cast<accumulator_t<T>>(normal(g)));
  return x;
}
template <class T>
std::vector<double> wide(const std::vector<T>& x) {
  return {x.begin(), x.end()};
}

// Of texts that end at the given positions, all of one length in memory. What a ring never held is NaN.
template <class B, class T>
double largest_difference(std::int64_t window, const std::vector<std::int64_t>& ends) {
  const auto count = static_cast<std::int64_t>(ends.size()), length = *std::max_element(ends.begin(), ends.end()) + 1;
  const auto q = random<T>(count * length * H * d, 1), k = random<T>(count * length * G * d, 2),
             v = random<T>(count * length * G * d, 3);
  const auto wanted =
      reference::softmax_attention({count * length, H, G, d, d}, {count, length}, wide(q), wide(k), wide(v), window);
  const T nan = T(std::numeric_limits<accumulator_t<T>>::quiet_NaN());
  std::vector<T> keys(static_cast<std::size_t>(count * window * G * d), nan), values = keys, last,
                                                                             o(static_cast<std::size_t>(count * H * d), nan);
  for (std::int64_t s = 0; s < count; ++s) {
    const std::int64_t end = ends[static_cast<std::size_t>(s)];
    for (std::int64_t p = 0; p <= end; ++p)
      for (auto [from, to] : {std::pair{&k, &keys}, {&v, &values}})
        std::copy_n(from->begin() + (s * length + p) * G * d, G * d, to->begin() + (s * window + p % window) * G * d);
    last.insert(last.end(), q.begin() + (s * length + end) * H * d, q.begin() + (s * length + end + 1) * H * d);
  }
  B b;
  const layer::softmax_ring_kernel<T> kernel{window, H, G, d, last.data(), keys.data(), values.data(), ends.data(), o.data()};
  b.launch(count * H, kernel.scratch_bytes(), kernel);
  double most = 0;  // or NaN, once there is one
  for (std::int64_t s = 0; s < count; ++s)
    for (std::int64_t i = 0; i < H * d; ++i) {
      const auto at = static_cast<std::size_t>((s * length + ends[static_cast<std::size_t>(s)]) * H * d + i);
      const double error = std::abs(static_cast<double>(o[static_cast<std::size_t>(s * H * d + i)]) - wanted[at]);
      if (std::isnan(error) || error > most) most = error;
    }
  return most;
}
template <class B, class T>
void matches(double most) {
  for (std::int64_t window : {1, 3, 8, 20, 70})
    for (const auto& ends : {std::vector<std::int64_t>{0}, {5}, {0, 7, 69}, {130, 2, 64, 63, 70}})
      BOOST_TEST((largest_difference<B, T>(window, ends) <= most), "window " << window << ", " << ends.size() << " texts");
}

}  // namespace

BOOST_AUTO_TEST_CASE(as_the_whole_text_in_double) {
  matches<serial_backend, double>(1e-13), matches<eigen_backend, double>(1e-13);
}
BOOST_AUTO_TEST_CASE(by_three_threads) {
  BOOST_TEST((largest_difference<testing::debug_backend, double>(20, {5, 41})) <= 1e-13);
}
// Scores up to 10 from six products, values up to 4: some units of 2^-24 of either.
BOOST_AUTO_TEST_CASE(as_the_whole_text_in_float) { matches<eigen_backend, float>(4e-6); }
// Sums are float's; the output, up to 4, is rounded by half of 2^-7.
BOOST_AUTO_TEST_CASE(as_the_whole_text_in_bf16) { matches<eigen_backend, bf16>(4 * 0x1p-8); }
