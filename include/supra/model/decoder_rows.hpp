// Rows of tokens through a decoder's layers, whichever texts they belong to: all but the attention, which is the caller's.
#pragma once

#include <vector>

#include "supra/model/decoder.hpp"

namespace supra::model {

template <class B, class T>
class decoder_rows {
 public:
  using A = accumulator_t<T>;
  template <class P>
  using buffer_of = typename transformer<B, T>::template buffer_of<P>;
  using buffer = buffer_of<T>;

  explicit decoder_rows(decoder<B, T>& weights) : w(weights), c(w.c), b(w.b) {}

  // The n tokens of the next run, on the host.
  void read(const std::vector<std::int32_t>& ids) {
    n = static_cast<std::int64_t>(ids.size());
    make_room();
    b.upload(ids.data(), ids_.data(), n);
  }
  // attend(l): of the n rows from q, k, v and gates to o, for layer l. Launches alone: it can be recorded.
  template <class Attend>
  void run(Attend attend) {
    const int dim = static_cast<int>(c.dim);
    w.embed(n, ids_.data(), x.data());
    norm(n, x.data(), w.tensors(0).norm1);
    for (std::int64_t l = 0; l < c.layers; ++l) {
      const auto& p = w.tensors(l);
      w.heads(l, n, h.data(), q.data(), k.data(), v.data(), gates.data(), output_gate_.data());
      attend(l);
      if (output_gate())
        for_rows(b, n, layer::output_gate_forward<T>{o.data(), output_gate_.data(), o.data(), heads_width()});
      w.output(l, n, o.data(), y_.data());
      add_and_norm(p.norm2);
      w.gate_and_up(l, n, h.data(), gate_.data(), up_.data());
      for_rows(b, n, layer::swiglu_forward<T>{gate_.data(), up_.data(), gate_.data(), static_cast<int>(c.hidden)});
      w.down(l, n, gate_.data(), y_.data());
      if (l + 1 < c.layers)
        add_and_norm(w.tensors(l + 1).norm1);
      else
        for_rows(b, n, copy_and_add<T>{x.data(), y_.data(), x.data(), dim});  // the last norm is of the rows that are asked for
    }
  }
  // Whether softmax attention, or a student that turns before its maps, wants q and k turned as the teacher's are.
  bool turns() const { return !c.linear || turns_before(c.attention) || is_hybrid(c); }
  // q and k. Sequences of `length` tokens from position `start` on, or each row where `positions` says.
  void turn(std::int64_t length, std::int64_t start, const std::int64_t* positions = nullptr) {
    const auto size = static_cast<A>(layer::rotary_size(c));
    const int d = static_cast<int>(c.head_dim);
    const auto rotate = [&](const T* x, T* y, std::int64_t heads) {
      for_rows(b, n, layer::rotate_rows<T, T>{x, y, w.turns, length, start, int(heads), d, size, false, positions});
    };
    rotate(q.data(), turned_q(), c.heads), rotate(k.data(), turned_k(), c.kv_heads);
  }
  // Where turned rows lie: a student that maps q and k as they are has them beside.
  T* turned_q() { return beside() ? turned_q_.data() : q.data(); }
  T* turned_k() { return beside() ? turned_k_.data() : k.data(); }
  // A hybrid's branches that run: the linear one leaves its heads in o, the window's are written to window_o(); mix makes o of
  // both.
  bool runs(branches one) const { return !is_hybrid(c) || w.run == branches::both || w.run == one; }
  T* window_o() { return w.run == branches::window ? o.data() : near.data(); }
  void mix(std::int64_t l) {
    if (w.run != branches::both) return;
    const int heads = static_cast<int>(c.heads), d = static_cast<int>(c.head_dim);
    for_rows(b, n * heads, layer::branch_mix_forward<T>{near.data(), o.data(), w.tensors(l).branch_mix, o.data(), heads, d});
  }
  // Rows from `from` -> h.
  void norm(std::int64_t rows, const T* from, const A* gain) {
    layer::norm_forward(b, rows, static_cast<int>(c.dim), c.norm, c.norm_eps, from, gain, h.data(), stat_.data());
  }
  void final_norm(std::int64_t rows, const T* from) { norm(rows, from, w.final_norm()); }

  decoder<B, T>& w;
  const config& c;
  B& b;
  std::int64_t n = 0;
  // x: the residual stream (n, dim); h: normed; q (n, heads d), k (n, kv_heads d) as the attention takes them, v (n, kv_heads
  // e), o (n, heads e), gates (n, heads); near (n, heads e): the softmax branch's o, of a student that has one.
  buffer x, h, q, k, v, o, near;
  buffer_of<A> gates;
  typename layer::linear_attention_layer<B, T>::saved saved;

 private:
  // x += y_, and its norm -> h.
  void add_and_norm(const A* gain) {
    layer::add_and_norm(b, n, static_cast<int>(c.dim), c.norm, c.norm_eps, static_cast<const T*>(x.data()),
                        static_cast<const T*>(y_.data()), x.data(), gain, h.data(), stat_.data());
  }
  bool output_gate() const { return c.linear && c.attention.output_gate; }
  bool beside() const { return is_hybrid(c) && !turns_before(c.attention); }
  int heads_width() const { return static_cast<int>(c.heads * c.head_dim); }
  void make_room() {
    if (n <= rooms_) return;
    auto room = [&](std::int64_t width) { return b.template allocate<T>(n * width); };
    const std::int64_t e = c.head_dim, d = w.attention ? w.attention->d : e;
    x = room(c.dim), h = room(c.dim), y_ = room(c.dim), q = room(c.heads * d), o = room(c.heads * e);
    k = room(c.kv_heads * d), v = room(c.kv_heads * e);
    gate_ = room(c.hidden), up_ = room(c.hidden);
    if (output_gate()) output_gate_ = room(c.heads * e);
    if (is_hybrid(c)) near = room(c.heads * e);
    if (beside()) turned_q_ = room(c.heads * e), turned_k_ = room(c.kv_heads * e);
    ids_ = b.template allocate<std::int32_t>(n), gates = b.template allocate<A>(n * c.heads);
    stat_ = b.template allocate<A>(2 * n);
    if (w.attention) saved = w.attention->allocate(b, n);
    rooms_ = n;
  }
  std::int64_t rooms_ = 0;
  buffer y_, gate_, up_, output_gate_, turned_q_, turned_k_;
  buffer_of<A> stat_;
  buffer_of<std::int32_t> ids_;
};

}  // namespace supra::model
