// The learned linear maps before a feature map, of the rows of queries or of keys: a chain of them with relu between, whose
// last activation is the feature map itself. Each is one matrix over all heads (dense), or one for each head. They stay outside
// the fused kernel, for they are products over all tokens.
#pragma once

#include <array>

#include "supra/feature/relu.hpp"
#include "supra/layer/linear.hpp"
#include "supra/model/config.hpp"

namespace supra::layer {

// A map's matrix and bias, or their gradients; null where there is none.
template <class M, class V = M> struct map_link {
  M* weight = nullptr;
  V* bias = nullptr;
};
template <class M, class V = M> using map_tensors = std::array<map_link<M, V>, model::most_maps>;

template <class T> struct relu_rows {                 // y (n, width) = relu(y + b), b null: none
  T* y;
  const accumulator_t<T>* b;
  int width;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    using A = accumulator_t<T>;
    const kept<T> row{y + r * width};
    if (b)
      each_of(lanes, width, [](A& x, A bias) { x = relu::value(x + bias); }, row, b);
    else
      each_of(lanes, width, [](A& x) { x = relu::value(x); }, row);
  }
};
template <class T> struct relu_rows_back {            // d (n, width) of y = relu(x) becomes that of x
  const T* y;
  T* d;
  int width;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    using A = accumulator_t<T>;
    each_of(lanes, width, [](A& dx, A value) { dx *= relu::derivative(value); }, kept<T>{d + r * width}, y + r * width);
  }
};

// Rows are (n, heads d) before the first map and (n, heads R) after it, R = mapped_width.
template <class B, class T> class feature_map {
 public:
  using A = accumulator_t<T>;
  using tensors = map_tensors<const T, const A>;
  using gradients = map_tensors<A>;

  feature_map(const model::config& c, std::int64_t heads)
      : kind(c.attention.map), depth(kind == model::map_kind::none ? 0 : static_cast<std::size_t>(c.attention.map_depth)),
        heads(heads), d(c.head_dim), width(model::mapped_width(c)) {}

  // x -> the mapped rows, which stay until the next call; x itself where there is no map.
  const T* forward(B& b, std::int64_t n, const T* x, const tensors& p) {
    for (std::size_t i = 0; i < depth; ++i) {
      T* const y = room(b, rows_[i], n * all());
      const bool last = i + 1 == depth;
      link_forward(b, n, in(i), x, p[i].weight, last ? p[i].bias : nullptr, y);
      if (!last) for_rows(b, n, relu_rows<T>{y, p[i].bias, all()});
      x = y;
    }
    return x;
  }
  // Where the gradient of the mapped rows is to be written before backward: dx itself where there is no map.
  T* gradient(B& b, std::int64_t n, T* dx) { return depth == 0 ? dx : room(b, gradient_, n * all()); }
  // x as forward's, which was called last -> dx (overwritten); the tensors' gradients are added to g. Gradients take the place
  // of rows that are not wanted any more.
  void backward(B& b, std::int64_t n, const T* x, const tensors& p, T* dx, const gradients& g) {
    const T* dy = gradient_.data();
    for (std::size_t i = depth; i-- > 0;) {
      const T* const before = i == 0 ? x : rows_[i - 1].data();
      T* const d_before = i == 0 ? dx : rows_[i].data();
      link_backward(b, n, in(i), before, p[i].weight, dy, d_before, g[i]);
      if (i > 0) for_rows(b, n, relu_rows_back<T>{before, d_before, all()});
      dy = d_before;
    }
  }

  const model::map_kind kind;
  const std::size_t depth;
  const std::int64_t heads, d, width;

 private:
  using buffer = decltype(std::declval<B&>().template allocate<T>(0));
  std::int64_t in(std::size_t i) const { return i == 0 ? d : width; }
  int all() const { return static_cast<int>(heads * width); }
  void link_forward(B& b, std::int64_t n, std::int64_t from, const T* x, const T* w, const A* bias, T* y) const {
    if (kind == model::map_kind::dense) return linear_forward(b, n, heads * from, heads * width, x, w, bias, y);
    heads_forward(b, n, heads, from, width, x, w, bias, y);
  }
  void link_backward(B& b, std::int64_t n, std::int64_t from, const T* x, const T* w, const T* dy, T* dx,
                     const map_link<A>& g) const {
    if (kind == model::map_kind::dense)
      return linear_backward(b, n, heads * from, heads * width, x, w, dy, dx, false, g.weight, g.bias);
    heads_backward(b, n, heads, from, width, x, w, dy, dx, g.weight, g.bias);
  }

  std::array<buffer, model::most_maps> rows_;         // kept from call to call: large, and wanted each step
  buffer gradient_;
};

}  // namespace supra::layer
