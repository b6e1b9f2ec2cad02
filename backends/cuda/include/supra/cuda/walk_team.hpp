// A block of threads as the team of a walk: tiles in shared memory, states and sums in the registers of a walk, rows in
// the registers of a few neighbouring lanes each. While a chunk is worked on, the next chunk's rows are on their way to a stage
// in shared memory, brought by every thread for itself (staging_lanes) or by the copy engine for all (engine_lanes).
#pragma once

#include "supra/core/attention.hpp"
#include "supra/cuda/register_lanes.hpp"
#include "supra/cuda/tensor_walk.hpp"
#include "supra/cuda/warpgroup_walk.hpp"

namespace supra::cuda {

// The lanes of a row, and how the next chunk's rows come meanwhile: `slot` 0 is the chunk's angles (float), 1, 2, ... the rows
// of each token.
template <class Shape>
struct staging_lanes : register_lanes<Shape::lanes_a_row, Shape::piece, Shape::head, Shape::mapped, Shape::chunk> {
  static constexpr int chunk = Shape::chunk, at_once = Shape::threads / Shape::lanes_a_row, loads = Shape::rows + Shape::turns;
  static constexpr int turn_bytes = Shape::turns ? Shape::mapped * 4 : 0, row_bytes = Shape::head * 2;
  static constexpr int stage_bytes = chunk * (turn_bytes + Shape::rows * row_bytes);
  char* stage;
  SUPRA_INLINE char* staged(int slot, int r) const {
    return stage + (slot == 0 ? r * turn_bytes : chunk * turn_bytes + ((slot - 1) * chunk + r) * row_bytes);
  }

  // Every thread copies for itself what it will read, so no barrier stands between.
  template <class Held, class S>
  SUPRA_INLINE void fetch(Held& row, int slot, int r, bool fetched, const S* next) const {
    char* const here = staged(slot, r);
    if (fetched) {
      // of the copies that this thread began, those of at least as many loads as it makes of a chunk, less this one, came later
      constexpr int passes = chunk < at_once ? 1 : chunk / at_once;
      wait_for_copies<passes * loads - 1>();
      row.load_from(reinterpret_cast<const S*>(here));
    } else {
      row.load();
    }
    if (next) Held::copy(next, reinterpret_cast<S*>(here), this->lane);
    end_of_copies();
  }
};

// The same where the copy engine brings whole chunks of rows (walk_team::bring). Rows that a kernel wants at its end are in the
// second level cache by then; angles too, since all heads turn alike. Rows that go into a tile as they are come there on their
// own (bring_plain). Of rows of v that are narrower than those of q and k the same lanes own smaller pieces.
template <class Shape, bool Values>
using owned_rows = register_lanes<Shape::lanes_a_row, Values ? Shape::value_piece : Shape::piece,
                                  Values ? Shape::value : Shape::head, Values ? Shape::value : Shape::mapped, Shape::chunk>;
template <class Shape, bool Values>
struct engine_lanes : owned_rows<Shape, Values> {
  // Where slot i of the stage begins; slot 0 is none there.
  static SUPRA_FN constexpr int slot_at(int i) {
    int bytes = 0;
    for (int j = 0; j < i - 1; ++j) bytes += Shape::chunk * 2 * Shape::width_of(j);
    return bytes;
  }
  static constexpr int stage_bytes = slot_at(Shape::staged + 1);
  static constexpr int plain_row = Shape::plain;
  char* stage;

  SUPRA_INLINE auto of_values() const requires(Shape::wide && !Values) {
    return engine_lanes<Shape, true>{{this->lane, this->mask}, stage};
  }
  template <class Held, class S>
  SUPRA_INLINE void fetch(Held& row, int slot, int r, bool, const S*) const {
    if (slot == 0)
      row.load();
    else if (slot > Shape::staged)
      row.load_far();
    else
      row.load_later(reinterpret_cast<const S*>(stage + slot_at(slot) + r * 2 * Shape::width_of(slot - 1)));
  }
};

template <class Shape>
class walk_team {
 public:
  using lanes_type = typename Shape::lanes;
  static constexpr bool sums_rows = Shape::engine;  // walks by warpgroups do
  // Of an output and of q of one width a lane has the same pieces.
  static constexpr bool outputs_cross_lanes = Shape::engine && Shape::mapped != Shape::value;
  template <class T>
  using operand = typename Shape::operand;
  template <class T>
  using result = typename Shape::result;
  template <class T, walk_role>
  using walk = typename Shape::template walk<walk_team>;

  // maps: of the rows that the kernel loads, where the copy engine brings them.
  SUPRA_FN walk_team(char* near, char* far, const tensor_map* maps = nullptr) : maps_(maps), near_(near), far_(far) {
    stage_ = scratch<char>(lanes_type::stage_bytes), kept_ = scratch<char>(kept_bytes);
    if constexpr (Shape::engine) {
      arrivals_ = scratch<std::uint64_t>(2);
      if (on_device && warp() == 0 && lane() == 0) prepare_arrivals(arrivals_), prepare_arrivals(arrivals_ + 1);
      sync();
    }
  }
  // All sizes are known when the code is compiled, if the kernel's own are (fix): then pieces are constant offsets.
  template <class A>
  SUPRA_FN A* scratch(std::int64_t n) {
    return take<A>(near_, near_used_, n);
  }
  template <class A>
  SUPRA_FN A* far(std::int64_t n) {
    return take<A>(far_, far_used_, n);
  }
  template <class A>
  SUPRA_FN tile<A> lay(int rows, int cols) {
    return lay_in<A>(near_, near_used_, rows, cols);
  }
  template <class A>
  SUPRA_FN tile<A> lay_far(int rows, int cols) {
    return lay_in<A>(far_, far_used_, rows, cols);
  }
  // Results that are stored as operands are take the place of x, where they fit.
  template <class R>
  SUPRA_FN tile<R> lay_result(int rows, int cols, tile<placed> x) requires(std::is_same_v<R, placed>) {
    if (panels_of(whole(cols)) <= panels_of(whole(x.cols))) return {x.data, rows, cols, x.stride};
    return lay<R>(rows, cols);
  }
  static SUPRA_FN void fix(attention_shape& shape) {
    shape.d = Shape::head, shape.e = Shape::value, shape.chunk = Shape::chunk;
  }
  std::int64_t near_used() const { return near_used_; }
  std::int64_t far_used() const { return far_used_; }

#ifdef __CUDA_ARCH__
  SUPRA_INLINE int warp() const { return static_cast<int>(thread() / 32); }
  SUPRA_INLINE int lane() const { return static_cast<int>(thread() % 32); }
  // What was stored before is seen after, by products too.
  SUPRA_FN void sync() {
    if constexpr (Shape::engine) publish();
    __syncthreads();
  }
#else
  SUPRA_FN int warp() const { return 0; }
  SUPRA_FN int lane() const { return 0; }
  SUPRA_FN void sync() {}
#endif
  SUPRA_FN void sync_pair(int pair) { sync_threads(pair + 1, 64); }
  // What is the same for all threads and seldom looked at: in shared memory, for registers are scarce.
  template <class P>
  SUPRA_FN const P& keep(const P& x) {
    static_assert(sizeof(P) <= kept_bytes);
    P* const at = reinterpret_cast<P*>(kept_);
    if (on_device && warp() == 0 && lane() == 0) *at = x;
    sync();
    return *at;
  }
  template <class F>
  SUPRA_FN void rows(int n, F f) {
    constexpr int lanes = Shape::lanes_a_row, at_once = 32 / lanes;
    const int group = lane() / lanes;
    const lanes_type own{{lane() % lanes, ((1u << lanes) - 1) << (group * lanes)}, stage_};
    // with four lanes a row, rows that are read together are four apart: they lie in different banks of a tile for warpgroups
    const int first = lanes == 4 ? group % 2 * 4 + group / 2 : group;
    for (int r = warp() * at_once + first; r < n; r += Shape::warps * at_once) f(own, r);
  }
  // A chunk's decay (core/walk.hpp) by one warp, two tokens a lane, while the others go on. Tokens beyond the chunk add
  // nothing.
  template <class Decay, class F>
  SUPRA_FN void fill(const Decay& decay, int n, F log_gamma) {
    static_assert(Shape::chunk == 64);
    if (warp() != Shape::warps - 1) return;
    using numbers = two_numbers<float>;
    const int l = lane(), i = 2 * l;
    const float first = i < n ? log_gamma(i) : 0.0f, second = i + 1 < n ? log_gamma(i + 1) : 0.0f;
    numbers all = numbers{first} + numbers{second};
#pragma unroll
    for (int d = 1; d < 32; d *= 2) {
      const numbers before{shuffle_up(all.near, d), shuffle_up(all.rest, d)};
      if (l >= d) all = before + all;
    }
    const numbers before{shuffle_up(all.near, 1), shuffle_up(all.rest, 1)}, end{shuffle_from(all.near, 31),
                                                                                shuffle_from(all.rest, 31)};
    const auto put = [&](int t, numbers b) {
      decay.sum[t] = b.near, decay.rest[t] = b.rest;
      decay.up[t] = t < n ? math::exp(b.near + b.rest) : 0.0f;
      decay.down[t] = t < n ? math::exp((end.near - b.near) + (end.rest - b.rest)) : 0.0f;
    };
    put(i, (l > 0 ? before : numbers{}) + numbers{first}), put(i + 1, all);
  }
  // The rows that a kernel loads of the chunk at `token`, for query head h and key head g; all have read what was brought
  // before.
  SUPRA_FN void bring(std::int64_t token, int h, int g) requires(Shape::engine) {
    if (warp() != 0 || lane() != 0) return;
    const int first = static_cast<int>(token);
    expect_arrivals(arrivals_, lanes_type::stage_bytes);
#pragma unroll
    for (int i = 0; i < Shape::rows; ++i) {
      if (i == Shape::plain) continue;
      const int head = Shape::of_key(i) ? g : h;
      if (i < Shape::staged)
        bring_rows(maps_ + i, first, head, stage_ + lanes_type::slot_at(i + 1), arrivals_);
      else
        ask_ahead(maps_ + i, first, head);
    }
  }
  SUPRA_FN void await() requires(Shape::engine) { wait_for_arrivals(arrivals_, phases_ & 1), phases_ ^= 1; }
  // Those that go into a tile as they are; nobody uses what was there.
  template <class E>
  SUPRA_FN void bring_plain(tile<E> to, std::int64_t token, int h, int g) requires(Shape::engine&& Shape::plain >= 0) {
    if (warp() != 0 || lane() != 0) return;
    publish();
    constexpr int width = Shape::width_of(Shape::plain);
    expect_arrivals(arrivals_ + 1, panels_of(width) * panel_columns * Shape::chunk * 2);
#pragma unroll
    for (int c = 0; c < width; c += panel_columns)
      bring_rows(maps_ + Shape::plain, static_cast<int>(token), Shape::of_key(Shape::plain) ? g : h, to.data + c * Shape::chunk,
                 arrivals_ + 1, c);
  }
  SUPRA_FN void await_plain() requires(Shape::engine&& Shape::plain >= 0) {
    wait_for_arrivals(arrivals_ + 1, phases_ & 2), phases_ ^= 2;
  }

 private:
  static constexpr int kept_bytes = 128;
#ifdef __CUDA_ARCH__
  static constexpr bool on_device = true;
  // Unknown to the compiler each time it is asked for: else all addresses that follow from it would be computed before the walk
  // begins, and be kept in registers that there are none of.
  static SUPRA_INLINE unsigned thread() {
    unsigned t = threadIdx.x;
    asm volatile("" : "+r"(t));
    return t;
  }
#else
  static constexpr bool on_device = false;
#endif
  template <class A>
  static SUPRA_FN A* take(char* from, int& used, std::int64_t n) {
    char* const at = from + used;
    used += (static_cast<int>(n * static_cast<std::int64_t>(sizeof(A))) + 63) / 64 * 64;
    return reinterpret_cast<A*>(at);
  }
  // Rows lie so that those of eight neighbouring tokens are in different banks.
  template <class A>
  static SUPRA_FN tile<A> lay_in(char* from, int& used, int rows, int cols) {
    if constexpr (std::is_same_v<A, placed>) {
      used = round_up(used, tile_alignment);
      const auto panels = std::int64_t{rows} * panels_of(whole(cols)) * panel_columns;
      return {take<A>(from, used, panels + (Shape::lone ? rows * 2 : 0)), rows, cols, panel_columns};
    } else {
      const int stride = round_up(cols, 16) + (sizeof(A) == 2 ? 8 : 4);
      return {take<A>(from, used, std::int64_t{rows} * stride), rows, cols, stride};
    }
  }
  static SUPRA_FN int whole(int cols) { return cols / 16 * 16; }  // without a column that stands alone
  const tensor_map* maps_;
  char *near_, *far_, *stage_ = nullptr, *kept_ = nullptr;
  std::uint64_t* arrivals_ = nullptr;
  unsigned phases_ = 0;  // bit 0: of the rows that come to the stage, bit 1: of those that come to a tile
  int near_used_ = 0, far_used_ = 0;
};

}  // namespace supra::cuda
