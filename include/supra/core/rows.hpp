// Kernels over single rows: the feature map alone, forward and backward, and a position's angles.
#pragma once

#include "supra/core/attention.hpp"
#include "supra/core/concepts.hpp"

namespace supra {

// Row i is that of token i / heads and head i % heads.
template <class Feature, class T>
struct map_rows {
  using A = accumulator_t<T>;
  Feature feature;
  int heads, d;
  strided<const T> x;
  const A* parameters;
  strided<T> y;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
    const int h = static_cast<int>(i % heads), p = parameters_of<Feature>(d);
    const place<A> at{0, h, false, p ? parameters + static_cast<std::int64_t>(h) * p : nullptr};
    feature.forward(lanes, at, memory_row<const T, A>{x.row(i / heads, h), d},
                    memory_row<T, A>{y.row(i / heads, h), Feature::out_dim(d)});
  }
};

template <class Feature, class T>
struct map_vjp_rows {
  using A = accumulator_t<T>;
  Feature feature;
  int heads, d;
  strided<const T> x;
  const A* parameters;
  strided<const T> dy;
  strided<T> dx;
  A* own;  // (rows, P): each row's own part of the parameters' gradients
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
    const int h = static_cast<int>(i % heads), p = parameters_of<Feature>(d);
    A* gradient = p ? own + i * p : nullptr;
    lanes.each(p, [&](auto j) { gradient[int(j)] = 0; });
    lanes.sync();
    const place<A> at{0, h, false, p ? parameters + static_cast<std::int64_t>(h) * p : nullptr, nullptr, gradient};
    feature.vjp(lanes, at, memory_row<const T, A>{x.row(i / heads, h), d},
                memory_row<const T, A>{dy.row(i / heads, h), Feature::out_dim(d)}, memory_row<T, A>{dx.row(i / heads, h), d});
  }
};

// Blocks of the tokens of each sequence and head, which the teams of that head take in turn.
struct token_blocks {
  sequences seq;
  std::int64_t tokens;
  int heads;
  static constexpr int block = 64;
  SUPRA_FN std::int64_t side_by_side() const {
    const std::int64_t all = ((seq.begin ? tokens : seq.length) + block - 1) / block, some = seq.begin ? 16 : 256;
    return all < some ? all : some;
  }
  SUPRA_FN std::int64_t teams() const { return seq.count * heads * side_by_side(); }
  // f(sequence, head, first token in the sequence, how many) of each block of team `index`.
  template <class F>
  SUPRA_FN void each(std::int64_t index, F f) const {
    const std::int64_t teams = side_by_side(), s = index / (heads * teams), n = seq.tokens(s);
    const int h = static_cast<int>(index / teams % heads);
    for (std::int64_t first = index % teams * block; first < n; first += teams * block)
      f(s, h, first, static_cast<int>(n - first < block ? n - first : block));
  }
};

// to (tokens, G, width) = the sum of from (tokens, H, width) over the query heads that read each key head, in their order;
// tokens outside any sequence are not written.
template <class T>
struct add_heads {
  using A = accumulator_t<T>;
  strided<const T> from;
  strided<T> to;
  sequences seq;
  std::int64_t tokens;
  int group, kv_heads, width;
  SUPRA_FN token_blocks blocks() const { return {seq, tokens, kv_heads}; }
  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    blocks().each(index, [&, this](std::int64_t s, int g, std::int64_t first, int n) {
      team.rows(n, [&, this](auto lanes, int r) { add(lanes, seq.first(s) + first + r, g); });
    });
  }

 private:
  // Several heads are read side by side: one after another, a device would wait for each.
  template <class Lanes>
  SUPRA_FN void add(Lanes lanes, std::int64_t token, int g) const {
    constexpr int several = 4;
    T* const y = to.row(token, g);
    lanes.each(width, [&, this](auto i) {
      A sum = 0;
      for (int first = 0; first < group; first += several) {
        A x[several];
        for (int h = 0; h < several; ++h)
          x[h] = first + h < group ? A(from.row(token, g * group + first + h)[int(i)]) : A(0);
        for (int h = 0; h < several; ++h) sum += x[h];
      }
      y[int(i)] = T(sum);
    });
  }
};

// One token's angles, for all heads and calls.
template <class PositionStage, class A>
struct angle_rows {
  PositionStage position;
  const double* table;
  A* to;
  int features;
  bool by_token = true;  // row t is of the token at t; else at first[t], or 0 where that is null
  const std::int64_t* first = nullptr;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t t) const {
    if constexpr (!IsIdentity<PositionStage>)
      position.prepare(lanes,
                       place<A>{by_token ? t
                                : first  ? first[t]
                                         : 0,
                                0, false, nullptr, table},
                       memory_row<A, A>{to + t * features, features});
  }
};

}  // namespace supra
