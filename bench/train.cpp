// Tokens a second of a training step (forward, backward, clipping, AdamW) of SUPRA's student, on the backend and threads asked
// for. Arguments: shape (tok105, 15m) [backend (tbb, eigen)] [threads (0: all)] [steps]. One JSON line. bench/peers/train.py
// runs it beside PyTorch.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "shapes.hpp"
#include "supra/eigen/backend.hpp"
#include "supra/model/linearize.hpp"
#include "supra/supra.hpp"
#include "supra/train/trainer.hpp"
#ifdef SUPRA_BENCH_TBB
#include "supra/tbb/backend.hpp"
#endif

namespace {
template <class B>
void measure(B& b, const char* backend, const std::string& name, int steps) {
  using clock = std::chrono::steady_clock;
  const auto c = bench::student(name);
  supra::model::attention_registry<B, float> registry;
  supra::model::add_paper_attention(registry);
  supra::model::transformer<B, float> m(b, c, registry);
  m.load(supra::model::random_values<float>(c, 1));
  std::vector<std::int32_t> stream;
  std::uint64_t state = 1;
  for (int i = 0; i < 100000; ++i)
    state = state * 6364136223846793005u + 1442695040888963407u,
    stream.push_back(static_cast<std::int32_t>((state >> 33) % static_cast<std::uint64_t>(c.vocab)));
  const supra::train::windows data(stream, 256, 1);
  supra::train::trainer_settings s;
  s.steps = 1000, s.batch = 32;
  supra::train::trainer<B, float> t(b, m, data, s);
  t.step();
  std::vector<double> times;
  for (int i = 0; i < steps; ++i) {
    const auto start = clock::now();
    t.step();
    times.push_back(std::chrono::duration<double>(clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + steps / 2, times.end());
  std::printf("{\"bench\":\"train\",\"shape\":\"%s\",\"backend\":\"%s\",\"threads\":%lld,\"tokens_per_second\":%.0f}\n",
              name.c_str(), backend, static_cast<long long>(supra::teams_of(b)),
              8192 / times[static_cast<std::size_t>(steps) / 2]);
}
}  // namespace

int main(int argc, char** argv) try {
  const std::string name = argc > 1 ? argv[1] : "tok105", backend = argc > 2 ? argv[2] : "tbb";
  const int threads = argc > 3 ? std::stoi(argv[3]) : 0, steps = argc > 4 ? std::stoi(argv[4]) : 5;
#ifdef SUPRA_BENCH_TBB
  if (backend == "tbb") {
    supra::tbb_backend b(threads);
    return measure(b, "tbb", name, steps), 0;
  }
#endif
  (void)threads;
  supra::eigen_backend b;
  measure(b, "eigen", name, steps);
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_train: %s\n", error.what());
  return 2;
}
