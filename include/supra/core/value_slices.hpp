// Attention whose v is wider than a backend's walks take, by slices of v's columns. All but the normalizer takes every column
// of v for itself, so a slice is an attention of its own, of the same q and k and without a norm; the norm runs over whole rows
// after the slices, its gradient (call.d) before them. dq, dk and the gradients of the decay and of the map's own numbers are
// sums over slices.
#pragma once

#include "supra/core/backward.hpp"
#include "supra/core/normalize.hpp"
#include "supra/core/unnormalized.hpp"

namespace supra {

// Columns first .. first + columns - 1 of a state's rows of `all` numbers, to rows of their own or back.
template <class A>
struct slice_state {
  const A* from;
  A* to;
  int all, first, columns;
  bool back;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t row) const {
    const std::int64_t wide = row * all + first, own = row * columns;
    lanes.each(columns, [&, this](auto i) { to[(back ? wide : own) + int(i)] = from[(back ? own : wide) + int(i)]; });
  }
};

// Part: an attention<linear_attention<the same stages, unnormalized>, B, T>. Calls are made for whole rows.
template <class Composition, class Part, class B, class T>
class value_slices {
 public:
  using A = accumulator_t<T>;
  value_slices(const typename Part::composition& stages, int columns) : part_(stages), columns_(columns) {}
  int columns() const { return columns_; }

  void forward(B& b, const attention_call<Composition, T>& call, const attention_outputs<T>& out) {
    const auto sums = rows_of_sums(b, call.shape);
    for (int i = 0; i * columns_ < call.shape.e; ++i) {
      A* const end = own_state(b, call, 1, out.final_state);
      part_.forward(b, shape(call.shape), call.seq, inputs(b, call, i), {column(sums, i), nullptr, end});
      give_back(b, call, i, end, out.final_state);
    }
    run(b, every_row<normalize_row<Composition, T>>{{call, sums, out}});
  }

  void backward(B& b, const backward_call<Composition, T>& call) {
    const attention_shape& s = call.shape;
    const int n = s.e / columns_, own = parameters_of<typename Composition::feature_map>(s.d);
    const strided<T> dq = dense(room(b, dq_, s.tokens * s.heads * n * s.d), s.heads * n, s.d),
                     dk = dense(room(b, dk_, s.tokens * s.kv_heads * n * s.d), s.kv_heads * n, s.d);
    constexpr decay_kind kind = Composition::decay_stage::kind;
    const bool by_token = kind == decay_kind::per_token;
    const several decay(b, decay_, kind == decay_kind::constant ? nullptr : call.grad.d_decay,
                        by_token ? s.tokens * s.heads : s.heads, n),
        of_q(b, feature_q_, call.grad.d_feature_q, std::int64_t{s.heads} * own, n),
        of_k(b, feature_k_, call.grad.d_feature_k, std::int64_t{s.kv_heads} * own, n);
    for (int i = 0; i < n; ++i) {
      A* const start = own_state(b, call, 1, call.grad.d_initial_state);
      attention_gradients<T> grad;
      grad.o = grad.d_o = column(call.d, i), grad.saved = call.grad.saved;
      grad.d_final_state = taken(b, call, i, 0, call.grad.d_final_state), grad.d_initial_state = start;
      grad.dq = every(dq, i, n), grad.dk = every(dk, i, n), grad.dv = column(call.grad.dv, i);
      grad.d_decay = decay.of(i), grad.d_feature_q = of_q.of(i), grad.d_feature_k = of_k.of(i);
      part_.backward(b, shape(s), call.seq, inputs(b, call, i), grad);
      give_back(b, call, i, start, call.grad.d_initial_state);
    }
    run(b, add_heads<T>{dq, call.grad.dq, call.seq, s.tokens, n, s.heads, s.d});
    run(b, add_heads<T>{dk, call.grad.dk, call.seq, s.tokens, n, s.kv_heads, s.d});
    if (by_token && decay.to)
      run(b, add_heads<A>{{decay.from, s.heads, decay.size}, {decay.to, s.heads, 0}, call.seq, s.tokens, n, 1, s.heads});
    for (const auto* x : {&decay, &of_q, &of_k})
      if (x->to && x->size > 0 && !(by_token && x == &decay))
        run(b, add_heads<A>{{x->from, 0, x->size}, {x->to, 0, 0}, {1, 1}, 1, n, 1, static_cast<int>(x->size)});
  }

 private:
  using buffer = decltype(std::declval<B&>().template allocate<A>(0));
  using rows_buffer = decltype(std::declval<B&>().template allocate<T>(0));
  // A gradient that is summed over slices: `from` has n of it, one after another; none where it is not wanted.
  struct several {
    A *to, *from;
    std::int64_t size;
    several(B& b, buffer& r, A* wanted, std::int64_t each, int n)
        : to(wanted), from(wanted ? room(b, r, n * each) : nullptr), size(each) {}
    A* of(int i) const { return to ? from + i * size : nullptr; }
  };

  attention_shape shape(attention_shape s) const { return s.e = columns_, s; }
  // Slice i of rows of whole values, and of rows that each slice has of its own.
  template <class X>
  strided<X> column(strided<X> x, int i) const {
    return {x.data + i * columns_, x.token, x.head};
  }
  static strided<T> every(strided<T> x, int i, int n) { return {x.data + i * x.head, x.token, n * x.head}; }
  strided<T> rows_of_sums(B& b, const attention_shape& s) {
    return dense(room(b, sums_, s.tokens * s.heads * s.e), s.heads, s.e);
  }
  template <class Call>
  attention_inputs<T> inputs(B& b, const Call& call, int i) {
    auto in = call.in;
    in.v = column(in.v, i), in.normalizer = nullptr, in.initial_state = taken(b, call, i, 2, in.initial_state);
    return in;
  }
  template <class Call>
  static std::int64_t state_rows(const Call& call) {
    return call.seq.count * call.shape.heads * call.features();
  }
  // Room for a slice's states, where `whole` is wanted or given.
  template <class Call>
  A* own_state(B& b, const Call& call, int which, const A* whole) {
    return whole ? room(b, states_[which], state_rows(call) * columns_) : nullptr;
  }
  template <class Call>
  const A* taken(B& b, const Call& call, int i, int which, const A* whole) {
    A* const own = own_state(b, call, which, whole);
    if (whole) for_rows(b, state_rows(call), slice_state<A>{whole, own, call.shape.e, i * columns_, columns_, false});
    return own;
  }
  template <class Call>
  void give_back(B& b, const Call& call, int i, const A* own, A* whole) {
    if (whole) for_rows(b, state_rows(call), slice_state<A>{own, whole, call.shape.e, i * columns_, columns_, true});
  }
  template <class K>
  static void run(B& b, const K& kernel) {
    b.launch(kernel.blocks().teams(), 0, kernel);
  }

  Part part_;
  int columns_;
  rows_buffer sums_, dq_, dk_;
  buffer decay_, feature_q_, feature_k_, states_[3];
};

}  // namespace supra
