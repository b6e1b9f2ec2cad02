// Tokens a second of a training step (forward, backward, clipping, AdamW) of SUPRA's student on a GPU, bf16 with float weights,
// and the memory it takes; then of its generation; both of steps that are replayed and of steps that are launched one by one.
// 135m is what `supra uptrain` does by default to a teacher of SmolLM2-135M's shape: the attention `best`, on the teacher's
// distribution. Arguments: shapes (15m, 110m, 1.1b, 135m; none: all) and `step`, which leaves generation out.
// JSON lines: the medians of ten steps after five, of 50 tokens after 8.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "supra/cuda/backend.hpp"
#include "supra/model/linearize.hpp"
#include "supra/model/state.hpp"
#include "supra/supra.hpp"
#include "supra/train/trainer.hpp"

namespace {
using namespace supra;

struct shape {
  const char* name;
  std::int64_t dim, layers, heads, kv_heads, hidden, batch, length, vocab = 32000;
  bool distill = false;
};
const shape shapes[] = {{"15m", 288, 6, 6, 6, 768, 64, 256},
                        {"110m", 768, 12, 12, 12, 2048, 16, 1024},
                        {"1.1b", 2048, 22, 32, 4, 5632, 8, 2048},
                        {"135m", 576, 30, 9, 3, 1536, 16, 1024, 49152, true}};

// Matrices of the size that training starts from, made faster than normal numbers are; gains 1.
std::vector<float> values(const model::parameter_layout& layout) {
  std::vector<float> v(static_cast<std::size_t>(layout.size()));
  std::uint32_t state = 1;
  for (auto& t : layout.tensors()) {
    const float size = std::sqrt(3.0f / static_cast<float>(t.shape.back()));
    for (std::int64_t i = 0; i < t.size; ++i)
      state = state * 1664525u + 1013904223u,
      v[static_cast<std::size_t>(t.offset + i)] = t.shape.size() == 1 ? (t.name.ends_with("bias") ? 0.0f : 1.0f)
                                                                      : size * (static_cast<float>(state >> 8) * 0x1p-23f - 1);
  }
  return v;
}

using clock_type = std::chrono::steady_clock;
double seconds_since(clock_type::time_point start) { return std::chrono::duration<double>(clock_type::now() - start).count(); }

void write(const char* name, model::transformer<cuda_backend, bf16>& m, std::int64_t texts) {
  for (bool replayed : {true, false}) {
    model::generation<cuda_backend, bf16> g(m, texts);
    const std::vector<std::int32_t> ids(static_cast<std::size_t>(texts), 7);
    std::vector<double> times;
    for (int i = 0; i < 58; ++i) {
      if (!replayed) m.b.allocate<float>(1);  // memory changes hands: what was recorded is not valid any more
      const auto start = clock_type::now();
      g.step(ids);
      if (i >= 8) times.push_back(seconds_since(start));
    }
    std::nth_element(times.begin(), times.begin() + 25, times.end());
    std::printf(
        "{\"bench\":\"gpu_generate\",\"shape\":\"%s\",\"texts\":%lld,\"replayed\":%s,\"ms_per_token\":%.3f,"
        "\"tokens_per_second\":%.0f}\n",
        name, static_cast<long long>(texts), replayed ? "true" : "false", 1e3 * times[25],
        static_cast<double>(texts) / times[25]);
  }
  std::fflush(stdout);
}

void measure(const shape& z, bool generates) {
  model::config c;
  c.vocab = z.vocab, c.dim = z.dim, c.layers = z.layers, c.heads = z.heads, c.kv_heads = z.kv_heads;
  c.head_dim = z.dim / z.heads, c.hidden = z.hidden, c.max_length = z.length;
  model::linear_attention_config of;
  if (z.distill) of = {.decay = "per_token", .normalizer = "rms_norm_gain", .output_gate = true};
  const auto student = model::student_config(c, of);
  cuda_backend b;
  model::attention_registry<cuda_backend, bf16> registry;
  using map = elementwise<relu>;
  if (z.distill)
    registry.add<linear_attention<map, rope, per_token_decay, rms_norm_gain>>(model::composition_name(student.attention));
  else
    registry.add<linear_attention<map, rope, slope_decay, group_norm>>(model::composition_name(student.attention));
  model::transformer<cuda_backend, bf16> m(b, student, registry);
  m.load(values(m.layout));
  std::optional<model::transformer<cuda_backend, bf16>> teacher;
  if (z.distill) teacher.emplace(b, c, registry), teacher->load(values(teacher->layout)), teacher->keep_no_activations();
  std::vector<std::int32_t> stream;
  std::uint64_t state = 1;
  for (std::int64_t i = 0; i <= 4 * z.batch * z.length; ++i)
    state = state * 6364136223846793005u + 1442695040888963407u,
    stream.push_back(static_cast<std::int32_t>((state >> 33) % static_cast<std::uint64_t>(c.vocab)));
  const train::windows data(stream, z.length, 1);
  train::trainer_settings s;
  s.steps = 1000, s.batch = z.batch;
  using objective = train::distill_objective<cuda_backend, bf16>;
  train::trainer<cuda_backend, bf16> t(b, m, data, s, z.distill ? std::make_unique<objective>(*teacher, m) : nullptr);
  for (bool replayed : {false, true}) {
    t.settings.repeats = replayed, b.peak_memory();
    std::vector<double> times;
    train::step_result last;
    for (int i = 0; i < 15; ++i) {
      b.fence();
      const auto start = clock_type::now();
      last = t.step(), b.fence();
      if (i >= 5) times.push_back(seconds_since(start));
    }
    std::nth_element(times.begin(), times.begin() + 5, times.end());
    std::printf(
        "{\"bench\":\"gpu_train\",\"shape\":\"%s\",\"device\":\"%s\",\"parameters\":%lld,\"batch\":%lld,\"length\":%lld,"
        "\"replayed\":%s,\"ms_per_step\":%.2f,\"tokens_per_second\":%.0f,\"peak_gib\":%.2f,\"loss\":%.4f}\n",
        z.name, b.on().name().c_str(), static_cast<long long>(m.layout.count()), static_cast<long long>(z.batch),
        static_cast<long long>(z.length), replayed ? "true" : "false", 1e3 * times[5],
        static_cast<double>(z.batch * z.length) / times[5], static_cast<double>(b.on().peak_bytes()) / (1 << 30), last.loss);
    std::fflush(stdout);
  }
  if (generates)
    for (std::int64_t texts : {1, 64}) write(z.name, m, texts);
}
}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string> named(argv + 1, argv + argc);
  const auto wanted = [&](const char* name) { return std::find(named.begin(), named.end(), name) != named.end(); };
  const bool step = wanted("step"), all = named.size() == (step ? 1u : 0u);
  for (auto& z : shapes)
    if (all || wanted(z.name)) measure(z, !step);
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_gpu_train: %s\n", error.what());
  return 2;
}
