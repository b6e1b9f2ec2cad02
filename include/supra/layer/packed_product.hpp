// y = x W^T + bias with packed matrices, on the host's processors: for one row of x, or a few. Up to three matrices share x.
// A row's sums have one order, whatever the number of threads, rows and matrices.
#pragma once

#include <array>

#include "supra/core/backend.hpp"
#include "supra/layer/packed_sums.hpp"

namespace supra::layer {

struct packed_target {  // one product of those that share x
  packed_view w;
  float* y = nullptr;           // (n, w.rows)
  const float* bias = nullptr;  // (w.rows), or none
  std::int64_t stride = 0;      // from one row of y to the next, in numbers; 0: w.rows
};

// A team takes some blocks of rows of W, and at most 64 rows of x.
struct packed_product {
  static constexpr int most = 3;
  static constexpr std::int64_t rows_a_team = 64, weights_a_team = std::int64_t{1} << 17;
  std::array<packed_target, most> to;
  const float* x;  // (n, cols), its rows `stride` numbers apart
  std::int64_t n, stride, blocks_a_team;

  packed_product(const float* x, std::int64_t n, std::int64_t stride, packed_target a, packed_target b, packed_target c)
      : to{a, b, c}, x(x), n(n), stride(stride),
        blocks_a_team(std::max<std::int64_t>(1, weights_a_team / (words::row_lanes * a.w.cols))) {}
  std::int64_t blocks() const { return to[0].w.blocks() + to[1].w.blocks() + to[2].w.blocks(); }
  std::int64_t across() const { return (blocks() + blocks_a_team - 1) / blocks_a_team; }
  std::int64_t teams() const { return across() * ((n + rows_a_team - 1) / rows_a_team); }
  // Words of a row of x as integers.
  std::int64_t row_words() const {
    using packed_detail::integer_row;
    const std::int64_t g = to[0].w.groups();
    return to[0].w.kind == weight_kind::int8 ? integer_row::x_room(g) + 2 * integer_row::plane_room(g) : 0;
  }
  std::size_t scratch_bytes() const { return static_cast<std::size_t>(packed_detail::rows_at_once * row_words()) * 4 + 64; }

  template <class Team>
  void operator()(Team& team, std::int64_t i) const {
    using namespace packed_detail;
    std::uint32_t* const room = team.template scratch<std::uint32_t>(rows_at_once * row_words());
    const std::int64_t first = i % across() * blocks_a_team, row = i / across() * rows_a_team,
                       end = std::min(n, row + rows_a_team);
    std::int64_t r = row;
    for (; r + rows_at_once <= end; r += rows_at_once) rows<rows_at_once>(r, first, room);
    for (; r < end; ++r) rows<1>(r, first, room);
  }

 private:
  template <int R>
  void rows(std::int64_t r, std::int64_t first, std::uint32_t* room) const {
    using namespace packed_detail;
    const auto cols = static_cast<int>(to[0].w.cols), groups = static_cast<int>(to[0].w.groups());
    integer_row whole[R];
    if (to[0].w.kind == weight_kind::int8)
      for (int i = 0; i < R; ++i) {
        std::uint32_t* const own = room + i * row_words();
        whole[i].set(x + (r + i) * stride, cols, groups, reinterpret_cast<float*>(own), own + integer_row::x_room(groups));
      }
    std::int64_t at = first, last = first + blocks_a_team;
    for (const auto& t : to) {
      for (; at < std::min(last, t.w.blocks()); ++at) block<R>(t, at, r, cols, whole);
      at = std::max<std::int64_t>(0, at - t.w.blocks()), last -= t.w.blocks();
    }
  }
  template <int R>
  SUPRA_HOST_INLINE void block(const packed_target& t, std::int64_t index, std::int64_t r, int cols,
                               const packed_detail::integer_row* whole) const {
    using namespace packed_detail;
    sums s;
    const auto* w = reinterpret_cast<const bits*>(t.w.words + t.w.place(index * row_lanes, 0));
    if (t.w.kind == weight_kind::f32) add_floats<R>(w, x + r * stride, stride, cols, s);
    if (t.w.kind == weight_kind::bf16) add_halves<R>(w, x + r * stride, stride, cols, s);
    if (t.w.kind == weight_kind::int8) {
      add_bytes<R>(w, whole, static_cast<int>(t.w.groups()), s);
      for (int i = 0; i < R; ++i) s[i] *= *reinterpret_cast<const floats*>(t.w.scales + index * row_lanes);
    }
    for (int i = 0; i < R; ++i) store(t, index * row_lanes, r + i, s[i]);
  }
  static SUPRA_HOST_INLINE void store(const packed_target& t, std::int64_t first, std::int64_t r, words::floats& s) {
    float* const y = t.y + r * (t.stride > 0 ? t.stride : t.w.rows) + first;
    const std::int64_t left = t.w.rows - first;
    if (left >= words::row_lanes) {
      if (t.bias) s += *reinterpret_cast<const words::floats*>(t.bias + first);
      *reinterpret_cast<words::floats*>(y) = s;
    } else {
      for (std::int64_t i = 0; i < left; ++i) y[i] = s[i] + (t.bias ? t.bias[first + i] : 0);
    }
  }
};

// x (n, columns), its rows `stride` numbers apart; the matrices have the same columns and kind.
template <class B>
void packed_forward_strided(B& b, std::int64_t n, const float* x, std::int64_t stride, packed_target first,
                            packed_target second = {}, packed_target third = {}) {
  static_assert(on_host<B>(), "supra: products with packed weights run on the host's processors");
  const packed_product kernel(x, n, stride, first, second, third);
  b.launch(kernel.teams(), kernel.scratch_bytes(), kernel);
}
template <class B>
void packed_forward(B& b, std::int64_t n, const float* x, packed_target first, packed_target second = {},
                    packed_target third = {}) {
  packed_forward_strided(b, n, x, first.w.cols, first, second, third);
}

// Rows of W (vocabulary, width) by token ids -> y (n, width).
struct packed_embedding {
  const std::int32_t* ids;
  packed_view table;
  float* y;
  template <class Lanes>
  void operator()(Lanes lanes, std::int64_t r) const {
    const std::int64_t width = table.cols;
    lanes.each(static_cast<int>(width), [&](auto i) { y[r * width + int(i)] = table.weight(ids[r], int(i)); });
  }
};

}  // namespace supra::layer
