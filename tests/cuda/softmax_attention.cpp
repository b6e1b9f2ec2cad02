// Softmax attention by warpgroups beside the definition in double: every width, odd lengths, windows, grouped heads, keys of
// earlier tokens, all gradients; what is written is NaN before. Limits follow from where bf16 and float round.
#include "supra/layer/softmax_attention.hpp"

#include <cmath>
#include <cstring>
#include <random>

#include "gpu.hpp"
#include "supra/reference/softmax_attention.hpp"
#include "supra/supra.hpp"

using namespace supra;

namespace {

struct sizes {
  std::int64_t count, length, window;
  int heads, kv_heads, d;
};

std::vector<double> random(std::int64_t n, std::uint64_t seed) {  // numbers that bf16 holds
  std::mt19937_64 g(seed);
  std::normal_distribution<float> normal;
  std::vector<double> x(static_cast<std::size_t>(n));
  for (auto& y : x) y = static_cast<double>(static_cast<float>(bf16(normal(g))));
  return x;
}

// The definition, and by how much each result may be off: weights, slopes and results are rounded to bf16 (u), as is O in
// <dO, O>; scores, sums and exponentials err by v relative to what they are sums of.
struct definition {
  std::vector<double> o, lse, dq, dk, dv, o_off, lse_off, dq_off, dk_off, dv_off;
  definition(const sizes& z, const std::vector<double>& q, const std::vector<double>& k, const std::vector<double>& v,
             const std::vector<double>& d_o) {
    const double u = unit_roundoff<bf16>, scale = 1 / std::sqrt(static_cast<double>(z.d));
    o.assign(q.size(), 0), dq = dq_off = o_off = o, dk.assign(k.size(), 0), dv = dk_off = dv_off = dk;
    lse.assign(q.size() / static_cast<std::size_t>(z.d), 0), lse_off = lse;
    for (std::int64_t n = 0; n < z.count; ++n)
      for (int h = 0; h < z.heads; ++h)
        for (std::int64_t t = 0; t < z.length; ++t) {
          const int g = h / (z.heads / z.kv_heads);
          const auto own = static_cast<std::size_t>(((n * z.length + t) * z.heads + h) * z.d);
          const auto key = [&](std::int64_t s) {
            return static_cast<std::size_t>(((n * z.length + s) * z.kv_heads + g) * z.d);
          };
          const std::int64_t first = z.window > 0 ? std::max<std::int64_t>(0, t - z.window + 1) : 0;
          std::vector<double> p;
          double top = -1e300, sum = 0, largest = 0;
          for (std::int64_t s = first; s <= t; ++s) {
            double dot = 0, size = 0;
            for (int i = 0; i < z.d; ++i) {
              const double x = q[own + static_cast<std::size_t>(i)] * k[key(s) + static_cast<std::size_t>(i)];
              dot += x, size += std::abs(x);
            }
            p.push_back(dot * scale), top = std::max(top, dot * scale), largest = std::max(largest, size * scale);
          }
          for (double& x : p) sum += x = std::exp(x - top);
          const auto row = own / static_cast<std::size_t>(z.d);
          lse[row] = top + std::log(sum);
          // errors of a score, of the exponential's argument and result (2^-22), of a sum over this many weights; the
          // tensor cores' sums lose up to a bit a step against rounded ones
          const double v_off = unit_roundoff<float> *
                               (2 * (z.d + 8) * largest + 4 * (std::abs(top) + 20) + 8 + static_cast<double>(p.size()) / 16);
          lse_off[row] = v_off + unit_roundoff<float> * std::abs(lse[row]);
          const double w = u + 3 * v_off;  // of a weight, relative
          std::vector<double> reach(static_cast<std::size_t>(z.d));
          for (std::int64_t s = first; s <= t; ++s)
            for (int i = 0; i < z.d; ++i) {
              const auto at = static_cast<std::size_t>(i);
              const double x = p[static_cast<std::size_t>(s - first)] / sum * v[key(s) + at];
              o[own + at] += x, reach[at] += std::abs(x);
            }
          double along = 0, along_off = 0;
          for (int i = 0; i < z.d; ++i) {
            const auto at = static_cast<std::size_t>(i);
            o_off[own + at] = 1.01 * (w * reach[at] + u * std::abs(o[own + at]));
            along += d_o[own + at] * o[own + at], along_off += std::abs(d_o[own + at]) * o_off[own + at];
          }
          for (std::int64_t s = first; s <= t; ++s) {
            const double weight = p[static_cast<std::size_t>(s - first)] / sum;
            double dp = 0, dp_size = 0;
            for (int i = 0; i < z.d; ++i) {
              const double x = d_o[own + static_cast<std::size_t>(i)] * v[key(s) + static_cast<std::size_t>(i)];
              dp += x, dp_size += std::abs(x);
            }
            const double slope = weight * (dp - along) * scale,
                         slope_off = 1.01 * (w * std::abs(slope) + weight * scale *
                                                                       (along_off + unit_roundoff<float> * 2 * (z.d + 8) *
                                                                                        (dp_size + std::abs(along))));
            for (int i = 0; i < z.d; ++i) {
              const auto at = static_cast<std::size_t>(i);
              dv[key(s) + at] += weight * d_o[own + at], dv_off[key(s) + at] += 1.01 * w * weight * std::abs(d_o[own + at]);
              dq[own + at] += slope * k[key(s) + at], dq_off[own + at] += slope_off * std::abs(k[key(s) + at]);
              dk[key(s) + at] += slope * q[own + at], dk_off[key(s) + at] += slope_off * std::abs(q[own + at]);
            }
          }
        }
  }
};

template <class T>
cuda::buffer<T> up(cuda_backend& b, const std::vector<double>& x) {
  std::vector<T> narrow;
  for (double y : x) narrow.push_back(T(static_cast<float>(y)));
  auto to = b.allocate<T>(static_cast<std::int64_t>(x.size()));
  b.upload(narrow.data(), to.data(), to.size());
  return to;
}
template <class T>
cuda::buffer<T> nothing(cuda_backend& b, std::size_t n) {
  return up<T>(b, std::vector<double>(n, std::numeric_limits<double>::quiet_NaN()));
}
template <class T>
std::vector<T> down(cuda_backend& b, const cuda::buffer<T>& x) {
  std::vector<T> y(static_cast<std::size_t>(x.size()));
  b.download(static_cast<const T*>(x.data()), y.data(), x.size());
  return y;
}
// The largest error in parts of what it may be.
template <class T>
double worst(const std::vector<T>& found, const std::vector<double>& wanted, const std::vector<double>& off) {
  double most = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double error = std::abs(static_cast<double>(static_cast<float>(found[i])) - wanted[i]);
    most = error <= off[i] + 1e-30 ? std::max(most, error / (off[i] + 1e-30)) : std::max(most, 1 + error);
    if (std::isnan(error)) return std::numeric_limits<double>::infinity();
  }
  return most;
}

void matches(const sizes& z, std::uint64_t seed) {
  cuda_backend b;
  const std::int64_t n = z.count * z.length;
  const auto q = random(n * z.heads * z.d, seed), k = random(n * z.kv_heads * z.d, seed + 1),
             v = random(n * z.kv_heads * z.d, seed + 2), d_o = random(n * z.heads * z.d, seed + 3);
  const definition wanted(z, q, k, v, d_o);
  const auto by_reference =
      reference::softmax_attention({n, z.heads, z.kv_heads, z.d, z.d}, {z.count, z.length}, q, k, v, z.window);
  for (std::size_t i = 0; i < by_reference.size(); ++i) BOOST_REQUIRE(std::abs(by_reference[i] - wanted.o[i]) < 1e-12);
  const auto dq = up<bf16>(b, q), dk = up<bf16>(b, k), dv = up<bf16>(b, v), dd = up<bf16>(b, d_o);
  std::vector<bf16> first_o;
  std::vector<float> first[4];
  for (int turn = 0; turn < 2; ++turn) {
    const auto o = nothing<bf16>(b, q.size());
    const auto lse = nothing<float>(b, wanted.lse.size()), gq = nothing<float>(b, q.size()), gk = nothing<float>(b, k.size()),
               gv = nothing<float>(b, k.size());
    {  // scratch is NaN too
      const std::vector<float> nan(static_cast<std::size_t>(z.count * z.heads * (z.length + 63) * 2),
                                   std::numeric_limits<float>::quiet_NaN());
      const auto bytes = static_cast<std::int64_t>(nan.size() * sizeof(float));
      b.upload(reinterpret_cast<const char*>(nan.data()), b.scratch(nan.size() * sizeof(float)), bytes);
    }
    const layer::softmax_call<bf16> call{z.length,  z.window,  z.heads,   z.kv_heads, z.d,
                                         dq.data(), dk.data(), dv.data(), lse.data()};
    const layer::softmax_forward_kernel<bf16> forward{call, o.data()};
    const layer::softmax_backward_kernel<bf16> backward{call, o.data(), dd.data(), gq.data(), gk.data(), gv.data()};
    BOOST_TEST_REQUIRE(b.launch_pairs(z.count, forward));
    BOOST_TEST_REQUIRE(b.launch_pairs(z.count, backward));
    const auto found_o = down(b, o);
    const std::vector<float> found[4] = {down(b, lse), down(b, gq), down(b, gk), down(b, gv)};
    if (turn == 1) {
      BOOST_TEST(std::memcmp(first_o.data(), found_o.data(), first_o.size() * sizeof(bf16)) == 0);
      for (int i = 0; i < 4; ++i) BOOST_TEST((first[i] == found[i]));
      break;
    }
    first_o = found_o;
    for (int i = 0; i < 4; ++i) first[i] = found[i];
    BOOST_TEST(worst(found_o, wanted.o, wanted.o_off) <= 1);
    BOOST_TEST(worst(found[0], wanted.lse, wanted.lse_off) <= 1);
    BOOST_TEST(worst(found[1], wanted.dq, wanted.dq_off) <= 1);
    BOOST_TEST(worst(found[2], wanted.dk, wanted.dk_off) <= 1);
    BOOST_TEST(worst(found[3], wanted.dv, wanted.dv_off) <= 1);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_width) {
  for (int d = 16; d <= 256; d += 16)
    for (const sizes& z : {sizes{1, 200, 0, 2, 1, d}, {2, 97, 0, 2, 2, d}})
      BOOST_TEST_CONTEXT("width " << d << ", " << z.count << " of " << z.length) { matches(z, static_cast<std::uint64_t>(d)); }
}

BOOST_AUTO_TEST_CASE(lengths_windows_and_grouped_heads) {
  for (int d : {64, 128})
    for (const sizes& z : {sizes{3, 1, 0, 2, 1, d},
                           {1, 64, 0, 2, 2, d},
                           {2, 65, 0, 4, 2, d},
                           {1, 129, 1, 3, 1, d},
                           {2, 150, 17, 4, 2, d},
                           {1, 450, 64, 2, 1, d},
                           {1, 390, 130, 2, 1, d},
                           {1, 90, 200, 2, 2, d},
                           {1, 700, 0, 4, 1, d}})
      BOOST_TEST_CONTEXT("width " << d << ", " << z.count << " of " << z.length << ", window " << z.window << ", heads "
                                  << z.heads << "/" << z.kv_heads) {
        matches(z, static_cast<std::uint64_t>(z.length));
      }
}

// Queries after cached keys give the rows that the whole text gives, one rounding apart; what lies beyond them is not read.
BOOST_AUTO_TEST_CASE(queries_after_earlier_keys) {
  constexpr std::int64_t length = 300, room = 320;
  const int heads = 4, kv = 2, d = 96;
  for (std::int64_t window : {0, 50}) {
    cuda_backend b;
    const sizes z{2, length, window, heads, kv, d};
    const auto q = random(2 * length * heads * d, 1), k = random(2 * length * kv * d, 2), v = random(2 * length * kv * d, 3);
    const definition wanted(z, q, k, v, q);
    const auto roomy = [&](const std::vector<double>& x) {
      std::vector<double> y(2 * room * kv * d, std::numeric_limits<double>::quiet_NaN());
      for (std::int64_t s = 0; s < 2; ++s)
        std::copy_n(x.begin() + s * length * kv * d, length * kv * d, y.begin() + s * room * kv * d);
      return y;
    };
    const auto keys = up<bf16>(b, roomy(k)), values = up<bf16>(b, roomy(v));
    for (std::int64_t before : {0, 1, 64, 137, 299}) {
      const std::int64_t n = length - before;
      std::vector<double> part, o, off;
      for (std::int64_t s = 0; s < 2; ++s)
        for (auto [from, to] : {std::pair{&q, &part}, {&wanted.o, &o}, {&wanted.o_off, &off}})
          to->insert(to->end(), from->begin() + (s * length + before) * heads * d,
                     from->begin() + (s + 1) * length * heads * d);
      const auto own = up<bf16>(b, part);
      const auto out = nothing<bf16>(b, part.size());
      BOOST_TEST_REQUIRE(b.launch_pairs(
          2, layer::softmax_forward_kernel<bf16>{
                 {n, window, heads, kv, d, own.data(), keys.data(), values.data(), nullptr, before, room}, out.data()}));
      BOOST_TEST(worst(down(b, out), o, off) <= 1, "window " << window << ", " << before << " keys before");
    }
  }
}

// No sequence sees another's rows, whatever is in them.
BOOST_AUTO_TEST_CASE(sequences_are_apart) {
  cuda_backend b;
  const int d = 64;
  auto q = random(2 * 100 * d, 1);
  std::fill(q.begin() + 100 * d, q.end(), std::numeric_limits<double>::quiet_NaN());
  const auto x = up<bf16>(b, q);
  const auto o = nothing<bf16>(b, q.size());
  const auto lse = nothing<float>(b, 200), dq = nothing<float>(b, q.size()), dk = nothing<float>(b, q.size()),
             dv = nothing<float>(b, q.size());
  const layer::softmax_call<bf16> call{100, 0, 1, 1, d, x.data(), x.data(), x.data(), lse.data()};
  BOOST_TEST_REQUIRE(b.launch_pairs(2, layer::softmax_forward_kernel<bf16>{call, o.data()}));
  BOOST_TEST_REQUIRE(
      b.launch_pairs(2, layer::softmax_backward_kernel<bf16>{call, o.data(), x.data(), dq.data(), dk.data(), dv.data()}));
  const auto found = down(b, o);
  for (std::size_t i = 0; i < 100 * d; ++i) BOOST_REQUIRE(std::isfinite(static_cast<float>(found[i])));
  for (const auto& g : {down(b, dq), down(b, dk), down(b, dv)})
    for (std::size_t i = 0; i < 100 * d; ++i) BOOST_REQUIRE(std::isfinite(g[i]));
}

// Widths that no tile has go to the plain team.
BOOST_AUTO_TEST_CASE(other_widths_are_left_to_others) {
  cuda_backend b;
  const auto x = up<bf16>(b, random(40, 1));
  const auto o = nothing<bf16>(b, 40);
  const layer::softmax_call<bf16> call{5, 0, 1, 1, 8, x.data(), x.data(), x.data(), nullptr};
  BOOST_TEST(!b.launch_pairs(1, layer::softmax_forward_kernel<bf16>{call, o.data()}));
  layer::softmax_forward(b, 1, call, o.data());
  for (bf16 y : down(b, o)) BOOST_TEST(std::isfinite(static_cast<float>(y)));
}
