// y = x W^T + b, and the products and sums over rows that every layer's gradients need. Matrices are (out, in), row major.
// Rows and matrices are stored as T; biases, and the gradients of all that is learned, are A = accumulator_t<T>.
#pragma once

#include "supra/core/attention.hpp"
#include "supra/core/backend.hpp"

namespace supra::layer {

// y (n, width) += b
template <class T>
struct add_bias {
  T* y;
  const accumulator_t<T>* b;
  int width;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    using A = accumulator_t<T>;
    each_of(lanes, width, [](A& x, A bias) { x += bias; }, kept<T>{y + r * width}, b);
  }
};

template <class From, class To>
struct convert_rows {
  const From* x;
  To* y;
  int width;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    using A = accumulator_t<To>;
    each_of(lanes, width, [](A& to, A from) { to = from; }, y + r * width, x + r * width);
  }
};
// Numbers in another storage type: where they are of it already, themselves, and `to` stays empty.
template <class To, class B, class From, class Buffer>
const To* converted(B& b, std::int64_t n, int width, const From* x, Buffer& to) {
  if constexpr (std::is_same_v<To, From>) {
    return x;
  } else {
    if (to.size() < n * width) to = b.template allocate<To>(n * width);
    for_rows(b, n, convert_rows<From, To>{x, to.data(), width});
    return to.data();
  }
}

// Sums over rows in a fixed order: blocks of 64 rows first, then the blocks. to (width) += sum over n rows of f(row, column).
// Each row of a launch is a block of columns of a block of rows.
inline constexpr int column_block = 32;
template <class T, class F>
struct block_sums {
  F f;
  accumulator_t<T>* part;  // (blocks, width)
  std::int64_t n;
  int width;
  static constexpr std::int64_t block = 64;
  SUPRA_FN std::int64_t across() const { return (width + column_block - 1) / column_block; }
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
    const std::int64_t b = i / across(), left = n - b * block;
    const int first = static_cast<int>(i % across()) * column_block;
    column_sums(
        lanes, left < block ? left : block, width - first < column_block ? width - first : column_block,
        [&, this](std::int64_t r, int column) { return f(b * block + r, first + column); }, part + b * width + first);
  }
};
// to (width) += the sum of part (blocks, width). A team has a block of columns: each of its rows adds every so many-th part,
// one after another, then one adds up theirs.
template <class A>
struct add_blocks {
  const A* part;
  A* to;
  std::int64_t blocks;
  int width;
  static constexpr int side_by_side = 16;
  std::int64_t teams() const { return (width + column_block - 1) / column_block; }
  static std::size_t scratch_bytes() { return sizeof(A) * side_by_side * column_block; }
  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t i) const {
    const int first = static_cast<int>(i) * column_block,
              columns = width - first < column_block ? width - first : column_block;
    A* const sums = team.template scratch<A>(side_by_side * column_block);
    team.rows(side_by_side, [&, this](auto lanes, int r) {
      A* const sum = sums + r * column_block;
      lanes.each(columns, [&](auto j) { sum[int(j)] = A(0); });
      column_sums(
          lanes, (blocks - r + side_by_side - 1) / side_by_side, columns,
          [&, this](std::int64_t b, int column) { return part[(b * side_by_side + r) * width + first + column]; }, sum);
    });
    team.sync();
    team.rows(1, [&, this](auto lanes, int) {
      column_sums(
          lanes, side_by_side - 1, columns,
          [&](std::int64_t r, int column) { return sums[(r + 1) * column_block + column]; }, sums);
      each_of(lanes, columns, [](A& x, A s) { x += s; }, kept<A>{to + first}, static_cast<const A*>(sums));
    });
  }
};
template <class B, class A>
void add_parts(B& b, std::int64_t blocks, int width, const A* part, A* to) {
  const add_blocks<A> add{part, to, blocks, width};
  b.launch(add.teams(), add.scratch_bytes(), add);
}
template <class T, class B, class F>
void add_row_sums(B& b, std::int64_t n, int width, F f, accumulator_t<T>* to) {
  using kernel = block_sums<T, F>;
  const std::int64_t blocks = (n + kernel::block - 1) / kernel::block;
  if (blocks == 0) return;
  auto part = b.template allocate<accumulator_t<T>>(blocks * width);
  const kernel sums{f, part.data(), n, width};
  for_rows(b, blocks * sums.across(), sums);
  add_parts<B, accumulator_t<T>>(b, blocks, width, part.data(), to);
}
template <class T> struct element {                   // of a (n, width) matrix
  const T* x;
  int width;
  SUPRA_FN accumulator_t<T> operator()(std::int64_t r, int i) const { return x[r * width + i]; }
};

// x (n, in), w (out, in), bias (out) or null -> y (n, out), stored as T or A.
template <class B, class T, class Y>
void linear_forward(B& b, std::int64_t n, std::int64_t in, std::int64_t out, const T* x, const T* w,
                    const accumulator_t<T>* bias, Y* y) {
  b.gemm(op::plain, op::transposed, n, out, in, accumulator_t<T>(1), x, in, w, in, accumulator_t<T>(0), y, out);
  if (bias) for_rows(b, n, add_bias<Y>{y, bias, static_cast<int>(out)});
}
// dy (n, out) -> dx (n, in) = keep dx + dy W; dw += dy^T x, dbias += sum of dy. Null: not wanted.
template <class B, class T>
void linear_backward(B& b, std::int64_t n, std::int64_t in, std::int64_t out, const T* x, const T* w, const T* dy, T* dx,
                     bool keep, accumulator_t<T>* dw, accumulator_t<T>* dbias) {
  using A = accumulator_t<T>;
  if (dx) b.gemm(op::plain, op::plain, n, in, out, A(1), dy, out, w, in, keep ? A(1) : A(0), dx, in);
  if (dw) b.gemm(op::transposed, op::plain, out, in, n, A(1), dy, out, x, in, A(1), dw, in);
  if (dbias) add_row_sums<T>(b, n, static_cast<int>(out), element<T>{dy, static_cast<int>(out)}, dbias);
}

// One map for each head: x (n, heads, in) -> y (n, heads, out), w (heads, out, in), bias (heads, out).
template <class B, class T>
void heads_forward(B& b, std::int64_t n, std::int64_t heads, std::int64_t in, std::int64_t out, const T* x, const T* w,
                   const accumulator_t<T>* bias, T* y) {
  gemm_many(b, heads, op::plain, op::transposed, n, out, in, x, heads * in, in, w, in, out * in, accumulator_t<T>(0), y,
            heads * out, out);
  if (bias) for_rows(b, n, add_bias<T>{y, bias, static_cast<int>(heads * out)});
}
template <class B, class T>
void heads_backward(B& b, std::int64_t n, std::int64_t heads, std::int64_t in, std::int64_t out, const T* x, const T* w,
                    const T* dy, T* dx, accumulator_t<T>* dw, accumulator_t<T>* dbias) {
  using A = accumulator_t<T>;
  gemm_many(b, heads, op::plain, op::plain, n, in, out, dy, heads * out, out, w, in, out * in, A(0), dx, heads * in, in);
  if (dw)
    gemm_many(b, heads, op::transposed, op::plain, out, in, n, dy, heads * out, out, x, heads * in, in, A(1), dw, in, out * in);
  if (dbias) add_row_sums<T>(b, n, static_cast<int>(heads * out), element<T>{dy, static_cast<int>(heads * out)}, dbias);
}

}  // namespace supra::layer
