// Rows of the embedding matrix (vocab, dim) by token ids, and their gradient, summed in the order of the tokens.
#pragma once

#include <algorithm>
#include <utility>
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

// Tokens by id, each id's in their order: place[first[i]] .. place[first[i + 1] - 1] are those of the i-th id that occurs, none
// where fewer occur. Both are as long for any tokens, so that what reads them is launched the same way each time.
struct token_groups {
  std::vector<std::int32_t> place, first;  // (n), (n + 1)
  explicit token_groups(const std::vector<std::int32_t>& ids) : place(ids.size()) {
    std::vector<std::int32_t> next(ids.empty() ? 0 : static_cast<std::size_t>(*std::max_element(ids.begin(), ids.end())) + 1);
    const auto of = [&](std::int32_t id) -> std::int32_t& { return next[static_cast<std::size_t>(id)]; };
    for (auto id : ids) ++of(id);
    std::int32_t before = 0, at = 0;
    for (auto& x : next) {
      if (x > 0) first.push_back(before);
      before += std::exchange(x, before);
    }
    first.resize(ids.size() + 1, before);
    for (auto id : ids) place[static_cast<std::size_t>(of(id)++)] = at++;
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
    const std::int32_t many = first[i / across() + 1] - first[i / across()];
    if (many == 0) return;
    const int left = static_cast<int>(i % across()) * block, n = dim - left < block ? dim - left : block;
    column_sums(
        lanes, many, n,
        [&, this](std::int64_t r, int column) {
          return static_cast<accumulator_t<T>>(dy[static_cast<std::int64_t>(from[r]) * dim + left + column]);
        },
        dtable + static_cast<std::int64_t>(ids[from[0]]) * dim + left);
  }
};

// The same in the backend's memory.
template <class B>
struct token_places {
  using numbers = decltype(std::declval<B&>().template allocate<std::int32_t>(0));
  numbers place, first;
  std::int64_t tokens = 0;
  void upload(B& b, const std::vector<std::int32_t>& ids) {
    const token_groups sorted(ids);
    const auto up = [&](const std::vector<std::int32_t>& x, numbers& to) {
      const auto n = static_cast<std::int64_t>(x.size());
      b.upload(x.data(), room(b, to, n), n);
    };
    up(sorted.place, place), up(sorted.first, first), tokens = static_cast<std::int64_t>(ids.size());
  }
};
// dy (tokens, dim).
template <class B, class T>
void embedding_gradient(B& b, const token_places<B>& places, const std::int32_t* ids, const T* dy, int dim,
                        accumulator_t<T>* dtable) {
  const embedding_backward<T> kernel{ids, places.place.data(), places.first.data(), dy, dtable, dim};
  for_rows(b, places.tokens * kernel.across(), kernel);
}

}  // namespace supra::layer
