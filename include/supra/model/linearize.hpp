// Teacher to student: every weight is copied, the added tensors start so that the model is near the teacher, and each output
// matrix is solved in closed form on the teacher's own layer inputs.
#pragma once

#include <cmath>
#include <random>

#include "supra/decay/slopes.hpp"
#include "supra/model/transformer.hpp"

namespace supra::model {

inline config student_config(config teacher, const linear_attention_config& a) {
  teacher.linear = true, teacher.sliding_window = 0, teacher.attention = a;
  if (a.position == "rope" && teacher.scaling.kind != "none") teacher.attention.position = "rope_scaled";
  teacher.attention.shared_map = a.shared_map && teacher.heads == teacher.kv_heads;
  return teacher;
}

// Element i of a map's matrix before noise: the rows of a head are the identity, [I; -I; I; ...] where they are more than the
// columns (so that a relu sees x and -x), its first ones where they are fewer.
inline double map_start(const config& c, const tensor_info& t, std::int64_t i) {
  const std::int64_t columns = t.shape.back(), row = i / columns, r = mapped_width(c), j = row % r,
                     heads = t.shape.size() == 3 ? 1 : t.shape[0] / r, in = columns / heads;  // of a matrix
  return i % columns != row / r % heads * in + j % in ? 0 : j / in % 2 == 0 ? 1 : -1;
}

// Values of the added tensors: maps map_start + 0.02/sqrt(n) N(0,1) and no bias, gains 1, decays at the slopes, gates constant
// there.
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
      else if (is("self_attn.decay")) x[i] = T(std::log(slope(i)));
      else if (is("decay_gate.bias")) x[i] = T(-std::log(std::expm1(slope(i))));   // log sigmoid of it is -slope
      else x[i] = T(0);
    }
  }
}

template <class T>
std::vector<T> linearize(const config& teacher, const std::vector<T>& values, const config& student, std::uint64_t seed) {
  const parameter_layout from(teacher), to(student);
  std::vector<T> r(static_cast<std::size_t>(to.size()), T(0));
  for (auto& t : to.tensors())
    if (!t.added) std::copy_n(values.begin() + from.at(t.name).offset, t.size, r.begin() + t.offset);
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

// Solves (A) X = R in place for symmetric positive A (n, n) and R (n, m), row major, by Cholesky.
inline void solve_positive(std::int64_t n, std::int64_t m, std::vector<double>& a, std::vector<double>& r) {
  auto at = [&](std::int64_t i, std::int64_t j) -> double& { return a[static_cast<std::size_t>(i * n + j)]; };
  auto row = [&](std::int64_t i) { return r.data() + i * m; };
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j <= i; ++j) {
      double s = at(i, j);
      for (std::int64_t k = 0; k < j; ++k) s -= at(i, k) * at(j, k);
      if (i == j && !(s > 0))
        throw std::runtime_error(
            "the output fit met a matrix that is not positive definite: the heads' outputs are not finite or all zero");
      at(i, j) = i == j ? std::sqrt(s) : s / at(j, j);
    }
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < i; ++k)
      for (std::int64_t j = 0; j < m; ++j) row(i)[j] -= at(i, k) * row(k)[j];
    for (std::int64_t j = 0; j < m; ++j) row(i)[j] /= at(i, i);
  }
  for (std::int64_t i = n - 1; i >= 0; --i) {
    for (std::int64_t k = i + 1; k < n; ++k)
      for (std::int64_t j = 0; j < m; ++j) row(i)[j] -= at(k, i) * row(k)[j];
    for (std::int64_t j = 0; j < m; ++j) row(i)[j] /= at(i, i);
  }
}

// Wo = (O^T O + lambda I)^-1 O^T Y, lambda 1e-4 of the mean diagonal: O the student's normalized heads and Y the teacher's
// attention output, both on the teacher's layer inputs. Call add for each batch of tokens, then solve.
template <class B, class T> class output_fit {
 public:
  output_fit(transformer<B, T>& teacher, transformer<B, T>& student) : teacher(teacher), student(student) {
    n = student.c.heads * student.c.head_dim, m = student.c.dim;
    grams.assign(static_cast<std::size_t>(student.c.layers), std::vector<double>(static_cast<std::size_t>(n * n)));
    rights.assign(static_cast<std::size_t>(student.c.layers), std::vector<double>(static_cast<std::size_t>(n * m)));
  }
  void add(const std::vector<std::int32_t>& ids, std::int64_t count, std::int64_t length) {
    auto& b = student.b;
    teacher.embed(ids, count, length), student.prepare(count, length);
    using A = accumulator_t<T>;
    auto gram = b.template allocate<A>(n * n), right = b.template allocate<A>(n * m);
    for (std::int64_t l = 0; l < student.c.layers; ++l) {
      teacher.attention_forward(l), student.run_attention(l, teacher.layer_input(l));
      const T* o = student.heads_output(l);
      b.gemm(op::transposed, op::plain, n, n, count * length, A(1), o, n, o, n, A(0), gram.data(), n);
      b.gemm(op::transposed, op::plain, n, m, count * length, A(1), o, n, teacher.attention_output(), m, A(0), right.data(), m);
      if (l + 1 < student.c.layers) teacher.feed_forward(l);
      add_to(gram, grams[static_cast<std::size_t>(l)]), add_to(right, rights[static_cast<std::size_t>(l)]);
    }
  }
  void solve() {
    for (std::int64_t l = 0; l < student.c.layers; ++l) {
      auto& a = grams[static_cast<std::size_t>(l)];
      auto& r = rights[static_cast<std::size_t>(l)];
      double mean = 0;
      for (std::int64_t i = 0; i < n; ++i) mean += a[static_cast<std::size_t>(i * n + i)] / static_cast<double>(n);
      for (std::int64_t i = 0; i < n; ++i) a[static_cast<std::size_t>(i * n + i)] += 1e-4 * mean;
      solve_positive(n, m, a, r);
      using A = accumulator_t<T>;
      std::vector<A> wo(static_cast<std::size_t>(n * m));                // (dim, heads d): transposed
      for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t j = 0; j < m; ++j)
          wo[static_cast<std::size_t>(j * n + i)] = A(r[static_cast<std::size_t>(i * m + j)]);
      student.load(layer_name(l, "self_attn.o_proj.weight"), wo);
    }
  }

 private:
  template <class Buffer> void add_to(const Buffer& x, std::vector<double>& sum) {
    using A = accumulator_t<T>;
    std::vector<A> h(sum.size());
    student.b.download(static_cast<const A*>(x.data()), h.data(), x.size());
    for (std::size_t i = 0; i < h.size(); ++i) sum[i] += static_cast<double>(h[i]);
  }
  transformer<B, T>&teacher, &student;
  std::int64_t n = 0, m = 0;
  std::vector<std::vector<double>> grams, rights;
};

}  // namespace supra::model
