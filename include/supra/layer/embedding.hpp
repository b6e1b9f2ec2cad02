// Rows of the embedding matrix (vocab, dim) by token ids, and their gradient, summed in the order of the tokens.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "supra/core/backend.hpp"

namespace supra::layer {

template <class T> struct embedding_forward {
  const std::int32_t* ids;
  const T* table;
  T* y;
  int dim;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t row) const {
    using A = accumulator_t<T>;
    each_of(lanes, dim, [](A& to, A from) { to = from; }, y + row * dim, table + static_cast<std::int64_t>(ids[row]) * dim);
  }
};

// Tokens by id, each id's in their order: place[first[i]] .. place[first[i + 1] - 1] are those of the i-th id that occurs.
struct token_groups {
  std::vector<std::int32_t> place, first;
  explicit token_groups(const std::vector<std::int32_t>& ids) : place(ids.size()) {
    std::iota(place.begin(), place.end(), 0);
    const auto id = [&](std::int32_t t) { return ids[static_cast<std::size_t>(t)]; };
    std::stable_sort(place.begin(), place.end(), [&](std::int32_t s, std::int32_t t) { return id(s) < id(t); });
    for (std::size_t i = 0; i < place.size(); ++i)
      if (i == 0 || id(place[i]) != id(place[i - 1])) first.push_back(static_cast<std::int32_t>(i));
    first.push_back(static_cast<std::int32_t>(place.size()));
  }
};

// dtable += dy. Each row of a launch is a block of columns of one id: no two write the same place.
template <class T> struct embedding_backward {
  const std::int32_t *ids, *place, *first;
  const T* dy;
  accumulator_t<T>* dtable;
  int dim;
  static constexpr int block = 128;
  SUPRA_FN std::int64_t across() const { return (dim + block - 1) / block; }
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
    const std::int32_t* const from = place + first[i / across()];
    const int left = static_cast<int>(i % across()) * block, n = dim - left < block ? dim - left : block;
    column_sums(
        lanes, first[i / across() + 1] - first[i / across()], n,
        [&, this](std::int64_t r, int column) {
          return static_cast<accumulator_t<T>>(dy[static_cast<std::int64_t>(from[r]) * dim + left + column]);
        },
        dtable + static_cast<std::int64_t>(ids[from[0]]) * dim + left);
  }
};

// The same in the backend's memory, made while it has other work.
template <class B>
struct token_places {
  using ids = decltype(std::declval<B&>().template allocate<std::int32_t>(0));
  ids place, first;
  std::int64_t groups = 0;
  token_places() = default;
  token_places(B& b, const std::vector<std::int32_t>& of) {
    const token_groups sorted(of);
    const auto up = [&](const std::vector<std::int32_t>& x) {
      auto y = b.template allocate<std::int32_t>(static_cast<std::int64_t>(x.size()));
      b.upload(x.data(), y.data(), y.size());
      return y;
    };
    place = up(sorted.place), first = up(sorted.first), groups = static_cast<std::int64_t>(sorted.first.size()) - 1;
  }
};
// dy (tokens, dim).
template <class B, class T>
void embedding_gradient(B& b, const token_places<B>& places, const std::int32_t* ids, const T* dy, int dim,
                        accumulator_t<T>* dtable) {
  const embedding_backward<T> kernel{ids, places.place.data(), places.first.data(), dy, dtable, dim};
  for_rows(b, places.groups * kernel.across(), kernel);
}

}  // namespace supra::layer
