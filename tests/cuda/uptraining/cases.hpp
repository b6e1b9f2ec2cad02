// Models that are trained a few steps on the GPU in bf16 and on the CPU in float (cpu.cpp, which the host's compiler takes).
#pragma once

#include <string>
#include <vector>

#include "supra/model/linearize.hpp"
#include "supra/supra.hpp"
#include "supra/train/trainer.hpp"

namespace supra_test {

// Heads of 64, which walk on tensor cores, or of 32, which do not; grouped.
inline supra::model::config teacher_config(std::int64_t head_dim) {
  supra::model::config c;
  c.vocab = 96, c.dim = 128, c.layers = 2, c.heads = 128 / head_dim, c.kv_heads = 128 / head_dim / 2, c.head_dim = head_dim,
  c.hidden = 160, c.max_length = 96;
  return c;
}
inline supra::model::config student_of(const supra::model::config& c, const char* decay) {
  supra::model::linear_attention_config a;
  a.decay = decay;
  return supra::model::student_config(c, a);
}
struct uptraining_case {
  std::string name;
  supra::model::config c;
};
inline std::vector<uptraining_case> uptraining_cases() {
  return {{"teacher", teacher_config(32)},
          {"student on tensor cores", student_of(teacher_config(64), "slopes")},
          {"student on plain blocks", student_of(teacher_config(32), "slopes")},
          {"student, per token", student_of(teacher_config(64), "per_token")}};
}
inline std::vector<float> uptraining_values(const supra::model::config& c) { return supra::model::random_values<float>(c, 1); }

inline supra::train::windows uptraining_data() {
  std::vector<std::int32_t> stream;
  for (std::int64_t i = 0; i < 4000; ++i) stream.push_back(static_cast<std::int32_t>(i * i % 89 + i % 7));
  return {stream, 96, 3};
}

template <class B, class T>
struct uptraining_run {
  B b;
  supra::train::windows data = uptraining_data();
  supra::model::transformer<B, T> m;
  supra::train::trainer<B, T> trainer;

  uptraining_run(const supra::model::config& c, const std::vector<float>& values)
      : m(b, c, registry()), trainer(b, m, data, settings()) {
    m.load(values);
  }
  std::vector<double> losses(int n) {
    std::vector<double> each;
    for (int i = 0; i < n; ++i) each.push_back(trainer.step().loss);
    return each;
  }
  static supra::train::trainer_settings settings() {
    supra::train::trainer_settings s;
    s.steps = 20, s.batch = 1, s.accumulate = 2, s.identity = "this run";
    return s;
  }
  static supra::model::attention_registry<B, T> registry() {
    using namespace supra;
    model::attention_registry<B, T> r;
    r.template add<linear_attention<elementwise<relu>, rope, slope_decay, group_norm>>("relu/rope/slopes/group_norm");
    r.template add<linear_attention<elementwise<relu>, rope, per_token_decay, group_norm>>("relu/rope/per_token/group_norm");
    return r;
  }
};

// On the CPU, in float.
std::vector<double> cpu_losses(const supra::model::config&, const std::vector<float>& values, int steps);

}  // namespace supra_test
