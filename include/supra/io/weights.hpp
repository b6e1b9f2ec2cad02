// What all readers of weights check alike: that the configuration can belong to the file, before any memory is asked for,
// and that every number read is finite.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "supra/io/error.hpp"
#include "supra/model/parameters.hpp"

namespace supra::io {

// A model in memory: values laid out by model::parameter_layout(config), padding zero.
template <class T>
struct loaded {
  model::config config;
  std::vector<T> values;
  std::string source;                                // what kind of file it came from, in words
};

// Throws unless a model of this configuration can lie in `elements` numbers and `tensors` tensors; afterwards its
// parameter_layout is small and free of overflow. 2^31 heads times 2^31 channels would not be.
inline void check_against_file(const model::config& c, std::int64_t elements, std::int64_t tensors, const std::string& where) {
  using wide = __int128;
  model::check(c);
  // A layer has two norms and four matrices or more. One layer too many is left to whoever names the tensor that is missing.
  constexpr std::int64_t least = 6;
  need(c.layers <= tensors / least + 1, where, ": the configuration says ", c.layers, " layers, which have at least ", least,
       " tensors each; the weights hold ", tensors, " tensors");
  const wide q = wide{c.heads} * c.head_dim, d = c.head_dim;
  auto fits = [&](wide rows, wide columns, const char* name) {
    const wide limit = elements;                     // the product is below 2^127
    need(rows <= limit && rows * columns <= limit, where, ": by the configuration ", name,
         " alone is larger than all the weights (", elements, " numbers); configuration and weights do not belong together");
  };
  fits(c.vocab, c.dim, "the embedding"), fits(q, c.dim, "a query projection"), fits(c.hidden, c.dim, "a feed-forward matrix");
  if (!c.linear) return;
  const auto& a = c.attention;
  const wide r = model::mapped_width(c), rows = c.heads * r, most = r > d ? r : d;
  if (a.map == model::map_kind::dense) fits(rows, c.heads * most, "a feature map");
  if (a.map == model::map_kind::per_head) fits(rows, most, "a feature map");
  if (a.qk_norm && a.feature == "taylor2") fits(rows, r + 2, "a norm of mapped queries");
  if (a.qk_norm && a.feature == "hedgehog") fits(rows, 2, "a norm of mapped queries");
}

// `first`: the place of the first value in its tensor.
template <class T>
void check_finite(std::span<const T> values, const std::string& where, const std::string& name, std::int64_t first = 0) {
  std::size_t bad = 0;
  for (T x : values) bad += !(std::abs(x) <= std::numeric_limits<T>::max());           // without a branch, for vectors
  if (bad == 0) return;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      fail(where, ": tensor ", in_quotes(name), " holds ", values[i], " at element ", first + static_cast<std::int64_t>(i),
           "; weights must be finite numbers");
}

// Files of interleaved rotary positions turn rows 2i and 2i + 1 of a head, we turn i and i + d/2: where our row r lies there.
inline std::int64_t neighbours_row(std::int64_t r, std::int64_t head_dim) {
  const std::int64_t in_head = r % head_dim, half = head_dim / 2;
  return r - in_head + 2 * (in_head % half) + in_head / half;
}

// Room for the model's values.
template <class T>
std::vector<T> room_for(const model::parameter_layout& layout) {
  return std::vector<T>(static_cast<std::size_t>(layout.size()), T(0));
}

template <class T>
std::span<T> part_of(std::span<T> values, const model::tensor_info& t) {
  return values.subspan(static_cast<std::size_t>(t.offset), static_cast<std::size_t>(t.size));
}

}  // namespace supra::io
