// The core on a GPU: checked with fresh random inputs against double on the host, then timed beside two ceilings of the same
// card, a device-to-device copy and a matrix product.
//   floor: 4 tensors forward (q, k, v read, o written), 11 forward and backward (q, k, v, dO read, dq, dk, dv written: 7 more),
//   bf16, each as wide as it is, over the copy's bandwidth
// Arguments: [seed]. JSON lines; device time by events, medians.
#include <cuda_runtime.h>

#include <cstdio>
#include <ctime>
#include <string>

#include "card.hpp"
#include "supra/supra.hpp"
#include "supra/testing/check_composition.hpp"
#ifdef SUPRA_BENCH_KOKKOS
#include "supra/kokkos/backend.hpp"
#else
#include "supra/cuda/backend.hpp"
#endif

namespace {
using supra::bf16;
using paper = supra::linear_attention<supra::elementwise<supra::relu>, supra::rope, supra::slope_decay, supra::group_norm>;
using with_denominator =
    supra::linear_attention<supra::elementwise<supra::relu>, supra::rope, supra::slope_decay, supra::sum_norm>;
using by_hedgehog = supra::linear_attention<supra::hedgehog, supra::rope, supra::slope_decay, supra::group_norm>;
using by_softmax = supra::linear_attention<supra::softmax, supra::rope, supra::slope_decay, supra::group_norm>;
// The program's `best`, whose learned maps may be wider than v.
using best = supra::linear_attention<supra::elementwise<supra::relu>, supra::rope, supra::per_token_decay, supra::rms_norm_gain>;

using bench::device_rows, bench::median_ms, bench::must;

using supra::testing::attention_case;
template <class Composition, class B>
void check(B& b, const char* name, unsigned seed, const std::vector<attention_case>& wide = {}) {
  const std::int64_t enough = supra::teams_of(b) / 32 + 1;  // sequences of 16 heads that are walked whole
  std::vector<attention_case> cases = {{4, 2, 128, 128, 64, 2, 211, seed},
                                       {4, 4, 64, 64, 64, 2, 150, seed + 1},
                                       {2, 1, 48, 48, 64, 1, 70, seed + 2},
                                       {16, 16, 64, 64, 64, enough, 150, seed + 3}};
  cases.insert(cases.end(), wide.begin(), wide.end());
  for (const auto& c : cases) {
    const auto report = supra::testing::check_composition<Composition, B, bf16>(b, c);
    for (const auto& f : report.failures) std::fprintf(stderr, "%s, d %d, e %d: %s\n", name, c.d, c.e, f.c_str());
    if (!report.ok()) throw std::runtime_error("the check failed; nothing is timed");
  }
  std::printf("{\"check\":\"%s\",\"seed\":%u,\"ok\":true}\n", name, seed);
}

template <class Composition, class B>
void measure(B& b, const char* backend, const char* name, cudaStream_t stream, double bandwidth, std::int64_t count,
             std::int64_t length, int heads, int kv_heads, int d, int e = 0) {
  e = e > 0 ? e : d;
  supra::attention<Composition, B, bf16> layer;
  const std::int64_t tokens = count * length, of_q = tokens * heads * d, of_k = tokens * kv_heads * d,
                     of_v = tokens * kv_heads * e, of_o = tokens * heads * e;
  const supra::attention_shape shape{tokens, heads, kv_heads, d, e, 64};
  const supra::sequences seq{count, length};
  device_rows q(of_q, 1), k(of_k, 2), v(of_v, 3), g(of_o, 4), o(of_o, 5), dq(of_q, 6), dk(of_k, 7), dv(of_v, 8);
  auto numbers = [&](std::int64_t size, float x) {
    auto there = b.template allocate<float>(size);
    b.upload(std::vector<float>(static_cast<std::size_t>(size), x).data(), there.data(), size);
    return there;
  };
  const auto widths = layer.widths(d, e);
  const std::int64_t decays = widths.decay_per_token ? tokens * heads : heads, gains = heads * widths.normalizer_parameters;
  auto saved = numbers(tokens * heads, 0), decay = numbers(decays, 3), d_decay = numbers(decays, 0), gain = numbers(gains, 1),
       d_gain = numbers(gains, 0);
  auto in_rows = [&](auto& x, int h, int width) { return supra::dense<const bf16>(x.data, h, width); };
  supra::attention_inputs<bf16> in{in_rows(q, heads, d), in_rows(k, kv_heads, d), in_rows(v, kv_heads, e)};
  in.decay = decay.data(), in.normalizer = gain.data();
  supra::attention_gradients<bf16> grad;
  grad.o = in_rows(o, heads, e), grad.d_o = in_rows(g, heads, e), grad.saved = saved.data(),
  grad.dq = supra::dense(dq.data, heads, d), grad.dk = supra::dense(dk.data, kv_heads, d),
  grad.dv = supra::dense(dv.data, kv_heads, e), grad.d_decay = d_decay.data(), grad.d_normalizer = d_gain.data();
  const double forward =
      median_ms(stream, [&] { layer.forward(b, shape, seq, in, {supra::dense(o.data, heads, e), saved.data()}); });
  const double backward = median_ms(stream, [&] { layer.backward(b, shape, seq, in, grad); });
  const double byte = 1e3 / bandwidth, floor = 2 * byte * static_cast<double>(of_q + of_k + of_v + of_o),
               both = 2 * byte * static_cast<double>(3 * (of_q + of_k + of_v) + 2 * of_o);
  std::printf(
      "{\"bench\":\"gpu core\",\"backend\":\"%s\",\"composition\":\"%s\",\"B\":%lld,\"T\":%lld,\"H\":%d,\"G\":%d,\"D\":%d,\"E\":%d,"
      "\"forward_ms\":%.4f,\"backward_ms\":%.4f,\"forward_of_floor\":%.2f,\"both_of_floor\":%.2f}\n",
      backend, name, static_cast<long long>(count), static_cast<long long>(length), heads, kv_heads, d, e, forward, backward,
      forward / floor, (forward + backward) / both);
  std::fflush(stdout);
}
}  // namespace
#ifndef SUPRA_BENCH_KOKKOS
template <>
inline constexpr bool supra::cuda::wide_heads<supra::kernel_stages<best>> = true;
template <>
inline constexpr bool supra::cuda::wide_heads<supra::kernel_stages<paper>> = true;
#endif

int main(int argc, char** argv) try {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a line as soon as it is there, into pipes too
  const unsigned seed = argc > 1 ? static_cast<unsigned>(std::stoul(argv[1])) : static_cast<unsigned>(std::time(nullptr));
#ifdef SUPRA_BENCH_KOKKOS
  const char* const name = "kokkos";
  Kokkos::ScopeGuard guard(argc, argv);
  supra::kokkos_backend<> b;
#else
  const char* const name = "cuda";
  supra::cuda_backend b;
#endif
  cudaDeviceProp card{};
  must(cudaGetDeviceProperties(&card, 0), "device");
  const cudaStream_t stream = b.stream();
  const double bandwidth = bench::copy_bandwidth(stream);
  std::printf("{\"card\":\"%s\",\"multiprocessors\":%d,\"copy_gb_s\":%.0f,\"product_tflop_s\":%.0f}\n", card.name,
              card.multiProcessorCount, bandwidth * 1e-9, bench::product_rate(stream) * 1e-12);
  check<paper>(b, "paper", seed, {{2, 2, 256, 256, 64, 1, 150, seed + 4}});
  check<by_softmax>(b, "softmax map", seed), check<with_denominator>(b, "denominator", seed);
  check<by_hedgehog>(b, "hedgehog", seed);
  check<best>(b, "best", seed,
              {{4, 2, 128, 64, 64, 2, 150, seed + 4}, {8, 8, 256, 64, 64, 17, 75, seed + 5}, {2, 2, 256, 128, 64, 1, 150, seed + 6}});
  measure<paper>(b, name, "paper", stream, bandwidth, 8, 2048, 32, 32, 128);
  measure<by_softmax>(b, name, "softmax map", stream, bandwidth, 8, 2048, 32, 32, 128);
  measure<with_denominator>(b, name, "denominator", stream, bandwidth, 8, 2048, 32, 32, 128);
  measure<by_hedgehog>(b, name, "hedgehog", stream, bandwidth, 8, 2048, 32, 32, 128);
  measure<paper>(b, name, "paper", stream, bandwidth, 1, 16384, 32, 32, 128);
  for (int d : {32, 48, 64, 96}) measure<paper>(b, name, "paper", stream, bandwidth, 8, 2048, 32, 32, d);
  measure<by_hedgehog>(b, name, "hedgehog", stream, bandwidth, 8, 2048, 32, 32, 64);
  measure<paper>(b, name, "paper", stream, bandwidth, 8, 2048, 32, 8, 128);
  measure<paper>(b, name, "paper", stream, bandwidth, 8, 2048, 32, 4, 64);
  measure<best>(b, name, "best", stream, bandwidth, 8, 2048, 32, 32, 128);
  measure<best>(b, name, "best", stream, bandwidth, 8, 2048, 32, 32, 64);
  for (int d : {128, 256}) measure<best>(b, name, "best", stream, bandwidth, 8, 2048, 32, 32, d, 64);
  measure<best>(b, name, "best", stream, bandwidth, 8, 2048, 32, 32, 256, 128);
  measure<paper>(b, name, "paper", stream, bandwidth, 8, 2048, 16, 16, 256);
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_gpu_core: %s\n", error.what());
  return 1;
}
