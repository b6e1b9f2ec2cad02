// Right after the swap each output matrix is solved in closed form, on the teacher's own layer inputs: a normalized attention
// has neither the scale nor the basis that the teacher's Wo expects.
#pragma once

#include <cmath>

#include "supra/model/transformer.hpp"

namespace supra::model {

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

template <class T>
struct product_of {
  const T *x, *y;
  int width;
  SUPRA_FN accumulator_t<T> operator()(std::int64_t r, int i) const {
    return accumulator_t<T>(x[r * width + i]) * accumulator_t<T>(y[r * width + i]);
  }
};

// Wo = (O^T O + lambda I)^-1 O^T Y, lambda 1e-4 of the mean diagonal: O the student's normalized heads and Y the teacher's
// attention output, both on the teacher's layer inputs. Call add for each batch of tokens, then solve.
// A hybrid's window has the teacher's scale and basis already, and its two branches share Wo. So where its normalizer has
// gains, they are solved first: g = <z, y> / <z, z> for each number z of a head's linear branch and y of the teacher's head.
// Then the rows of O are those of both branches and, once more, of each alone.
template <class B, class T>
class output_fit {
 public:
  using A = accumulator_t<T>;
  output_fit(transformer<B, T>& teacher, transformer<B, T>& student)
      : teacher(teacher), student(student), n(student.c.heads * student.c.head_dim), m(student.c.dim) {
    of = {branches::both};
    if (is_hybrid(student.c)) of = {branches::window, branches::linear};
    width = n * static_cast<std::int64_t>(of.size());
    const auto zeros = [&](std::int64_t size) {
      return std::vector<std::vector<double>>(static_cast<std::size_t>(student.c.layers),
                                              std::vector<double>(static_cast<std::size_t>(size)));
    };
    grams = zeros(width * width), rights = zeros(width * m), alongs = zeros(n);
  }
  void add(const std::vector<std::int32_t>& ids, std::int64_t count, std::int64_t length) {
    auto& b = student.b;
    teacher.upload(ids, count, length), teacher.embed(), student.prepare(count, length);
    const std::int64_t tokens = count * length;
    auto gram = b.template allocate<A>(width * width), right = b.template allocate<A>(width * m);
    typename transformer<B, T>::buffer first;
    if (of.size() > 1) first = b.template allocate<T>(tokens * n);
    for (std::int64_t l = 0; l < student.c.layers; ++l) {
      const auto at = static_cast<std::size_t>(l);
      teacher.attention_forward(l);
      std::vector<const T*> o;
      for (auto run : of) {
        if (!o.empty()) {  // the next branch may take its place
          for_rows(b, tokens, layer::convert_rows<T, T>{o[0], first.data(), static_cast<int>(n)});
          o[0] = first.data();
        }
        const running these(student, run);
        student.run_attention(l, teacher.layer_input(l)), o.push_back(student.heads_output(l));
      }
      for (std::size_t i = 0; i < o.size(); ++i) {
        const std::int64_t row = static_cast<std::int64_t>(i) * n;
        for (std::size_t j = 0; j < o.size(); ++j)
          b.gemm(op::transposed, op::plain, n, n, tokens, A(1), o[i], n, o[j], n, A(0),
                 gram.data() + row * width + static_cast<std::int64_t>(j) * n, width);
        b.gemm(op::transposed, op::plain, n, m, tokens, A(1), o[i], n, teacher.attention_output(), m, A(0),
               right.data() + row * m, m);
      }
      if (of.size() > 1) {
        auto along = b.template allocate<A>(n);
        layer::add_row_sums<T>(b, tokens, static_cast<int>(n),
                               product_of<T>{o[1], teacher.heads_output(l), static_cast<int>(n)}, along.data());
        add_to(along, alongs[at]);
      }
      if (l + 1 < student.c.layers) teacher.feed_forward(l);
      add_to(gram, grams[at]), add_to(right, rights[at]);
    }
  }
  void solve() {
    for (std::int64_t l = 0; l < student.c.layers; ++l) {
      std::vector<double> a(static_cast<std::size_t>(n * n)), r(static_cast<std::size_t>(n * m));
      for (auto& weights : rows(l)) add_rows_of(l, weights, a, r);
      double mean = 0;
      for (std::int64_t i = 0; i < n; ++i) mean += a[static_cast<std::size_t>(i * n + i)] / static_cast<double>(n);
      for (std::int64_t i = 0; i < n; ++i) a[static_cast<std::size_t>(i * n + i)] += 1e-4 * mean;
      solve_positive(n, m, a, r);
      std::vector<A> wo(static_cast<std::size_t>(n * m));  // (dim, heads d): transposed
      for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t j = 0; j < m; ++j)
          wo[static_cast<std::size_t>(j * n + i)] = A(r[static_cast<std::size_t>(i * m + j)]);
      student.load(layer_name(l, "self_attn.o_proj.weight"), wo);
    }
  }

 private:
  // What O is of layer l's branches: its number i is the sum over branches p of weights[p n + i] times theirs.
  std::vector<std::vector<double>> rows(std::int64_t l) {
    if (of.size() == 1) return {std::vector<double>(static_cast<std::size_t>(n), 1.0)};
    const auto gain = solve_gains(l);
    const auto mix = student.values(layer_name(l, "self_attn.branch_mix"));
    std::vector<double> both(static_cast<std::size_t>(width)), window = both, linear = both;
    for (std::int64_t i = 0; i < n; ++i) {
      const double x = static_cast<double>(mix[static_cast<std::size_t>(i / student.c.head_dim)]), m_h = 1 / (1 + std::exp(-x));
      const auto to = static_cast<std::size_t>(i);
      both[to] = m_h, window[to] = 1, linear[to + static_cast<std::size_t>(n)] = gain[to];
      both[to + static_cast<std::size_t>(n)] = (1 - m_h) * gain[to];
    }
    return {both, window, linear};
  }
  // What each number of the linear branch is multiplied by: the gains of its normalizer, where it has some, take it up.
  std::vector<double> solve_gains(std::int64_t l) {
    std::vector<double> by(static_cast<std::size_t>(n), 1.0);
    const std::string name = layer_name(l, "self_attn.normalizer");
    if (!student.layout.has(name) || student.layout.at(name).size != n) return by;
    auto gains = student.values(name);
    const auto& gram = grams[static_cast<std::size_t>(l)];
    for (std::int64_t i = 0; i < n; ++i) {
      const double size = gram[static_cast<std::size_t>((n + i) * width + n + i)],
                   y = alongs[static_cast<std::size_t>(l)][static_cast<std::size_t>(i)];
      double& x = by[static_cast<std::size_t>(i)];
      if (size > 0) x = std::copysign(std::max(1e-3, std::abs(y / size)), y);  // no gain may be 0
      gains[static_cast<std::size_t>(i)] *= A(x);
    }
    student.load(name, gains);
    return by;
  }
  void add_rows_of(std::int64_t l, const std::vector<double>& weights, std::vector<double>& a, std::vector<double>& r) const {
    const auto& gram = grams[static_cast<std::size_t>(l)];
    const auto& right = rights[static_cast<std::size_t>(l)];
    for (std::int64_t p = 0; p < width; ++p) {
      const double x = weights[static_cast<std::size_t>(p)];
      if (x == 0) continue;
      for (std::int64_t q = 0; q < width; ++q)
        a[static_cast<std::size_t>(p % n * n + q % n)] +=
            x * weights[static_cast<std::size_t>(q)] * gram[static_cast<std::size_t>(p * width + q)];
      for (std::int64_t j = 0; j < m; ++j)
        r[static_cast<std::size_t>(p % n * m + j)] += x * right[static_cast<std::size_t>(p * m + j)];
    }
  }
  template <class Buffer>
  void add_to(const Buffer& x, std::vector<double>& sum) {
    std::vector<A> h(sum.size());
    student.b.download(static_cast<const A*>(x.data()), h.data(), x.size());
    for (std::size_t i = 0; i < h.size(); ++i) sum[i] += static_cast<double>(h[i]);
  }
  transformer<B, T>&teacher, &student;
  const std::int64_t n, m;  // heads d, and the model's width
  std::int64_t width = 0;   // n for each branch
  std::vector<branches> of;
  std::vector<std::vector<double>> grams, rights, alongs;  // of a layer: (width, width), (width, m), (n)
};

}  // namespace supra::model
