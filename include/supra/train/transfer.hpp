// Transfer: each layer's attention learns to give what the teacher's gives after Wo, on the teacher's own layer inputs (Bick et
// al. 2024, arXiv 2408.10189; Zhang et al. 2024, arXiv 2410.10254). loss = mean over layers of |student - teacher|^2 /
// |teacher|^2. Layers learn apart from each other: no gradient leaves one, and only its attention's tensors have one.
#pragma once

#include "supra/train/objective.hpp"

namespace supra::train {

// Of rows x and y (n, width): the sums of (x - y)^2 and of y^2.
template <class T>
struct mismatch_rows {
  const T *x, *y;
  accumulator_t<T>*difference, *size;  // (n)
  int width;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    using A = accumulator_t<T>;
    const T *u = x + r * width, *v = y + r * width;
    const A d = sum_of(
        lanes, width, [](A a, A b) { return (a - b) * (a - b); }, u, v);
    const A s = sum_of(
        lanes, width, [](A b) { return b * b; }, v);
    lanes.once([&] { difference[r] = d, size[r] = s; });
  }
};
// dx = weight 2 (x - y) / size; 0 where the teacher's rows are all zero: there is nothing to be measured by.
template <class T>
struct mismatch_slope {
  const T *x, *y;
  T* dx;
  const double* size;
  double weight;
  int width;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    using A = accumulator_t<T>;
    const A f = *size > 0 ? A(2 * weight / *size) : A(0);
    each_of(
        lanes, width, [=](A& d, A a, A b) { d = f * (a - b); }, dx + r * width, x + r * width, y + r * width);
  }
};
struct add_quotient {
  const double *over, *under;
  double* to;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t) const {
    lanes.once([&, this] { *to += *under > 0 ? *over / *under : 0; });
  }
};

// x, y (n, width): adds |x - y|^2 / |y|^2 (0 where y is all zero) to `loss`, a number in the backend's memory; its gradient in
// x, times weight, goes to dx.
template <class B, class T>
void launch_mismatch(B& b, std::int64_t n, int width, const T* x, const T* y, double weight, double* loss, T* dx) {
  using A = accumulator_t<T>;
  auto difference = b.template allocate<A>(n), size = b.template allocate<A>(n);
  for_rows(b, n, mismatch_rows<T>{x, y, difference.data(), size.data(), width});
  const auto over = launch_sum(b, static_cast<const A*>(difference.data()), n),
             under = launch_sum(b, static_cast<const A*>(size.data()), n);
  for_rows(b, n, mismatch_slope<T>{x, y, dx, under.data(), weight, width});
  for_rows(b, 1, add_quotient{over.data(), under.data(), loss});
}

// The teacher's layers run once a batch, each beside the student's. Widths and layers of both are the same.
template <class B, class T>
class transfer_objective : public objective<B, T> {
 public:
  transfer_objective(model::transformer<B, T>& teacher, model::transformer<B, T>& student)
      : teacher(teacher), student(student) {
    if (teacher.c.layers != student.c.layers || teacher.c.dim != student.c.dim)
      throw std::invalid_argument("transfer: the teacher has " + std::to_string(teacher.c.layers) + " layers of width " +
                                  std::to_string(teacher.c.dim) + ", the student " + std::to_string(student.c.layers) + " of " +
                                  std::to_string(student.c.dim) + "; they must be the same");
  }
  std::string identity() const override { return "transfer"; }
  void upload(const batch& x, std::int64_t count, std::int64_t length) override {
    teacher.upload(x.ids, count, length), student.prepare(count, length);
  }
  void launch(std::int64_t batches, accumulator_t<T>* gradients, double* losses) override {
    B& b = student.b;
    teacher.embed();
    auto sum = b.template allocate<double>(1);
    auto dy = b.template allocate<T>(student.n() * student.c.dim);
    const double share = 1 / static_cast<double>(student.c.layers * batches);
    for (std::int64_t l = 0; l < student.c.layers; ++l) {
      teacher.attention_forward(l), student.run_attention(l, teacher.layer_input(l));
      launch_mismatch(b, student.n(), student.dim(), student.attention_output(), teacher.attention_output(), share, sum.data(),
                      dy.data());
      student.attention_backward(l, dy.data(), gradients);
      if (l + 1 < student.c.layers) teacher.feed_forward(l);
    }
    for_rows(b, 1, add_share{sum.data(), share, losses});
  }

 private:
  model::transformer<B, T>&teacher, &student;
};

}  // namespace supra::train
