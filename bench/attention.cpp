// The core on a CPU backend against the matrix product rate of the same machine, thread and run.
//   operations counted: what the chunk algorithm multiplies (full chunk x chunk products), two per multiply-add
//   forward  C(F + e) + 2Fe multiply-adds a token and head; backward three times that, less what dk and dv share (one update)
#include <Eigen/Core>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "supra/core/linear_attention.hpp"
#include "supra/decay/slopes.hpp"
#include "supra/eigen/backend.hpp"
#include "supra/feature/relu.hpp"
#include "supra/normalizer/group_norm.hpp"
#include "supra/position/rope.hpp"

namespace {
using composition =
    supra::linear_attention<supra::elementwise<supra::relu>, supra::rope, supra::slope_decay, supra::group_norm>;

// This thread's processor time: other work on the machine counts as little as can be.
double now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double median_seconds(int repeats, const std::function<void()>& f) {
  std::vector<double> times;
  f();
  for (int i = 0; i < repeats; ++i) {
    const double start = now();
    f();
    times.push_back(now() - start);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// Best of several square float products by Eigen, operations a second.
double product_rate() {
  double best = 0;
  for (int n : {256, 512, 1024}) {
    Eigen::MatrixXf a = Eigen::MatrixXf::Random(n, n), b = Eigen::MatrixXf::Random(n, n), c(n, n);
    best = std::max(best, 2.0 * n * n * n / median_seconds(9, [&] { c.noalias() = a * b; }));
  }
  return best;
}

std::vector<float> noise(std::int64_t n, unsigned seed) {
  std::mt19937 g(seed);
  std::normal_distribution<float> normal;
  std::vector<float> r(static_cast<std::size_t>(n));
  for (auto& x : r) x = normal(g);
  return r;
}

void measure(int width, int heads, std::int64_t tokens, int chunk, double rate) {
  supra::eigen_backend backend;
  supra::attention<composition, supra::eigen_backend, float> layer;
  const supra::attention_shape shape{tokens, heads, heads, width, width, chunk};
  const supra::sequences seq{1, tokens};
  const std::int64_t n = tokens * heads * width;
  auto q = noise(n, 1), k = noise(n, 2), v = noise(n, 3), d = noise(n, 4);
  std::vector<float> o(q.size()), dq(q.size()), dk(q.size()), dv(q.size()), saved(static_cast<std::size_t>(tokens * heads));
  auto rows = [&](auto& x) { return supra::dense(x.data(), heads, width); };
  auto in_rows = [&](auto& x) { return supra::dense<const float>(x.data(), heads, width); };
  supra::attention_inputs<float> in{in_rows(q), in_rows(k), in_rows(v)};
  supra::attention_gradients<float> grad;
  grad.o = in_rows(o), grad.d_o = in_rows(d), grad.saved = saved.data(), grad.dq = rows(dq), grad.dk = rows(dk),
  grad.dv = rows(dv);
  const double forward = median_seconds(5, [&] { layer.forward(backend, shape, seq, in, {rows(o), saved.data()}); });
  const double backward = median_seconds(5, [&] { layer.backward(backend, shape, seq, in, grad); });
  const double f = width, c = chunk, th = static_cast<double>(tokens) * heads;
  const double forward_operations = 2 * th * (2 * c * f + 2 * f * f), backward_operations = 2 * th * (6 * c * f + 5 * f * f);
  std::printf(
      "{\"bench\":\"attention\",\"backend\":\"eigen\",\"D\":%d,\"H\":%d,\"T\":%lld,\"chunk\":%d,\"forward_of_product_rate\":%."
      "3f,"
      "\"backward_of_product_rate\":%.3f,\"forward_ns_per_token_head\":%.0f,\"backward_ns_per_token_head\":%.0f}\n",
      width, heads, static_cast<long long>(tokens), chunk, forward_operations / forward / rate,
      backward_operations / backward / rate, forward / th * 1e9, backward / th * 1e9);
}
}  // namespace

int main(int argc, char** argv) {
  const std::int64_t tokens = argc > 1 ? std::stoll(argv[1]) : 4096;
  const double rate = product_rate();
  std::printf("{\"bench\":\"product\",\"library\":\"Eigen\",\"gflops\":%.1f}\n", rate * 1e-9);
  for (int width : {128, 64})
    for (int chunk : {32, 64, 128}) measure(width, 8, tokens, chunk, rate);
}
