// The core on CPU backends against the matrix product rate of the same machine, run and number of threads.
//   operations counted: what the chunk algorithm multiplies (full chunk x chunk products), two per multiply-add:
//   forward C(F + e) + 2Fe multiply-adds a token and head, backward C(4F + 2e) + 5Fe (states again, dq, dk, dv)
//   rate: the best of square float products by Eigen, one of its own on every thread, and by OpenBLAS where it is installed
// Arguments: [tokens [seconds of measuring a number]]. JSON lines; wall time, the median of runs.
#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "supra/eigen/backend.hpp"
#include "supra/supra.hpp"
#ifdef SUPRA_BENCH_TBB
#include "supra/tbb/backend.hpp"
#endif
#ifdef SUPRA_BENCH_KOKKOS
#include "supra/kokkos/backend.hpp"
#endif
#ifdef SUPRA_BENCH_OPENBLAS
extern "C" {
void openblas_set_num_threads(int);
void cblas_sgemm(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
}
#endif

namespace {
using supra_paper =
    supra::linear_attention<supra::elementwise<supra::relu>, supra::rope, supra::slope_decay, supra::group_norm>;

double budget = 1.5;  // seconds for one number

double median_seconds(const std::function<void()>& f) {
  using clock = std::chrono::steady_clock;
  auto once = [&] {
    const auto start = clock::now();
    f();
    return std::chrono::duration<double>(clock::now() - start).count();
  };
  once();
  std::vector<double> times;
  for (double spent = 0; times.size() < 5 || (spent < budget && times.size() < 200); spent += times.back())
    times.push_back(once());
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

// Operations a second on so many threads.
double product_rate(int threads) {
  double best = 0;
  for (int n : {256, 512, 1024}) {
    const double each = 2.0 * n * n * n;
    std::vector<Eigen::MatrixXf> a, b, c;
    for (int i = 0; i < threads; ++i)
      a.push_back(Eigen::MatrixXf::Random(n, n)), b.push_back(Eigen::MatrixXf::Random(n, n)), c.emplace_back(n, n);
    const int repeats = std::max(1, static_cast<int>(2e9 / each));
    auto work = [&](std::size_t i) {
      for (int r = 0; r < repeats; ++r) c[i].noalias() = a[i] * b[i];
    };
    best = std::max(best, threads * repeats * each / median_seconds([&] {
                            std::vector<std::thread> others;
                            for (int i = 1; i < threads; ++i) others.emplace_back(work, static_cast<std::size_t>(i));
                            work(0);
                            for (auto& t : others) t.join();
                          }));
#ifdef SUPRA_BENCH_OPENBLAS
    openblas_set_num_threads(threads);
    best = std::max(best, each / median_seconds([&] {
                            cblas_sgemm(101, 111, 111, n, n, n, 1, a[0].data(), n, b[0].data(), n, 0, c[0].data(), n);
                          }));
#endif
  }
  return best;
}

template <class B>
auto noise(B& b, std::int64_t n, unsigned seed) {
  std::mt19937 g(seed);
  std::normal_distribution<float> normal;
  std::vector<float> r(static_cast<std::size_t>(n));
  for (auto& x : r) x = normal(g);
  auto there = b.template allocate<float>(n);
  b.upload(r.data(), there.data(), n);
  return there;
}

struct seconds {
  double forward, backward;
};

template <class B>
seconds measure(const char* name, B& backend, int threads, int width, int heads, std::int64_t tokens, int chunk, double rate) {
  supra::attention<supra_paper, B, float> layer;
  const supra::attention_shape shape{tokens, heads, heads, width, width, chunk};
  const supra::sequences seq{1, tokens};
  const std::int64_t n = tokens * heads * width;
  auto q = noise(backend, n, 1), k = noise(backend, n, 2), v = noise(backend, n, 3), d = noise(backend, n, 4);
  auto o = backend.template allocate<float>(n), dq = backend.template allocate<float>(n),
       dk = backend.template allocate<float>(n), dv = backend.template allocate<float>(n),
       saved = backend.template allocate<float>(tokens * heads);
  auto rows = [&](auto& x) { return supra::dense(x.data(), heads, width); };
  auto in_rows = [&](auto& x) { return supra::dense<const float>(x.data(), heads, width); };
  supra::attention_inputs<float> in{in_rows(q), in_rows(k), in_rows(v)};
  supra::attention_gradients<float> grad;
  grad.o = in_rows(o), grad.d_o = in_rows(d), grad.saved = saved.data(), grad.dq = rows(dq), grad.dk = rows(dk),
  grad.dv = rows(dv);
  const seconds s{median_seconds([&] {
                    layer.forward(backend, shape, seq, in, {rows(o), saved.data()}), backend.fence();
                  }),
                  median_seconds([&] { layer.backward(backend, shape, seq, in, grad), backend.fence(); })};
  const double f = width, c = chunk, th = static_cast<double>(tokens) * heads;
  const double forward = 2 * th * (2 * c * f + 2 * f * f), backward = 2 * th * (6 * c * f + 5 * f * f);
  std::printf(
      "{\"bench\":\"attention\",\"backend\":\"%s\",\"threads\":%d,\"D\":%d,\"H\":%d,\"T\":%lld,\"chunk\":%d,"
      "\"forward_of_product_rate\":%.3f,\"backward_of_product_rate\":%.3f}\n",
      name, threads, width, heads, static_cast<long long>(tokens), chunk, forward / s.forward / rate,
      backward / s.backward / rate);
  std::fflush(stdout);
  return s;
}

void ratio(const char* what, int width, int heads, std::int64_t tokens, seconds slow, seconds fast) {
  std::printf("{\"bench\":\"%s\",\"D\":%d,\"H\":%d,\"T\":%lld,\"forward\":%.2f,\"backward\":%.2f}\n", what, width, heads,
              static_cast<long long>(tokens), slow.forward / fast.forward, slow.backward / fast.backward);
}
}  // namespace

int main(int argc, char** argv) {
  const std::int64_t tokens = argc > 1 ? std::stoll(argv[1]) : 4096;
  if (argc > 2) budget = std::stod(argv[2]);
#ifdef SUPRA_BENCH_KOKKOS
  Kokkos::ScopeGuard guard(argc, argv);
#endif
  const int all = static_cast<int>(std::thread::hardware_concurrency());
  const double one_rate = product_rate(1), all_rate = product_rate(all);
  std::printf("{\"bench\":\"product\",\"threads\":1,\"gflops\":%.1f}\n{\"bench\":\"product\",\"threads\":%d,\"gflops\":%.1f}\n",
              one_rate * 1e-9, all, all_rate * 1e-9);
  supra::eigen_backend eigen;
#ifdef SUPRA_BENCH_TBB
  supra::tbb_backend tbb;
#endif
#ifdef SUPRA_BENCH_KOKKOS
  supra::kokkos_backend<> kokkos;
#endif
  for (auto [heads, length] : {std::pair<int, std::int64_t>{8, tokens}, {1, 4 * tokens}})
    for (int width : {128, 64})
      for (int chunk : {64, 128}) {
        if (heads == 1 && chunk != 64) continue;
        const auto one = measure("eigen", eigen, 1, width, heads, length, chunk, one_rate);
#ifdef SUPRA_BENCH_TBB
        const auto many = measure("tbb", tbb, all, width, heads, length, chunk, all_rate);
        ratio("tbb over eigen", width, heads, length, one, many);
#ifdef SUPRA_BENCH_KOKKOS
        const auto other = measure("kokkos", kokkos, all, width, heads, length, chunk, all_rate);
        ratio("kokkos over tbb", width, heads, length, many, other);
#endif
#else
        (void)one;
#endif
      }
}
