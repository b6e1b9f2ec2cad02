// Time and memory of a generated token of SUPRA's student, greedy, on one thread or more, as the text grows.
// Arguments: shape (stories260k, tok105, 15m) [backend (eigen, tbb)] [threads] [tokens] [weights (f32, bf16, int8)] [batch: how
// many texts at once; tokens of each]. One JSON line. The floor of a token is reading its weights once: their bytes over the
// rate at which the same threads read as many bytes again and again, measured before and after. docs/performance.md has it
// beside llama2.c's run.c.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>

#include "shapes.hpp"
#include "supra/eigen/backend.hpp"
#include "supra/model/linearize.hpp"
#include "supra/model/packed_decoder.hpp"
#include "supra/model/state.hpp"
#include "supra/supra.hpp"
#ifdef SUPRA_BENCH_TBB
#include "supra/tbb/backend.hpp"
#endif

namespace {
// Of now, not the most there ever was.
double resident_pages() {
  double all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident;
}

// Sums of words, so that reading is all that takes time.
struct read_pieces {
  const std::uint32_t* words;
  std::uint32_t* sums;
  std::int64_t n, pieces;
  template <class Team>
  void operator()(Team&, std::int64_t i) const {
    using supra::words::bits;
    const auto *x = reinterpret_cast<const bits*>(words) + n * i, *const end = x + n;
    bits s[8] = {};
    for (; x + 8 <= end; x += 8)
#pragma GCC unroll 8
      for (int p = 0; p < 8; ++p) s[p] += x[p];
    for (int p = 1; p < 8; ++p) s[0] += s[p];
    sums[i] = s[0][0] + s[0][supra::words::row_lanes - 1];
  }
};
// Bytes a second, the best of many passes over `bytes`.
template <class B>
double read_rate(B& b, std::int64_t bytes) {
  using clock = std::chrono::steady_clock;
  const std::int64_t pieces = supra::teams_of(b), n = bytes / 4 / supra::words::row_lanes / pieces;
  auto words = b.template allocate<std::uint32_t>(bytes / 4);
  auto sums = b.template allocate<std::uint32_t>(pieces);
  double best = 0;
  for (std::int64_t passes = std::max<std::int64_t>(5, (std::int64_t{1} << 30) / bytes); passes > 0; --passes) {
    const auto start = clock::now();
    b.launch(pieces, 0, read_pieces{words.data(), sums.data(), n, pieces});
    best = std::max(best, static_cast<double>(n * pieces * supra::words::row_lanes * 4) /
                              std::chrono::duration<double>(clock::now() - start).count());
  }
  return best;
}

template <class B>
void measure(B& b, const char* backend, const std::string& name, std::int64_t tokens, const std::string& kind,
             std::int64_t batch) {
  using clock = std::chrono::steady_clock;
  const auto c = bench::student(name);
  supra::model::attention_registry<B, float> registry;
  supra::model::add_paper_attention(registry);
  auto values = supra::model::random_values<float>(c, 1);
  supra::model::packed_decoder<B> m(b, c, registry, values, supra::layer::weight_kind_named(kind));
  values = {};
  const double rate_before = read_rate(b, m.bytes());
  supra::model::generation<B, float> g(m, batch);
  std::vector<std::int32_t> next(static_cast<std::size_t>(batch), 1);
  const std::vector<float>* logits = &g.step(next);
  double at_first = 0, at_last = 0, all = 0;
  double first_pages = 0;
  const std::int64_t piece = std::min<std::int64_t>(tokens / 2, 1000);
  auto start = clock::now();
  for (std::int64_t t = 1; t <= tokens; ++t) {
    auto row = logits->begin();
    for (auto& token : next) {
      token = static_cast<std::int32_t>(std::max_element(row, row + c.vocab) - row);
      row += c.vocab;
    }
    logits = &g.step(next);
    if (t % piece != 0) continue;
    const auto end = clock::now();
    const double seconds = std::chrono::duration<double>(end - start).count();
    if (t == piece) at_first = seconds, first_pages = resident_pages();
    at_last = seconds, all += seconds, start = end;
  }
  const double count = static_cast<double>(tokens / piece * piece);
  const double last_pages = resident_pages();
  const double floor = static_cast<double>(m.bytes()) / std::max(rate_before, read_rate(b, m.bytes()));
  std::printf(
      "{\"bench\":\"generate\",\"shape\":\"%s\",\"backend\":\"%s\",\"threads\":%lld,\"weights\":\"%s\",\"batch\":%lld,"
      "\"tokens\":%lld,"
      "\"tokens_per_second\":%.0f,\"bytes_per_token\":%lld,\"time_over_floor\":%.2f,\"last_time_over_first\":%.3f,"
      "\"last_memory_over_first\":%.3f}\n",
      name.c_str(), backend, static_cast<long long>(supra::teams_of(b)), kind.c_str(), static_cast<long long>(batch),
      static_cast<long long>(tokens), static_cast<double>(batch) * count / all, static_cast<long long>(m.bytes()),
      all / count / floor, at_last / at_first, last_pages / first_pages);
}
}  // namespace

int main(int argc, char** argv) try {
  const std::string name = argc > 1 ? argv[1] : "stories260k", backend = argc > 2 ? argv[2] : "eigen";
  const std::string kind = argc > 5 ? argv[5] : "f32";
  const int threads = argc > 3 ? std::stoi(argv[3]) : 0;
  const std::int64_t tokens = argc > 4 ? std::stoll(argv[4]) : 10000, batch = argc > 6 ? std::stoll(argv[6]) : 1;
#ifdef SUPRA_BENCH_TBB
  if (backend == "tbb") {
    supra::tbb_backend b(threads);
    return measure(b, "tbb", name, tokens, kind, batch), 0;
  }
#endif
  (void)threads;
  supra::eigen_backend b;
  measure(b, "eigen", name, tokens, kind, batch);
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_generate: %s\n", error.what());
  return 2;
}
