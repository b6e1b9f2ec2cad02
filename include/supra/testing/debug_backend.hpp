// A backend whose rows are owned by three threads, one row after another: a composition run on it under the thread sanitizer
// shows what a stage or a kernel shares without a sync, and its values show a missing reduction. Slow, for tests only.
#pragma once

#include "supra/core/serial.hpp"
#include "supra/testing/debug_lanes.hpp"

namespace supra::testing {

class debug_backend : public host_memory {
 public:
  class team {
   public:
    team(scratch_space& s, debug_crew& c) : scratch_(s), crew_(c) {}
    template <class A> A* scratch(std::int64_t n) { return scratch_.take<A>(n); }
    template <class F> void rows(int n, F f) {
      crew_.run([&](int lane) {
        for (int r = 0; r < n; ++r) f(debug_lanes<memory_slot>{&crew_, lane}, r);
      });
    }
    template <op OA, op OB, class C, class A, class B> void multiply(tile<C> c, tile<A> a, tile<B> b, bool keep) {
      plain_multiply<OA, OB>(c, a, b, keep);
    }
    void sync() {}                                   // every verb ends for all threads together

   private:
    scratch_space& scratch_;
    debug_crew& crew_;
  };

  template <class K> void launch(std::int64_t n, std::size_t scratch, const K& kernel) {
    space_.reserve(scratch);
    for (std::int64_t i = 0; i < n; ++i) {
      space_.reset();
      team t(space_, crew_);
      kernel(t, i);
    }
  }
  template <class T, class C> void gemm(op oa, op ob, std::int64_t m, std::int64_t n, std::int64_t k, accumulator_t<T> alpha, const T* a,
                               std::int64_t lda, const T* b, std::int64_t ldb, accumulator_t<T> beta, C* c, std::int64_t ldc) {
    serial_.gemm(oa, ob, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  }
  debug_crew& crew() { return crew_; }

 private:
  serial_backend serial_;
  scratch_space space_;
  debug_crew crew_;
};

static_assert(Backend<debug_backend>);

}  // namespace supra::testing
