// The step of one token on a GPU: checked with fresh random inputs against double on the host, then timed.
//   floor: each state of float32 in once and out once, q, k, v in and o out, over the bandwidth of a large copy on the same
//   card
// Steps of a graph take one state after another, as a model's layers do, so many that the second level cache holds no state
// from one replay to the next. Arguments: [seed]. JSON lines; device time by events, medians.
#include <cstdio>
#include <ctime>
#include <random>
#include <string>

#include "card.hpp"
#include "supra/cuda/launch_step.hpp"
#include "supra/supra.hpp"
#include "supra/testing/check_composition.hpp"

namespace {
using namespace supra;
using bench::must;
using paper = linear_attention<elementwise<relu>, rope, slope_decay, group_norm>;
using with_denominator = linear_attention<elementwise<relu>, rope_interleaved, slope_decay, sum_norm>;
using wide = linear_attention<hedgehog, rope, learned_decay, sum_norm>;
using gated = linear_attention<softmax_temperature, no_position, per_token_decay, rms_norm_gain>;

template <class P>
class device_array {
 public:
  explicit device_array(std::int64_t n) : n_(n) {
    must(cudaMalloc(&data_, static_cast<std::size_t>(n > 0 ? n : 1) * sizeof(P)), "memory");
  }
  template <class V>
  explicit device_array(const std::vector<V>& x) : device_array(static_cast<std::int64_t>(x.size())) {
    set(x);
  }
  device_array(const device_array&) = delete;
  ~device_array() { cudaFree(data_); }
  P* data() const { return data_; }
  template <class V>
  void set(const std::vector<V>& x) {
    std::vector<P> y;
    for (auto z : x) y.push_back(P(z));
    must(cudaMemcpy(data_, y.data(), y.size() * sizeof(P), cudaMemcpyHostToDevice), "copy to the device");
  }
  std::vector<double> host() const {
    std::vector<P> y(static_cast<std::size_t>(n_));
    must(cudaMemcpy(y.data(), data_, y.size() * sizeof(P), cudaMemcpyDeviceToHost), "copy from the device");
    return {y.begin(), y.end()};
  }

 private:
  P* data_ = nullptr;
  std::int64_t n_;
};

// One token of each of `count` sequences, with fresh inputs.
template <class Composition, class T>
struct one_token {
  using call_type = attention_call<Composition, T>;
  static constexpr decay_kind kind = call_type::kind;
  std::int64_t count;
  attention_shape shape;
  std::vector<std::int64_t> host_position;
  reference::oracle_inputs host;
  device_array<T> q, k, v;
  device_array<float> decay, feature_q, feature_k, normalizer, log_gamma;
  device_array<double> table;
  device_array<std::int64_t> position;
  Composition stages{};

  one_token(int heads, int kv_heads, int d, std::int64_t count, unsigned seed)
      : count(count),
        shape{count, heads, kv_heads, d, d},
        host_position(positions(count, seed)),
        host(inputs(shape, seed)),
        q(host.q),
        k(host.k),
        v(host.v),
        decay(host.decay),
        feature_q(host.feature_q),
        feature_k(host.feature_k),
        normalizer(host.normalizer),
        log_gamma(schedule(heads)),
        table(turns(d)),
        position(host_position) {}

  std::int64_t teams() const { return count * shape.heads; }
  step_kernel<Composition, T> kernel(float* state, T* o) const {
    call_type c{};
    c.shape = shape, c.seq = {count, 1, nullptr, nullptr, position.data()}, c.log_gamma = log_gamma.data();
    c.table = table.data();
    c.in = {dense<const T>(q.data(), shape.heads, shape.d),
            dense<const T>(k.data(), shape.kv_heads, shape.d),
            dense<const T>(v.data(), shape.kv_heads, shape.e),
            decay.data(),
            feature_q.data(),
            feature_k.data(),
            normalizer.data()};
    return {c, state, dense(o, shape.heads, shape.e)};
  }
  reference::oracle_result exact() const {
    const sequences seq{count, 1, nullptr, nullptr, host_position.data()};
    return reference::oracle<Composition>(shape, seq)(host, reference::form::recurrent);
  }

  static std::vector<std::int64_t> positions(std::int64_t count, unsigned seed) {
    std::mt19937_64 g(seed);
    std::vector<std::int64_t> p;
    for (std::int64_t i = 0; i < count; ++i) p.push_back(static_cast<std::int64_t>(g() % 100000));
    return p;
  }
  static reference::oracle_inputs inputs(const attention_shape& s, unsigned seed) {
    std::mt19937_64 g(seed + 1);
    std::normal_distribution<double> normal;
    const auto some = [&](std::int64_t n, double scale, double shift, bool stored) {
      std::vector<double> x;
      for (std::int64_t i = 0; i < n; ++i) {
        const auto y = static_cast<float>(shift + scale * normal(g));
        x.push_back(static_cast<double>(stored ? float(T(y)) : y));
      }
      return x;
    };
    const std::int64_t f = call_type::feature_map::out_dim(s.d), e = s.e + (call_type::denominator ? 1 : 0),
                       own = parameters_of<typename call_type::feature_map>(s.d),
                       gains = parameters_of<typename call_type::normalizer_stage>(s.e);
    return {some(s.tokens * s.heads * s.d, 1, 0, true),
            some(s.tokens * s.kv_heads * s.d, 1, 0, true),
            some(s.tokens * s.kv_heads * s.e, 1, 0, true),
            some(kind == decay_kind::per_token ? s.tokens * s.heads
                 : kind == decay_kind::learned ? s.heads
                                               : 0,
                 0.5, -1, false),
            some(s.heads * own, 0.2, 1, false),
            some(s.kv_heads * own, 0.2, 1, false),
            some(s.heads * gains, 0.2, 1, false),
            some(s.tokens * s.heads * f * e, 0.1, call_type::denominator ? 0.5 : 0, false)};
  }
  static std::vector<double> schedule(int heads) {
    std::vector<double> g;
    if constexpr (kind == decay_kind::constant)
      for (int h = 0; h < heads; ++h) g.push_back(typename call_type::decay_stage{}.log_gamma(h, heads));
    return g;
  }
  static std::vector<double> turns(int d) {
    std::vector<double> t;
    const int f = call_type::feature_map::out_dim(d);
    if constexpr (call_type::turns)
      for (int i = 0; i < typename call_type::position_stage{}.table_size(f); ++i)
        t.push_back(typename call_type::position_stage{}.table(f, i));
    return t;
  }
};

struct step_case {
  int heads, kv_heads, d;
  std::int64_t count;
};

// Few heads, so many that each state is one block's, heads in groups; each twice from the same state.
template <class Composition, class T>
void check(const char* name, unsigned seed) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (auto [heads, kv_heads, d, count] : {step_case{4, 2, 128, 3},
                                           {8, 8, 128, 41},
                                           {4, 1, 64, 5},
                                           {8, 4, 64, 50},
                                           {2, 1, 256, 2},
                                           {4, 4, 256, 70},
                                           {6, 3, 32, 7}}) {
    const one_token<Composition, T> x(heads, kv_heads, d, count, seed++);
    const auto wanted = x.exact();
    device_array<float> state(x.host.initial_state);
    device_array<T> o(std::vector<double>(x.host.q.size(), nan));
    const auto run = [&] {
      const bool taken = cuda::launch_step(nullptr, x.teams(), x.kernel(state.data(), o.data()));
      if (!taken) return false;
      must(cudaDeviceSynchronize(), "step");
      return true;
    };
    if (Composition::feature_map::out_dim(d) > 256) {  // left to the plain team
      if (run()) throw std::runtime_error(std::string(name) + ": a step was taken that this launch is not made for");
      continue;
    }
    if (!run()) throw std::runtime_error(std::string(name) + ": no step of heads of " + std::to_string(d));
    const auto y = o.host(), s = state.host();
    testing::attention_case like;
    like.d = d, like.length = 1;
    const double most = testing::attention_tolerance<T>(like), apart = testing::relative_difference(y, wanted.y),
                 states_apart = testing::relative_difference(s, wanted.state);
    // the state is rounded a few times in float32, whatever rows are stored as; q and k were rounded before
    const double most_state = testing::attention_tolerance<float>(like);
    if (!(apart <= most && states_apart <= most_state))
      throw std::runtime_error(std::string(name) + ", d " + std::to_string(d) + ": outputs differ by " + std::to_string(apart) +
                               ", states by " + std::to_string(states_apart) + "; at most " + std::to_string(most) + " and " +
                               std::to_string(most_state) + " expected");
    state.set(x.host.initial_state), o.set(std::vector<double>(y.size(), nan));
    run();
    if (o.host() != y || state.host() != s) throw std::runtime_error(std::string(name) + ": two runs differ");
  }
  const one_token<Composition, T> odd(2, 2, 48, 1, seed);
  device_array<float> state(odd.host.initial_state);
  device_array<T> o(std::vector<double>(96, nan));
  if (cuda::launch_step(nullptr, odd.teams(), odd.kernel(state.data(), o.data())))
    throw std::runtime_error(std::string(name) + ": a step of heads of 48 was taken");
  std::printf("{\"check\":\"decode, %s\",\"storage\":\"%s\",\"ok\":true}\n", name, sizeof(T) == 2 ? "bf16" : "float32");
  std::fflush(stdout);
}

template <class Composition>
void measure(const char* name, cudaStream_t stream, double bandwidth, std::int64_t count, int d) {
  const int heads = 32, f = Composition::feature_map::out_dim(d),
            e = d + (Composition::normalizer_stage::wants_denominator ? 1 : 0);
  const one_token<Composition, bf16> x(heads, heads, d, 1, 1);
  const std::int64_t rows = count * heads, numbers = rows * f * e, bytes = 4 * numbers;
  const int states = static_cast<int>(std::max<std::int64_t>(2, (std::int64_t{1} << 30) / bytes)), steps = std::max(20, states);
  bench::device_rows q(rows * d, 1), k(rows * d, 2), v(rows * d, 3), o(rows * d, 4);
  device_array<std::int64_t> position(std::vector<std::int64_t>(static_cast<std::size_t>(count), 1000));
  device_array<float> state(states * numbers);
  must(cudaMemset(state.data(), 0, static_cast<std::size_t>(states * bytes)), "clear");  // filled by the warm-up's steps
  auto kernel = x.kernel(state.data(), o.data);
  kernel.call.shape.tokens = kernel.call.seq.count = count, kernel.call.seq.position = position.data();
  kernel.call.in.q.data = q.data, kernel.call.in.k.data = k.data, kernel.call.in.v.data = v.data;
  cudaGraph_t graph;
  cudaGraphExec_t ready;
  must(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capture");
  for (int i = 0; i < steps; ++i) {
    kernel.state = state.data() + i % states * numbers;
    if (!cuda::launch_step(stream, rows, kernel)) throw std::runtime_error("no step of this shape");
  }
  must(cudaStreamEndCapture(stream, &graph), "end of the capture");
  must(cudaGraphInstantiate(&ready, graph, 0), "graph");
  const double us = 1e3 *
                    bench::median_ms(
                        stream, [&] { must(cudaGraphLaunch(ready, stream), "replay"); }, 15) /
                    steps;
  cudaGraphExecDestroy(ready), cudaGraphDestroy(graph);
  const double floor = 1e6 * static_cast<double>(2 * bytes + 8 * rows * d) / bandwidth;
  std::printf(
      "{\"bench\":\"gpu "
      "decode\",\"composition\":\"%s\",\"B\":%lld,\"H\":%d,\"D\":%d,\"F\":%d,\"step_us\":%.2f,\"floor_us\":%.2f,"
      "\"of_floor\":%.2f}\n",
      name, static_cast<long long>(count), heads, d, f, us, floor, us / floor);
  std::fflush(stdout);
}
}  // namespace

int main(int argc, char** argv) try {
  const unsigned seed = argc > 1 ? static_cast<unsigned>(std::stoul(argv[1])) : static_cast<unsigned>(std::time(nullptr));
  cudaDeviceProp card{};
  must(cudaGetDeviceProperties(&card, 0), "device");
  cudaStream_t stream;
  must(cudaStreamCreate(&stream), "stream");
  const double bandwidth = bench::copy_bandwidth(stream);
  std::printf("{\"card\":\"%s\",\"multiprocessors\":%d,\"copy_gb_s\":%.0f,\"seed\":%u}\n", card.name, card.multiProcessorCount,
              bandwidth * 1e-9, seed);
  check<paper, bf16>("paper", seed), check<paper, float>("paper", seed + 100);
  check<with_denominator, bf16>("denominator", seed + 200), check<wide, bf16>("hedgehog, denominator", seed + 300);
  check<wide, float>("hedgehog, denominator", seed + 400), check<gated, bf16>("a gate for each token", seed + 500);
  for (std::int64_t count : {1, 4, 16, 64, 256}) measure<paper>("paper", stream, bandwidth, count, 128);
  for (std::int64_t count : {1, 16, 256}) measure<paper>("paper", stream, bandwidth, count, 64);
  for (std::int64_t count : {1, 16, 64}) measure<wide>("hedgehog, denominator", stream, bandwidth, count, 128);
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_gpu_decode: %s\n", error.what());
  return 1;
}
