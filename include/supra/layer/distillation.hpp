// Distillation: the student learns the teacher's distribution of the next token (Hinton, Vinyals and Dean 2015, arXiv
// 1503.02531) and the text, fused with both output matrices: rows are taken in chunks, so that the logits of all tokens are
// never held at once. loss = mean over predictions of kl KL(teacher || student) + ce (lse - logit[target]) + z lse^2, lse the
// student's. A target below 0 is no prediction: its token counts for neither term.
#pragma once

#include "supra/layer/cross_entropy.hpp"

namespace supra::layer {

struct distillation_weights {
  double kl = 1, ce = 0.1, z = 0;
};

// Of two rows of logits, x the student's and y the teacher's, in one pass: exponentials of both (cross_entropy.hpp), and the
// divergence, mean of y - x over the teacher's words - lse(y) + lse(x). Beside what the sums are off by it is off by u of the
// largest |y - x|, and of equal rows exactly 0: then all that is joined is 0 or the same for both.
template <class A>
struct compared {
  exponentials<A> student, teacher;
  A difference;  // sum of exp(y - teacher.max) (y - x)
  SUPRA_INLINE A divergence() const {
    return difference / teacher.sum + ((student.max - teacher.max) + (math::log(student.sum) - math::log(teacher.sum)));
  }

  using sums = folded<A, 5>;
  struct step {
    SUPRA_INLINE sums operator()(sums a, A x, A y) const {
      const rescaled<A> s(a.x[0], x), t(a.x[2], y);
      return {{s.max, s.with(a.x[1], A(1)), t.max, t.with(a.x[3], A(1)), t.with(a.x[4], y - x)}};
    }
  };
  struct join {
    SUPRA_INLINE sums operator()(sums a, sums b) const {
      const rescaled<A> s(a.x[0], b.x[0]), t(a.x[2], b.x[2]);
      return {{s.max, s.sum(a.x[1], b.x[1]), t.max, t.sum(a.x[3], b.x[3]), t.sum(a.x[4], b.x[4])}};
    }
  };
};
template <class Lanes, class L, class A = accumulator_t<L>>
SUPRA_INLINE compared<A> compare(const Lanes& lanes, int n, const L* student, const L* teacher) {
  using all = compared<A>;
  const typename all::sums none{{lowest<A>, A(0), lowest<A>, A(0), A(0)}};
  const auto s = fold_of(lanes, n, none, typename all::step(), typename all::join(), student, teacher);
  return {{s.x[0], s.x[1]}, {s.x[2], s.x[3]}, s.x[4]};
}

// One row of logits each, stored as L; the student's become their gradient in place. Divergence and cross-entropy, without
// their weights, go to kl and ce: 0 if not predicted.
template <class L>
struct distillation_rows {
  L* student;
  const L* teacher;
  const std::int32_t* targets;
  accumulator_t<L>*kl, *ce;
  int vocab;
  accumulator_t<L> of_kl, of_ce, z;  // weights over predictions; z of lse^2
  bool gradient;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    using A = accumulator_t<L>;
    L* const row = student + r * vocab;
    const L *const s = row, *const t = teacher + r * vocab;
    const std::int32_t target = targets[r];
    const bool counts = target >= 0;
    const auto both_rows = compare(lanes, vocab, s, t);
    const A ms = both_rows.student.max, log_s = math::log(both_rows.student.sum), lse = ms + log_s;
    const A mt = both_rows.teacher.max, log_t = math::log(both_rows.teacher.sum);
    const A divergence = counts ? both_rows.divergence() : A(0);
    const A loss = counts ? lse - A(row[counts ? target : 0]) : A(0);
    if (gradient) {
      const A both = counts ? of_kl : A(0), own = counts ? of_ce + z * A(2) * lse : A(0);
      const auto slope = [=](A& x, A y) {  // results of exp, which no compiler fuses: of equal rows the difference is 0
        const A p = math::exp((x - ms) - log_s), q = math::exp((y - mt) - log_t);
        x = both * (p - q) + own * p;
      };
      lanes.sync();
      each_of(lanes, vocab, slope, kept<L>{row}, t);
      lanes.sync();
      if (counts) lanes.once([&] { row[target] = L(A(row[target]) - of_ce); });
    }
    lanes.once([&] { kl[r] = divergence, ce[r] = loss; });
  }
};

template <class B, class T>
struct distillation_losses {
  token_losses<B, T> kl, ce;
};

// hidden (n, dim), w (vocab, dim): the student's; teacher's hidden (n, teacher_dim), w (vocab, teacher_dim); targets (n). Where
// dh is given: the gradient of the loss goes to dh (overwritten; hidden itself, if it is not wanted any more) and is added to
// dw (null: not wanted). The student's logits become gradients and are then stored as T, as cross_entropy's are. The teacher's
// are stored as the student's: rounded alike, equal models stay equal, and half as much memory is read.
template <class B, class T>
distillation_losses<B, T> launch_distillation(B& b, std::int64_t n, std::int64_t vocab, std::int64_t dim, const T* hidden,
                                              const T* w, std::int64_t teacher_dim, const T* teacher_hidden, const T* teacher_w,
                                              const std::int32_t* targets, std::int64_t predictions,
                                              const distillation_weights& of, T* dh, accumulator_t<T>* dw) {
  using A = accumulator_t<T>;
  const std::int64_t chunk = logit_rows<B>(n, vocab);
  const double each = 1.0 / static_cast<double>(std::max<std::int64_t>(1, predictions));
  distillation_losses<B, T> losses{{b.template allocate<A>(n)}, {b.template allocate<A>(n)}};
  const auto in_chunks = [&](auto mine, auto others, auto use) {
    using L = std::remove_pointer_t<decltype(mine.data())>;
    for (std::int64_t r = 0; r < n; r += chunk) {
      const std::int64_t m = std::min(chunk, n - r);
      b.gemm(op::plain, op::transposed, m, vocab, dim, A(1), hidden + r * dim, dim, w, dim, A(0), mine.data(), vocab);
      b.gemm(op::plain, op::transposed, m, vocab, teacher_dim, A(1), teacher_hidden + r * teacher_dim, teacher_dim, teacher_w,
             teacher_dim, A(0), others.data(), vocab);
      for_rows(b, m,
               distillation_rows<L>{mine.data(), others.data(), targets + r, losses.kl.values.data() + r,
                                    losses.ce.values.data() + r, static_cast<int>(vocab), A(of.kl * each), A(of.ce * each),
                                    A(of.z * each), dh != nullptr});
      use(r, m, mine.data());
    }
  };
  if (dh)
    in_chunks(b.template allocate<T>(chunk * vocab), b.template allocate<T>(chunk * vocab),
              [&](std::int64_t r, std::int64_t m, const T* d) {
                logits_backward(b, m, dim, vocab, d, hidden + r * dim, w, dh + r * dim, dw);
              });
  else
    in_chunks(b.template allocate<A>(chunk * vocab), b.template allocate<A>(chunk * vocab), [](auto...) {});
  return losses;
}

}  // namespace supra::layer
