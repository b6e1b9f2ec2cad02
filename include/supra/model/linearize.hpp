// Teacher to student: every weight is copied (key and value heads several times, where there are to be more), the added tensors
// start so that the model is near the teacher. Output matrices are solved after that (output_fit.hpp).
#pragma once

#include <cmath>
#include <random>

#include "supra/decay/slopes.hpp"
#include "supra/model/output_fit.hpp"

namespace supra::model {

// A student may have more key and value heads than its teacher: a state for each query head is there anyway, and each may have
// keys and values of its own to learn. Throws std::invalid_argument unless each of the teacher's can be copied for as many.
inline void check_key_heads(std::int64_t heads, std::int64_t teacher, std::int64_t student) {
  if (student > 0 && student % teacher == 0 && heads % student == 0) return;
  std::string fit;
  for (std::int64_t n = teacher; n <= heads; n += teacher)
    if (heads % n == 0) fit += (fit.empty() ? "" : ", ") + std::to_string(n);
  throw std::invalid_argument("a student's kv_heads must be a multiple of its teacher's (" + std::to_string(teacher) +
                              ") that divides the heads (" + std::to_string(heads) + "), so one of " + fit + "; found " +
                              std::to_string(student));
}

// kv_heads 0: the teacher's. Whether q and k share a map does not follow kv_heads: those of a teacher with grouped heads have
// maps of their own, whatever the student has. Measured, neither loses more than the other (docs/quality.md).
inline config student_config(config teacher, const linear_attention_config& a, std::int64_t kv_heads = 0) {
  teacher.linear = true, teacher.sliding_window = 0, teacher.attention = a;
  if (a.position == "rope" && teacher.scaling.kind != "none") teacher.attention.position = "rope_scaled";
  teacher.attention.shared_map = a.shared_map && teacher.heads == teacher.kv_heads;
  if (kv_heads == 0) return teacher;
  check_key_heads(teacher.heads, teacher.kv_heads, kv_heads);
  return teacher.kv_heads = kv_heads, teacher;
}

// Element i of a map's matrix before noise: the rows of a head are the identity, [I; -I; I; ...] where they are more than the
// columns (so that a relu sees x and -x), its first ones where they are fewer.
inline double map_start(const config& c, const tensor_info& t, std::int64_t i) {
  const std::int64_t columns = t.shape.back(), row = i / columns, r = mapped_width(c), j = row % r,
                     heads = t.shape.size() == 3 ? 1 : t.shape[0] / r, in = columns / heads;  // of a matrix
  return i % columns != row / r % heads * in + j % in ? 0 : j / in % 2 == 0 ? 1 : -1;
}

// Values of the added tensors: maps map_start + 0.02/sqrt(n) N(0,1) and no bias, gains 1, decays at the slopes, gates constant
// there; a hybrid's mix .88 of the window, which gives nearly what the teacher does before the linear branch has learned to.
template <class T>
void initialise_added(const config& c, const parameter_layout& layout, std::uint64_t seed, std::vector<T>& values) {
  std::mt19937_64 g(seed);
  std::normal_distribution<double> normal;
  const supra::slope_decay slopes{c.attention.decay_start};
  auto slope = [&](std::int64_t h) { return -slopes.log_gamma(static_cast<int>(h), static_cast<int>(c.heads)); };
  for (auto& t : layout.tensors()) {
    if (!t.added) continue;
    T* x = values.data() + t.offset;
    auto is = [&](const char* end) { return t.name.ends_with(end); };
    const std::int64_t width = t.shape.back();
    const bool map = t.name.find(".map_") != t.name.npos && is(".weight");
    for (std::int64_t i = 0; i < t.size; ++i) {
      if (map)
        x[i] = T(map_start(c, t, i) + 0.02 / std::sqrt(static_cast<double>(width)) * normal(g));
      else if (is("q_norm.weight") || is("k_norm.weight") || is("feature_q") || is("feature_k") || is("self_attn.normalizer"))
        x[i] = T(1);
      else if (is("self_attn.branch_mix")) x[i] = T(2);
      else if (is("self_attn.decay")) x[i] = T(std::log(slope(i)));
      else if (is("decay_gate.bias")) x[i] = T(-std::log(std::expm1(slope(i))));   // log sigmoid of it is -slope
      else x[i] = T(0);
    }
  }
}

// The student's values. Where it has more key and value heads, those that serve the query heads of one of the teacher's are
// copies of it: rows of wk and wv, numbers of their biases. Throws as check_key_heads does.
template <class T>
std::vector<T> linearize(const config& teacher, const std::vector<T>& values, const config& student, std::uint64_t seed) {
  check_key_heads(teacher.heads, teacher.kv_heads, student.kv_heads);
  const parameter_layout from(teacher), to(student);
  std::vector<T> r(static_cast<std::size_t>(to.size()), T(0));
  for (auto& t : to.tensors()) {
    if (t.added) continue;
    const auto& given = from.at(t.name);
    const std::int64_t copies = t.size / given.size, head = copies > 1 ? given.size / teacher.kv_heads : given.size;
    for (std::int64_t i = 0; i < t.size / head; ++i)
      std::copy_n(values.begin() + given.offset + i / copies * head, head, r.begin() + t.offset + i * head);
  }
  initialise_added(student, to, seed, r);
  return r;
}

// A model from nothing: N(0, 1/dim) matrices, those that end in the residual stream smaller by sqrt(2 layers), gains 1.
template <class T> std::vector<T> random_values(const config& c, std::uint64_t seed) {
  const parameter_layout layout(c);
  std::vector<T> r(static_cast<std::size_t>(layout.size()), T(0));
  std::mt19937_64 g(seed);
  std::normal_distribution<double> normal(0, 1 / std::sqrt(static_cast<double>(c.dim)));
  const double last = 1 / std::sqrt(2.0 * static_cast<double>(c.layers));
  for (auto& t : layout.tensors()) {
    if (t.added) continue;
    const bool residual = t.name.ends_with("o_proj.weight") || t.name.ends_with("down_proj.weight");
    for (std::int64_t i = 0; i < t.size; ++i)
      r[static_cast<std::size_t>(t.offset + i)] = t.name.ends_with("bias") ? T(0)
                                                  : t.shape.size() == 1    ? T(1)
                                                                           : T(normal(g) * (residual ? last : 1));
  }
  if (c.linear) initialise_added(c, layout, seed + 1, r);
  return r;
}

}  // namespace supra::model
