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

// Of two rows of logits, x the student's and y the teacher's, in one pass over memory: exponentials of both
// (cross_entropy.hpp), and the divergence, mean of y - x over the teacher's words - lse(y) + lse(x). Beside what the sums are
// off by it is off by u of the largest |y - x|, and of equal rows exactly 0: then all that is joined is 0 or the same for both.
template <class A>
struct compared {
  exponentials<A> student, teacher;
  A difference;  // sum of exp(y - teacher.max) (y - x)
  SUPRA_INLINE A divergence(A log_student, A log_teacher) const {  // of the sums
    return difference / teacher.sum + ((student.max - teacher.max) + (log_student - log_teacher));
  }
  friend SUPRA_INLINE compared operator+(const compared& a, const compared& b) {
    const rescaled<A> s(a.student.max, b.student.max), t(a.teacher.max, b.teacher.max);
    return {{s.max, s.sum(a.student.sum, b.student.sum)},
            {t.max, t.sum(a.teacher.sum, b.teacher.sum)},
            t.sum(a.difference, b.difference)};
  }

  // Of a block: the largest of both, then the sums.
  struct larger {
    SUPRA_INLINE folded<A, 2> operator()(folded<A, 2> m, A x, A y) const {
      return {{math::maximum(m.x[0], x), math::maximum(m.x[1], y)}};
    }
    SUPRA_INLINE folded<A, 2> operator()(folded<A, 2> m, folded<A, 2> n) const { return (*this)(m, n.x[0], n.x[1]); }
  };
  struct step {
    A student_max, teacher_max;
    SUPRA_INLINE folded<A, 3> operator()(folded<A, 3> s, A x, A y) const {
      const A of_teacher = math::exp(y - teacher_max);
      return {{s.x[0] + math::exp(x - student_max), s.x[1] + of_teacher, s.x[2] + of_teacher * (y - x)}};
    }
  };
  struct join {
    SUPRA_INLINE folded<A, 3> operator()(folded<A, 3> s, folded<A, 3> t) const {
      return {{s.x[0] + t.x[0], s.x[1] + t.x[1], s.x[2] + t.x[2]}};
    }
  };
};
template <class Lanes, class L, class A = accumulator_t<L>>
SUPRA_INLINE compared<A> compare(const Lanes& lanes, int n, const L* student, const L* teacher) {
  using of = compared<A>;
  of all{{lowest<A>, A(0)}, {lowest<A>, A(0)}, A(0)};
  for (int first = 0; first < n; first += words_at_once) {
    const int some = n - first < words_at_once ? n - first : words_at_once;
    const L *const x = student + first, *const y = teacher + first;
    const folded<A, 2> none{{lowest<A>, lowest<A>}};
    const auto m = fold_of(lanes, some, none, typename of::larger(), typename of::larger(), x, y);
    const folded<A, 3> nothing{{A(0), A(0), A(0)}};
    const auto s = fold_of(lanes, some, nothing, typename of::step{m.x[0], m.x[1]}, typename of::join(), x, y);
    all = all + of{{m.x[0], s.x[0]}, {m.x[1], s.x[1]}, s.x[2]};
  }
  return all;
}

// One row of logits each, stored as L, by a team: its rows take a piece of them each. The student's become their gradient in
// place. Divergence and cross-entropy, without their weights, go to kl and ce: 0 if not predicted.
template <class L>
struct distillation_rows {
  using A = accumulator_t<L>;
  L* student;
  const L* teacher;
  const std::int32_t* targets;
  A *kl, *ce;
  int vocab;
  A of_kl, of_ce, z;  // weights over predictions; z of lse^2
  bool gradient;
  static constexpr int pieces = 8;
  struct scratch {
    compared<A>* part;
    A* logit;  // the target's
    template <class Scratch>
    SUPRA_FN explicit scratch(Scratch& s)
        : part(s.template scratch<compared<A>>(pieces)), logit(s.template scratch<A>(1)) {}
  };
  static std::size_t scratch_bytes() { return scratch_bytes_of<scratch>(); }

  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t r) const {
    const scratch own(team);
    L* const x = student + r * vocab;
    const L* const y = teacher + r * vocab;
    const std::int32_t target = targets[r];
    const bool counts = target >= 0;
    team.rows(pieces, [&, this](auto lanes, int p) {
      const int first = begin(p);
      const auto part = compare(lanes, begin(p + 1) - first, static_cast<const L*>(x) + first, y + first);
      lanes.once([&] {
        own.part[p] = part;
        if (p == 0) *own.logit = counts ? A(x[target]) : A(0);
      });
    });
    team.sync();
    team.rows(pieces, [&, this](auto lanes, int p) {
      compared<A> all = own.part[0];
      for (int i = 1; i < pieces; ++i) all = all + own.part[i];
      const A log_s = math::log(all.student.sum), log_t = math::log(all.teacher.sum);
      const A divergence = all.divergence(log_s, log_t), loss = all.student.max + log_s - *own.logit;
      if (gradient)
        slopes(lanes, begin(p), begin(p + 1), x, y, counts ? target : -1, all.student.max, log_s, all.teacher.max, log_t);
      if (p == 0) lanes.once([&, this] { kl[r] = counts ? divergence : A(0), ce[r] = counts ? loss : A(0); });
    });
  }

 private:
  // The first word of a piece: 64 fit into what is moved at once, whatever the type.
  SUPRA_FN int begin(int p) const {
    const int length = (vocab + 64 * pieces - 1) / (64 * pieces) * 64;
    return p * length < vocab ? p * length : vocab;
  }
  // Backwards: what was read last is near.
  template <class Lanes>
  SUPRA_FN void slopes(Lanes lanes, int begin, int end, L* row, const L* other, int target, A ms, A log_s, A mt,
                       A log_t) const {
    const bool counts = target >= 0;
    const A both = counts ? of_kl : A(0), own = counts ? of_ce + z * A(2) * (ms + log_s) : A(0);
    const auto slope = [=](A& x, A y) {  // results of exp, which no compiler fuses: of equal rows the difference is 0
      const A p = math::exp((x - ms) - log_s), q = math::exp((y - mt) - log_t);
      x = both * (p - q) + own * p;
    };
    for (int left = end - begin; left > 0;) {
      const int some = (left - 1) % words_at_once + 1;
      left -= some;
      each_of(lanes, some, slope, kept<L>{row + begin + left}, other + begin + left);
    }
    lanes.sync();
    if (begin <= target && target < end) lanes.once([&, this] { row[target] = L(A(row[target]) - of_ce); });
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
      const distillation_rows<L> rows{mine.data(), others.data(), targets + r, losses.kl.values.data() + r,
                                      losses.ce.values.data() + r, static_cast<int>(vocab), A(of.kl * each), A(of.ce * each),
                                      A(of.z * each), dh != nullptr};
      b.launch(m, rows.scratch_bytes(), rows);
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
