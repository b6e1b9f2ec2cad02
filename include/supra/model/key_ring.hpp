// What the softmax branch of a student remembers: keys, turned, and values of the last `window` tokens of each layer and
// sequence, in a ring of that many rows: position p lies in row p % window. Its size is constant from the start.
#pragma once

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "supra/core/backend.hpp"
#include "supra/layer/softmax_attention.hpp"
#include "supra/layer/softmax_ring.hpp"
#include "supra/model/config.hpp"

namespace supra::model {

// `length` rows of each sequence, from row from_first of `from_rows` on to row to_first of `to_rows` on; beyond the last comes
// the first.
template <class T> struct copy_to_memory {
  const T* from;
  T* to;
  std::int64_t length, from_rows, to_rows, to_first;
  int width;
  std::int64_t copies = 1;                              // sequences that are copied from the same one
  std::int64_t from_first = 0;
  const std::int64_t* positions = nullptr;              // where given, to_first of each sequence, on the backend
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    const std::int64_t s = r / length, first = positions ? positions[s] : to_first;
    const T* x = from + (s / copies * from_rows + (from_first + r % length) % from_rows) * width;
    T* y = to + (s * to_rows + (first + r % length) % to_rows) * width;
    lanes.each(width, [&](auto i) { y[int(i)] = x[int(i)]; });
  }
};

template <class B, class T> class key_ring {
 public:
  using A = accumulator_t<T>;

  key_ring(B& backend, const config& c, std::int64_t count) : b(backend), c(c), count_(count) {
    for (auto* memory : {&keys_, &values_}) *memory = b.template allocate<T>(c.layers * count * window() * width());
  }
  std::int64_t bytes() const { return (keys_.size() + values_.size()) * std::int64_t{sizeof(T)}; }
  // Tokens that the one at `position` sees, itself not counted; and numbers kept of so many.
  std::int64_t seen(std::int64_t position) const { return std::min(position, window() - 1); }
  std::int64_t numbers(std::int64_t tokens) const { return 2 * c.layers * count_ * tokens * width(); }

  // Heads o (n, heads d) of the next `length` tokens of each sequence, the first of which stands at `position`. q (n, heads d)
  // and k are turned, k and v (n, kv_heads d). `positions` (count) on the backend; of one token they are read there alone.
  void attend(std::int64_t l, std::int64_t length, std::int64_t position, const std::int64_t* positions, const T* q, const T* k,
              const T* v, T* o) {
    const int H = static_cast<int>(c.heads), G = static_cast<int>(c.kv_heads), d = static_cast<int>(c.head_dim),
              w = static_cast<int>(width());
    const std::int64_t at = l * count_ * window() * width();
    T *const keys = keys_.data() + at, *const values = values_.data() + at;
    if (length == 1) {
      for (auto [x, ring] : {std::pair{k, keys}, {v, values}})
        for_rows(b, count_, copy_to_memory<T>{x, ring, 1, 1, window(), 0, w, 1, 0, positions});
      const layer::softmax_ring_kernel<T> kernel{window(), H, G, d, q, keys, values, positions, o};
      return b.launch(count_ * H, kernel.scratch_bytes(), kernel);
    }
    // earlier keys in their order, then the tokens' own; what stays in sight goes into the ring after it was read
    const std::int64_t before = seen(position), rows = before + length, stay = std::min(length, window());
    for (auto* near : {&near_keys_, &near_values_}) room(b, *near, count_ * rows * width());
    for (auto [x, ring, near] : {std::tuple{k, keys, near_keys_.data()}, {v, values, near_values_.data()}}) {
      for_rows(b, count_ * before, copy_to_memory<T>{ring, near, before, window(), rows, 0, w, 1, position - before});
      for_rows(b, count_ * length, copy_to_memory<T>{x, near, length, length, rows, before, w});
      const std::int64_t last = length - stay;
      for_rows(b, count_ * stay, copy_to_memory<T>{x, ring, stay, length, window(), position + last, w, 1, last});
    }
    const layer::softmax_call<T> call{length, window(), H, G, d, q, near_keys_.data(), near_values_.data(), nullptr, before, rows};
    layer::softmax_forward(b, count_, call, o);
  }

  // What the token at `position` sees to the host, numbers(seen(position)): keys, then values, each (layers, count, tokens,
  // kv_heads d), the oldest first; and back.
  void download(std::int64_t position, A* to) {
    const std::int64_t n = seen(position), size = numbers(n) / 2;
    auto part = b.template allocate<T>(size);
    std::vector<T> host(static_cast<std::size_t>(size));
    for (auto* memory : {&keys_, &values_}) {
      for_rows(b, c.layers * count_ * n,
               copy_to_memory<T>{memory->data(), part.data(), n, window(), n, 0, static_cast<int>(width()), 1, position - n});
      b.download(static_cast<const T*>(part.data()), host.data(), size);
      to = std::transform(host.begin(), host.end(), to, [](T x) { return A(x); });
    }
  }
  void upload(std::int64_t position, const A* from) {
    const std::int64_t n = seen(position), size = numbers(n) / 2;
    auto part = b.template allocate<T>(size);
    std::vector<T> host(static_cast<std::size_t>(size));
    for (auto* memory : {&keys_, &values_}) {
      std::transform(from, from + size, host.begin(), [](A x) { return T(x); }), from += size;
      b.upload(host.data(), part.data(), size);
      for_rows(b, c.layers * count_ * n,
               copy_to_memory<T>{part.data(), memory->data(), n, n, window(), position - n, static_cast<int>(width())});
    }
  }
  // Every sequence remembers what the only one of `text` does.
  void spread(const key_ring& text) {
    for (auto [from, to] : {std::pair{&text.keys_, &keys_}, {&text.values_, &values_}})
      for_rows(b, c.layers * count_ * window(),
               copy_to_memory<T>{from->data(), to->data(), window(), window(), window(), 0, static_cast<int>(width()), count_});
  }

 private:
  using buffer = decltype(std::declval<B&>().template allocate<T>(0));
  std::int64_t window() const { return c.attention.window; }
  std::int64_t width() const { return c.kv_heads * c.head_dim; }

  B& b;
  const config& c;
  std::int64_t count_;
  buffer keys_, values_, near_keys_, near_values_;  // near: of a piece of several tokens and of those before it
};

}  // namespace supra::model
