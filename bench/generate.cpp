// Time and memory of a generated token of SUPRA's student, one sequence, greedy, on one thread or more, as the text grows.
// Arguments: shape (stories260k, tok105, 15m) [backend (eigen, tbb)] [threads] [tokens] [weights (plain, f32, bf16, int8)]. One
// JSON line.
// docs/performance.md has it beside llama2.c's run.c.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "shapes.hpp"
#include "supra/eigen/backend.hpp"
#include "supra/model/generator.hpp"
#include "supra/model/linearize.hpp"
#include "supra/model/packed_decoder.hpp"
#include "supra/supra.hpp"
#ifdef SUPRA_BENCH_TBB
#include "supra/tbb/backend.hpp"
#endif

namespace {
long resident_kib() {
  rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_maxrss;
}

template <class B>
void measure(B& b, const char* backend, const std::string& name, std::int64_t tokens, const std::string& kind) {
  using clock = std::chrono::steady_clock;
  const auto c = bench::student(name);
  supra::model::attention_registry<B, float> registry;
  supra::model::add_paper_attention(registry);
  auto values = supra::model::random_values<float>(c, 1);
  supra::model::packed_decoder<B> m(b, c, registry, values, supra::layer::weight_kind_named(kind));
  values = {};
  supra::model::generator<B, float> g(m);
  const std::vector<float>* logits = &g.step(1);
  double at_first = 0, at_last = 0, all = 0;
  long first_kib = 0;
  const std::int64_t piece = std::min<std::int64_t>(tokens / 2, 1000);
  auto start = clock::now();
  for (std::int64_t t = 1; t <= tokens; ++t) {
    const auto next = static_cast<std::int32_t>(std::max_element(logits->begin(), logits->end()) - logits->begin());
    logits = &g.step(next);
    if (t % piece != 0) continue;
    const auto end = clock::now();
    const double seconds = std::chrono::duration<double>(end - start).count();
    if (t == piece) at_first = seconds, first_kib = resident_kib();
    at_last = seconds, all += seconds, start = end;
  }
  const double count = static_cast<double>(tokens / piece * piece);
  std::printf(
      "{\"bench\":\"generate\",\"shape\":\"%s\",\"backend\":\"%s\",\"threads\":%lld,\"tokens\":%lld,\"tokens_per_second\":%.0f,"
      "\"last_time_over_first\":%.3f,\"last_memory_over_first\":%.3f,\"bytes\":%lld}\n",
      name.c_str(), backend, static_cast<long long>(supra::teams_of(b)), static_cast<long long>(tokens), count / all,
      at_last / at_first, static_cast<double>(resident_kib()) / static_cast<double>(first_kib),
      static_cast<long long>(m.bytes()));
}
}  // namespace

int main(int argc, char** argv) try {
  const std::string name = argc > 1 ? argv[1] : "stories260k", backend = argc > 2 ? argv[2] : "eigen";
  const std::string kind = argc > 5 ? argv[5] : "f32";
  const int threads = argc > 3 ? std::stoi(argv[3]) : 0;
  const std::int64_t tokens = argc > 4 ? std::stoll(argv[4]) : 10000;
#ifdef SUPRA_BENCH_TBB
  if (backend == "tbb") {
    supra::tbb_backend b(threads);
    return measure(b, "tbb", name, tokens, kind), 0;
  }
#endif
  (void)threads;
  supra::eigen_backend b;
  measure(b, "eigen", name, tokens, kind);
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_generate: %s\n", error.what());
  return 2;
}
