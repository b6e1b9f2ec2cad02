// A team for the step of one token (core/step.hpp): what takes time is the state of float32, in once and out once. A block
// asks for the state before anything else, 16 bytes a request, and keeps what comes in registers; meanwhile three of its warps
// map q and k and bring v.
#pragma once

#include <utility>

#include "supra/core/step.hpp"
#include "supra/cuda/register_lanes.hpp"

namespace supra::cuda {

struct alignas(16) four_floats {
  float x[4];
};
// What streams through and is not soon read again: the second level cache drops it first.
SUPRA_INLINE four_floats load_once(const float* from) {
  four_floats r;
#ifdef __CUDA_ARCH__
  asm volatile("ld.global.cs.v4.f32 {%0, %1, %2, %3}, [%4];"
               : "=f"(r.x[0]), "=f"(r.x[1]), "=f"(r.x[2]), "=f"(r.x[3])
               : "l"(from));
#else
  for (int i = 0; i < 4; ++i) r.x[i] = from[i];
#endif
  return r;
}
SUPRA_INLINE void store_once(float* to, const four_floats& x) {
#ifdef __CUDA_ARCH__
  asm volatile("st.global.cs.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(to), "f"(x.x[0]), "f"(x.x[1]), "f"(x.x[2]), "f"(x.x[3])
               : "memory");
#else
  for (int i = 0; i < 4; ++i) to[i] = x.x[i];
#endif
}

// Widths of a head's rows, of mapped rows, of the state (F, E). The state is taken by groups of rows that are whole lines of
// 128 bytes: all threads take a piece of 16 bytes each, in `rounds` rounds, and a thread's pieces are of the same columns in
// every group. With a denominator a row is one number longer than the head, groups have 32 rows, and 8 pieces are left over;
// those of group i are warp i's.
template <int Head, int Mapped, int Columns>
struct step_shape {
  static constexpr int head = Head, mapped = Mapped, columns = Columns;
  static constexpr bool even = Columns == Head;
  static constexpr int threads = even || Head < 256 ? 256 : 512, warps = threads / 32;
  static constexpr int group_rows = even ? 4 * threads / Head : 32, group_pieces = group_rows * Columns / 4;
  static constexpr int rounds = group_pieces / threads, rest = group_pieces % threads, groups = Mapped / group_rows;
  // Of a thread: 16 held by 256 threads of two blocks are 128 KB on their way to a multiprocessor, where bandwidth times
  // latency is about 40.
  static constexpr int pieces = groups * rounds, most = even ? 16 : 10, held = pieces < most ? pieces : most;
  static constexpr int blocks = threads > 256 ? 1 : held > 8 || rounds > 1 ? 2 : 4;  // of a multiprocessor
  static constexpr int narrow = Head < Mapped ? Head : Mapped, lanes_a_row = narrow / 4 < 32 ? narrow / 4 : 32;
  static_assert(groups * group_rows == Mapped && group_pieces * 4 == group_rows * Columns);
  static_assert(rest == (even ? 0 : 8) && (even || groups <= warps));
};

template <class Shape>
class step_recurrence {
 public:
  template <class Alloc>
  SUPRA_FN void lay(Alloc& a, int, int) {
    partial_ = a.template scratch<float>(whole + 4 * Shape::rest * Shape::groups);
    sums_ = a.template scratch<float>(Shape::columns);
  }
  template <class Team>
  SUPRA_FN void load(Team& team, float* state) {
    state_ = state, thread_ = team.thread();
#pragma unroll
    for (int p = 0; p < Shape::held; ++p) own_[p] = load_once(piece(p));
    if (has_rest()) rest_ = load_once(piece_of_rest());
  }
  template <class Team>
  SUPRA_FN void update(Team& team, float gamma, const float* q, const float* k, const float* v) {
    advance(gamma, q, k, v);
    if (has_rest()) advance_rest(gamma, q, k, v);
    team.sync();
    for (int j = thread_; j < Shape::columns; j += Shape::threads) sums_[j] = sum_of(j);
    team.sync();
  }
  template <class Team, class F>
  SUPRA_FN void finish(Team& team, F f) {
    team.rows(1, [&, this](auto lanes, int) { f(lanes, sums_); });
  }

 private:
  static constexpr int whole = 4 * Shape::rounds * Shape::threads;  // numbers of a group without its rest

  // A piece's four numbers lie in one row, or in two from number `turn` on.
  struct columns_of {
    int row, turn;
    float v[4];
    four_floats sum{};
    SUPRA_INLINE columns_of(int first, const float* values)
        : row(first / Shape::columns), turn(Shape::columns - first % Shape::columns) {
#pragma unroll
      for (int i = 0; i < 4; ++i) v[i] = values[(first + i) % Shape::columns];
    }
    // q, k: of the group's rows. The row after the last is never used, only read.
    SUPRA_INLINE void advance(four_floats& s, float gamma, const float* q, const float* k) {
      const float q0 = q[row], k0 = k[row], q1 = Shape::even ? q0 : q[row + 1], k1 = Shape::even ? k0 : k[row + 1];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const bool next = !Shape::even && i >= turn;
        s.x[i] = gamma * s.x[i] + (next ? k1 : k0) * v[i], sum.x[i] += (next ? q1 : q0) * s.x[i];
      }
    }
  };

  SUPRA_FN float* piece(int p) const {
    return state_ + 4 * (p / Shape::rounds * Shape::group_pieces + p % Shape::rounds * Shape::threads + thread_);
  }
  SUPRA_FN bool has_rest() const { return thread_ % 32 < Shape::rest && thread_ / 32 < Shape::groups; }
  SUPRA_FN float* piece_of_rest() const { return state_ + whole + 4 * (thread_ / 32 * Shape::group_pieces + thread_ % 32); }
  // The thread's pieces, the first of them held since load, each followed on its way by the one that takes its place.
  SUPRA_FN void advance(float gamma, const float* q, const float* k, const float* v) {
    advance_rounds(gamma, q, k, v, std::make_integer_sequence<int, Shape::rounds>());
  }
  template <int... Round>
  SUPRA_INLINE void advance_rounds(float gamma, const float* q, const float* k, const float* v,
                                   std::integer_sequence<int, Round...>) {
    columns_of own[] = {columns_of(4 * (Round * Shape::threads + thread_), v)...};
#pragma unroll
    for (int p = 0; p < Shape::pieces; ++p) {
      auto& s = own_[p % Shape::held];
      const int first = p / Shape::rounds * Shape::group_rows;
      own[p % Shape::rounds].advance(s, gamma, q + first, k + first);
      store_once(piece(p), s);
      if (p + Shape::held < Shape::pieces) s = load_once(piece(p + Shape::held));
    }
#pragma unroll
    for (int m = 0; m < Shape::rounds; ++m)
      *reinterpret_cast<four_floats*>(partial_ + 4 * (m * Shape::threads + thread_)) = own[m].sum;
  }
  SUPRA_FN void advance_rest(float gamma, const float* q, const float* k, const float* v) {
    const int group = thread_ / 32, number = 4 * (thread_ % 32);
    columns_of own(whole + number, v);
    own.advance(rest_, gamma, q + group * Shape::group_rows, k + group * Shape::group_rows);
    store_once(piece_of_rest(), rest_);
    *reinterpret_cast<four_floats*>(partial_ + whole + 4 * Shape::rest * group + number) = own.sum;
  }
  // Of column j, over the threads that have a part of it, in one order.
  SUPRA_FN float sum_of(int j) const {
    float s = 0;
#pragma unroll 8
    for (int r = 0; r < Shape::group_rows; ++r)
      if (const int i = r * Shape::columns + j; Shape::even || i < whole) s += partial_[i];
    const int i = j - (Shape::columns - 4 * Shape::rest);
    for (int group = 0; i >= 0 && group < Shape::groups && Shape::rest > 0; ++group)
      s += partial_[whole + 4 * Shape::rest * group + i];
    return s;
  }

  float *state_ = nullptr, *partial_ = nullptr, *sums_ = nullptr;
  int thread_ = 0;
  four_floats own_[Shape::held], rest_;
};

template <class Shape>
class step_team {
 public:
  template <class A>
  using recurrence = step_recurrence<Shape>;  // A is float: launch_step has no others
  static constexpr int lanes_a_row = Shape::lanes_a_row;
  using lanes = register_lanes<lanes_a_row, 2, Shape::head, Shape::mapped>;

  explicit SUPRA_FN step_team(char* memory) : memory_(memory) {}
  template <class A>
  SUPRA_FN A* scratch(std::int64_t n) {
    char* const at = memory_ + used_;
    used_ += (static_cast<int>(n * static_cast<std::int64_t>(sizeof(A))) + 15) / 16 * 16;
    return reinterpret_cast<A*>(at);
  }
  SUPRA_FN int used() const { return used_; }  // bytes

#ifdef __CUDA_ARCH__
  SUPRA_FN int thread() const { return static_cast<int>(threadIdx.x); }
  SUPRA_FN void sync() { __syncthreads(); }
#else
  SUPRA_FN int thread() const { return 0; }
  SUPRA_FN void sync() {}
#endif
  template <class F>
  SUPRA_FN void rows(int n, F f) {
    const int lane = thread() % lanes_a_row, group = thread() % 32 / lanes_a_row;
    const lanes own{lane, static_cast<unsigned>(((std::uint64_t{1} << lanes_a_row) - 1) << (group * lanes_a_row))};
    for (int r = thread() / lanes_a_row; r < n; r += Shape::threads / lanes_a_row) f(own, r);
  }

 private:
  char* memory_;
  int used_ = 0;
};

}  // namespace supra::cuda
