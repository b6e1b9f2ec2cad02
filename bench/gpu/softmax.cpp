// The teacher's softmax attention on a GPU: checked with fresh random inputs against double, then timed beside the rate of a
// matrix product on the same card. Operations: what causal attention needs, 2 products forward and 5 backward of half of all
// pairs. Arguments: [seed]. JSON lines; device time by events, medians.
#include <cstdio>
#include <ctime>
#include <string>

#include "card.hpp"
#include "supra/cuda/backend.hpp"
#include "supra/layer/softmax_attention.hpp"
#include "supra/reference/softmax_attention.hpp"

namespace {
using bench::device_rows, bench::median_ms, bench::must;
using supra::bf16;

struct floats {
  float* data = nullptr;
  explicit floats(std::int64_t n) { must(cudaMalloc(&data, static_cast<std::size_t>(n) * sizeof(float)), "memory"); }
  floats(const floats&) = delete;
  ~floats() { cudaFree(data); }
};

struct work {
  supra::cuda_backend& b;
  std::int64_t count, length, window;
  int heads, kv_heads, d;
  unsigned seed = 1;
  std::int64_t n = count * length * heads * d, m = count * length * kv_heads * d;
  device_rows q{n, seed}, k{m, seed + 1}, v{m, seed + 2}, g{n, seed + 3}, o{n, 5};
  floats lse{count * length * heads}, dq{n}, dk{m}, dv{m};
  supra::layer::softmax_call<bf16> call{length, window, heads, kv_heads, d, q.data, k.data, v.data, lse.data};
  void forward() { supra::layer::softmax_forward(b, count, call, o.data); }
  void backward() {
    supra::layer::softmax_backward(
        b, count, supra::layer::softmax_backward_kernel<bf16>{call, o.data, g.data, dq.data, dk.data, dv.data});
  }
};

void check(supra::cuda_backend& b, unsigned seed) {
  for (int d : {64, 128, 256}) {
    work w{b, 2, 211, 0, 4, 2, d, seed};
    w.forward();
    const auto host = [&](const device_rows& x) {
      std::vector<bf16> y(static_cast<std::size_t>(x.n));
      b.download(static_cast<const bf16*>(x.data), y.data(), x.n);
      return std::vector<double>(y.begin(), y.end());
    };
    const auto found = host(w.o);
    const auto wanted = supra::reference::softmax_attention({422, 4, 2, d, d}, {2, 211}, host(w.q), host(w.k), host(w.v));
    double error = 0, size = 0;
    for (std::size_t i = 0; i < found.size(); ++i)
      error += (found[i] - wanted[i]) * (found[i] - wanted[i]), size += wanted[i] * wanted[i];
    if (!(error <= 1e-4 * size)) throw std::runtime_error("the check failed at d " + std::to_string(d) + "; nothing is timed");
  }
  std::printf("{\"check\":\"softmax attention\",\"seed\":%u,\"ok\":true}\n", seed);
}

void measure(supra::cuda_backend& b, double rate, std::int64_t count, std::int64_t length, std::int64_t window, int heads,
             int kv_heads, int d) {
  work w{b, count, length, window, heads, kv_heads, d};
  const double forward = median_ms(b.stream(), [&] { w.forward(); }), backward = median_ms(b.stream(), [&] { w.backward(); });
  const auto t = static_cast<double>(length), left = window > 0 ? t - static_cast<double>(window) : 0.0;
  const double product = static_cast<double>(count) * heads * d * (t * t - left * left);  // operations of one
  const double ahead = 2e3 * product / forward, back = 5e3 * product / backward;
  std::printf(
      "{\"bench\":\"gpu softmax\",\"B\":%lld,\"T\":%lld,\"window\":%lld,\"H\":%d,\"G\":%d,\"D\":%d,\"forward_ms\":%.4f,"
      "\"backward_ms\":%.4f,\"forward_tflop_s\":%.0f,\"backward_tflop_s\":%.0f",
      static_cast<long long>(count), static_cast<long long>(length), static_cast<long long>(window), heads, kv_heads, d,
      forward, backward, ahead * 1e-12, back * 1e-12);
  if (rate > 0) std::printf(",\"forward_of_rate\":%.2f,\"backward_of_rate\":%.2f", ahead / rate, back / rate);  // else unknown
  std::printf("}\n");
  std::fflush(stdout);
}
}  // namespace

int main(int argc, char** argv) try {
  const unsigned seed = argc > 1 ? static_cast<unsigned>(std::stoul(argv[1])) : static_cast<unsigned>(std::time(nullptr));
  supra::cuda_backend b;
  const double rate = bench::product_rate(b.stream());
  std::printf("{\"card\":\"%s\",\"product_tflop_s\":%.0f}\n", b.on().name().c_str(), rate * 1e-12);
  check(b, seed);
  measure(b, rate, 8, 2048, 0, 32, 32, 128), measure(b, rate, 8, 2048, 0, 32, 8, 128), measure(b, rate, 8, 2048, 0, 32, 32, 64);
  measure(b, rate, 8, 2048, 0, 32, 4, 64), measure(b, rate, 1, 16384, 0, 32, 32, 128),
      measure(b, rate, 8, 2048, 0, 16, 16, 256);
  measure(b, rate, 8, 2048, 512, 32, 32, 128), measure(b, rate, 16, 1024, 0, 12, 12, 64);
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_gpu_softmax: %s\n", error.what());
  return 1;
}
