// Models that are trained a few steps on the GPU in bf16 and on the CPU in float (cpu.cpp, which the host's compiler takes).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "supra/model/linearize.hpp"
#include "supra/supra.hpp"
#include "supra/train/recipe.hpp"
#include "supra/train/trainer.hpp"
#include "supra/train/transfer.hpp"

namespace supra_test {

// Heads of 64, which walk on tensor cores, or of 32, which do not; grouped.
inline supra::model::config teacher_config(std::int64_t head_dim) {
  supra::model::config c;
  c.vocab = 96, c.dim = 128, c.layers = 2, c.heads = 128 / head_dim, c.kv_heads = 128 / head_dim / 2, c.head_dim = head_dim,
  c.hidden = 160, c.max_length = 96;
  return c;
}
using supra::model::linear_attention_config;
inline supra::model::config student_of(const supra::model::config& c, const linear_attention_config& a) {
  return supra::model::student_config(c, a);
}
// A decay per token, a norm with gain, a gate on the heads: the program's default attention; and with the teacher's positions.
inline linear_attention_config best_attention() {
  return {.decay = "per_token", .normalizer = "rms_norm_gain", .output_gate = true};
}
inline linear_attention_config best_turned_before() {
  auto a = best_attention();
  return a.position = "rope_before", a;
}

// Beside a window of softmax that is shorter than the text.
inline linear_attention_config best_beside_a_window() {
  auto a = best_attention();
  return a.window = 40, a;
}

// What is minimised: the text's losses, or what a teacher of the same shape says of it, or what its layers give.
enum class aim { text, distill, transfer };
struct uptraining_case {
  std::string name;
  supra::model::config c;
  aim by = aim::text;
};
inline std::vector<uptraining_case> uptraining_cases() {
  const auto on_tensor_cores = teacher_config(64);
  const auto student = [&](const linear_attention_config& a) { return student_of(on_tensor_cores, a); };
  return {{"teacher", teacher_config(32)},
          {"student on tensor cores", student({})},
          {"student on plain blocks", student_of(teacher_config(32), {})},
          {"per token, gain, output gate", student(best_attention())},
          {"the same, turned before the map", student(best_turned_before())},
          {"absolute positions", student({.position = "absolute"})},
          {"two wide maps", student({.map_depth = 2, .map_width = 2})},
          {"two narrow maps in each head",
           student({.map = supra::model::map_kind::per_head, .map_depth = 2, .map_width = 0.5})},
          {"beside a window", student(best_beside_a_window())},
          {"beside a window, layer by layer", student(best_beside_a_window()), aim::transfer},
          {"distilled", student(best_attention()), aim::distill},
          {"layer by layer", student(best_turned_before()), aim::transfer}};
}
// The model's, and those of the teacher where there is one: the student then begins as it.
struct uptraining_values {
  std::vector<float> model, teacher;
  explicit uptraining_values(const uptraining_case& u) {
    using namespace supra::model;
    if (u.by == aim::text) {
      model = random_values<float>(u.c, 1);
    } else {
      const auto c = teacher_of(u.c);
      teacher = random_values<float>(c, 1), model = linearize(c, teacher, u.c, 2);
    }
  }
  static supra::model::config teacher_of(supra::model::config student) {
    return student.linear = false, student.attention = {}, student;
  }
};

inline supra::train::windows uptraining_data() {
  std::vector<std::int32_t> stream;
  for (std::int64_t i = 0; i < 4000; ++i) stream.push_back(static_cast<std::int32_t>(i * i % 89 + i % 7));
  return {stream, 96, 3};
}

template <class B, class T>
struct uptraining_run {
  using model_type = supra::model::transformer<B, T>;
  B b;
  supra::train::windows data = uptraining_data();
  model_type m;
  std::unique_ptr<model_type> teacher;
  supra::train::trainer<B, T> trainer;

  uptraining_run(const uptraining_case& u, const uptraining_values& values)
      : m(b, u.c, registry()), teacher(teacher_of(u, b, values)), trainer(b, m, data, settings(u.by), objective(u.by)) {
    m.load(values.model);
  }
  std::vector<double> losses(int n) {
    std::vector<double> each;
    for (int i = 0; i < n; ++i) each.push_back(trainer.step().loss);
    return each;
  }
  // Of the first batch, as it is before any step.
  std::vector<float> gradient() {
    const std::int64_t n = m.layout.size();
    auto g = b.template allocate<float>(n);
    auto losses = b.template allocate<double>(2);
    trainer.what->upload(data.take(0, 2), 2, data.length()), trainer.what->launch(1, g.data(), losses.data());
    std::vector<float> host(static_cast<std::size_t>(n));
    return b.download(static_cast<const float*>(g.data()), host.data(), n), host;
  }
  static std::unique_ptr<model_type> teacher_of(const uptraining_case& u, B& b, const uptraining_values& values) {
    if (u.by == aim::text) return nullptr;
    auto m = std::make_unique<model_type>(b, uptraining_values::teacher_of(u.c), registry());
    return m->load(values.teacher), m->keep_no_activations(), std::move(m);
  }
  std::unique_ptr<supra::train::objective<B, T>> objective(aim by) {
    if (by == aim::distill) return std::make_unique<supra::train::distill_objective<B, T>>(*teacher, m);
    if (by == aim::transfer) return std::make_unique<supra::train::transfer_objective<B, T>>(*teacher, m);
    return nullptr;
  }
  static supra::train::trainer_settings settings(aim by) {
    supra::train::trainer_settings s;
    s.steps = 20, s.batch = 1, s.accumulate = 2, s.identity = "this run";
    if (by == aim::transfer) s.optimizer = supra::train::transfer_step{}.rates;
    return s;
  }
  static supra::model::attention_registry<B, T> registry() {
    using namespace supra;
    model::attention_registry<B, T> r;
    using relus = elementwise<relu>;
    r.template add<linear_attention<relus, rope, slope_decay, group_norm>>("relu/rope/slopes/group_norm");
    r.template add<linear_attention<relus, rope, per_token_decay, rms_norm_gain>>("relu/rope/per_token/rms_norm_gain");
    r.template add<linear_attention<relus, no_position, per_token_decay, rms_norm_gain>>("relu/none/per_token/rms_norm_gain");
    r.template add<linear_attention<relus, absolute, slope_decay, group_norm>>("relu/absolute/slopes/group_norm");
    return r;
  }
};

// On the CPU, in float.
std::vector<double> cpu_losses(const uptraining_case&, const uptraining_values&, int steps);
std::vector<float> cpu_gradient(const uptraining_case&, const uptraining_values&);

}  // namespace supra_test
