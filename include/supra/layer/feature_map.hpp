// The learned linear map before a feature map, of the rows of queries or of keys: one matrix over all heads (dense), or one for
// each head. It stays outside the fused kernel, for it is a product over all tokens.
#pragma once

#include "supra/layer/linear.hpp"
#include "supra/model/config.hpp"

namespace supra::layer {

// A map's matrix and bias, or their gradients; null where there is none.
template <class M, class V = M> struct map_tensors {
  M* weight = nullptr;
  V* bias = nullptr;
};

// Rows are (n, heads d).
template <class B, class T> class feature_map {
 public:
  using A = accumulator_t<T>;
  using tensors = map_tensors<const T, const A>;
  using gradients = map_tensors<A>;

  feature_map(model::map_kind kind, std::int64_t heads, std::int64_t d) : kind(kind), heads(heads), d(d) {}

  // x -> the mapped rows, which stay until the next call; x itself where there is no map.
  const T* forward(B& b, std::int64_t n, const T* x, const tensors& p) {
    if (kind == model::map_kind::none) return x;
    T* const y = room(b, rows_, n);
    if (kind == model::map_kind::dense)
      linear_forward(b, n, heads * d, heads * d, x, p.weight, p.bias, y);
    else
      heads_forward(b, n, heads, d, d, x, p.weight, p.bias, y);
    return y;
  }
  // Where the gradient of the mapped rows is to be written before backward: dx itself where there is no map.
  T* gradient(B& b, std::int64_t n, T* dx) { return kind == model::map_kind::none ? dx : room(b, gradient_, n); }
  // x as forward's -> dx (overwritten); the tensors' gradients are added to g.
  void backward(B& b, std::int64_t n, const T* x, const tensors& p, T* dx, const gradients& g) {
    const T* const dy = gradient_.data();
    if (kind == model::map_kind::dense)
      linear_backward(b, n, heads * d, heads * d, x, p.weight, dy, dx, false, g.weight, g.bias);
    else if (kind == model::map_kind::per_head)
      heads_backward(b, n, heads, d, d, x, p.weight, dy, dx, g.weight, g.bias);
  }

  const model::map_kind kind;
  const std::int64_t heads, d;

 private:
  using buffer = decltype(std::declval<B&>().template allocate<T>(0));
  T* room(B& b, buffer& r, std::int64_t n) const {
    if (r.size() < n * heads * d) r = b.template allocate<T>(n * heads * d);
    return r.data();
  }
  buffer rows_, gradient_;                            // kept from call to call: large, and wanted each step
};

}  // namespace supra::layer
