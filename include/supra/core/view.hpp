// A user's memory as the rows of a call, without a copy and checked: a pointer with strides, or what is shaped as std::mdspan.
//   inputs.q = view_of(my_span, queries(shape));   outputs.o = view_of(pointer, token_stride, head_stride, outputs(shape));
// Backends have their own views in a header view.hpp of theirs. What a view does not fit throws std::invalid_argument.
#pragma once

#include <concepts>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "supra/core/attention.hpp"

namespace supra {

// What a tensor of a call must be; its gradient is the same. The name stands in sentences.
struct tensor_shape {
  const char* name;
  std::int64_t tokens, heads, width;
};
inline tensor_shape queries(const attention_shape& s) { return {"queries", s.tokens, s.heads, s.d}; }
inline tensor_shape keys(const attention_shape& s) { return {"keys", s.tokens, s.kv_heads, s.d}; }
inline tensor_shape values(const attention_shape& s) { return {"values", s.tokens, s.kv_heads, s.e}; }
inline tensor_shape outputs(const attention_shape& s) { return {"outputs", s.tokens, s.heads, s.e}; }

// Extents and strides (elements) of a view: rank 3 (tokens, heads, width) or rank 2 (tokens, heads * width).
struct view_layout {
  int rank = 0;
  std::int64_t extent[3] = {}, stride[3] = {};
};

namespace view_detail {

inline std::string listed(const std::int64_t* x, int n) {
  std::string r = "(" + std::to_string(x[0]);
  for (int i = 1; i < n; ++i) r += ", " + std::to_string(x[i]);
  return r + ")";
}
inline void need(bool ok, const tensor_shape& t, const std::string& sentence) {
  if (!ok) throw std::invalid_argument(std::string("view of ") + t.name + ": " + sentence);
}
inline void check_extents(const view_layout& v, const tensor_shape& t) {
  const std::int64_t three[] = {t.tokens, t.heads, t.width}, two[] = {t.tokens, t.heads * t.width};
  const std::int64_t* wanted = v.rank == 3 ? three : two;
  bool ok = true;
  for (int i = 0; i < v.rank; ++i) ok = ok && v.extent[i] == wanted[i];
  need(ok, t,
       "expected the extents (tokens, heads, width) " + listed(three, 3) + " or (tokens, heads * width) " + listed(two, 2) +
           ", found " + listed(v.extent, v.rank) + "; give the view of another tensor, or correct attention_shape");
}
// Rows lie apart, all heads of a token together or all tokens of a head; strides of what there is one of mean nothing.
inline bool apart(const tensor_shape& t, std::int64_t token, std::int64_t head) {
  const auto fits = [](std::int64_t n, std::int64_t stride, std::int64_t size) { return n <= 1 || stride >= size; };
  const auto inside = [&](std::int64_t n, std::int64_t stride, std::int64_t outer_n, std::int64_t outer_stride) {
    return fits(n, stride, t.width) && fits(outer_n, outer_stride, (n > 1 ? (n - 1) * stride : 0) + t.width);
  };
  return t.tokens * t.heads == 0 || inside(t.heads, head, t.tokens, token) || inside(t.tokens, token, t.heads, head);
}

}  // namespace view_detail

// Every view ends here: rows of `data` in this layout.
template <class T>
strided<T> view_of(T* data, const view_layout& v, const tensor_shape& t) {
  view_detail::check_extents(v, t);
  const std::int64_t feature = v.stride[v.rank - 1], token = v.stride[0], head = v.rank == 3 ? v.stride[1] : feature * t.width;
  view_detail::need(feature == 1 || t.width <= 1, t,
                    "expected features one after another (a last stride of 1), found strides " +
                        view_detail::listed(v.stride, v.rank) + "; lay it out with the features last, or copy it");
  view_detail::need(view_detail::apart(t, token, head), t,
                    "expected rows of " + std::to_string(t.width) + " features that do not overlap and do not run backwards, " +
                        "found strides " + view_detail::listed(v.stride, v.rank) +
                        "; give strides that hold all rows apart, or copy it");
  return {data, token, head};
}

// A pointer to the first row, and the elements from token to token and from head to head.
template <class T>
strided<T> view_of(T* data, std::int64_t token_stride, std::int64_t head_stride, const tensor_shape& t) {
  return view_of(data, view_layout{3, {t.tokens, t.heads, t.width}, {token_stride, head_stride, 1}}, t);
}

// std::mdspan, and what has its members.
template <class V>
concept SpanLike = requires(const V& v) {
  requires std::is_pointer_v<std::remove_cvref_t<decltype(v.data_handle())>>;
  { V::rank() } -> std::convertible_to<int>;
  { v.extent(0) } -> std::convertible_to<std::int64_t>;
  { v.stride(0) } -> std::convertible_to<std::int64_t>;
};

// Of anything with rank(), extent(i) and stride(i).
template <class V>
view_layout layout_of(const V& v) {
  constexpr int rank = static_cast<int>(V::rank());
  static_assert(rank == 2 || rank == 3, "supra: a view of rows has rank 3 (tokens, heads, width) or 2 (tokens, heads * width)");
  view_layout r{rank};
  if constexpr (rank == 2 || rank == 3)  // else the sentence above is all that is said
    for (int i = 0; i < rank; ++i)
      r.extent[i] = static_cast<std::int64_t>(v.extent(i)), r.stride[i] = static_cast<std::int64_t>(v.stride(i));
  return r;
}

template <SpanLike V>
auto view_of(const V& v, const tensor_shape& t) {
  return view_of(v.data_handle(), layout_of(v), t);
}

}  // namespace supra
