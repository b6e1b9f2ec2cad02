// The student's attention: learned maps (feature_map.hpp), optional qk-norm, then the composed core. q, k, v come in
// projected; the heads before the output matrix come out. Parameters' gradients accumulate.
#pragma once

#include <memory>

#include "supra/layer/feature_map.hpp"
#include "supra/layer/norm.hpp"
#include "supra/model/compositions.hpp"

namespace supra::layer {

// A layer's own tensors, or their gradients; null where the configuration has none. M: what matrices are stored as, V: the
// rest.
template <class M, class V = M> struct linear_attention_tensors {
  map_tensors<M, V> map_q, map_k;                     // keys without their own share the queries'
  V *q_norm = nullptr, *k_norm = nullptr, *feature_q = nullptr, *feature_k = nullptr, *normalizer = nullptr, *decay = nullptr;
};

template <class T> struct repeat_heads {              // y (n, heads, d) from x (n, kv_heads, d)
  const T* x;
  T* y;
  int heads, kv_heads, d;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
    const std::int64_t n = i / heads, h = i % heads;
    const T* from = x + (n * kv_heads + h / (heads / kv_heads)) * d;
    lanes.each(d, [&](auto j) { y[i * d + int(j)] = from[int(j)]; });
  }
};
template <class T> struct sum_heads {                 // its transpose
  const T* dy;
  T* dx;
  int heads, kv_heads, d;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
    const std::int64_t n = i / kv_heads, g = i % kv_heads, group = heads / kv_heads;
    lanes.each(d, [&](auto j) {
      accumulator_t<T> s = 0;
      for (std::int64_t h = g * group; h < (g + 1) * group; ++h) s += dy[(n * heads + h) * d + int(j)];
      dx[i * d + int(j)] = T(s);
    });
  }
};

template <class A> struct add_numbers {
  const A* from;
  A* to;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
    lanes.once([&, this] { to[i] += from[i]; });
  }
};

template <class B, class T> class linear_attention_layer {
 public:
  using A = accumulator_t<T>;
  using tensors = linear_attention_tensors<const T, const A>;
  using gradients = linear_attention_tensors<A>;
  template <class P> using buffer_of = decltype(std::declval<B&>().template allocate<P>(0));
  using buffer = buffer_of<T>;

  // What the backward pass needs, for n tokens. Rows after the learned maps are made again: their products are paid
  // for memory of their size, a few times that where the maps are wide or a chain.
  struct saved {
    buffer feature_q, feature_k, norm_q, norm_k;      // qk-norm only: mapped; repeated to all heads, and normed
    buffer_of<A> stat_q, stat_k, numbers;
  };

  linear_attention_layer(const model::config& c, const model::attention_registry<B, T>& registry)
      : c(c), r(static_cast<int>(model::mapped_width(c))), e(static_cast<int>(c.head_dim)),
        d(c.attention.map == model::map_kind::none ? r : e), queries(c, c.heads), keys(c, c.kv_heads) {
    map_stage = registry.make(c, c.attention);
    auto inner = c.attention;
    if (inner.qk_norm) inner.feature = "identity";
    core = registry.make(c, inner);
    w = map_stage->widths(r, e);
  }

  saved allocate(B& b, std::int64_t n) const {
    saved s;
    if (c.attention.qk_norm) {
      const std::int64_t f = n * c.heads * w.features;
      s.feature_q = b.template allocate<T>(f), s.feature_k = b.template allocate<T>(f), s.norm_q = b.template allocate<T>(f),
      s.norm_k = b.template allocate<T>(f);
      s.stat_q = b.template allocate<A>(2 * n), s.stat_k = b.template allocate<A>(2 * n);
    }
    s.numbers = b.template allocate<A>(n * c.heads);
    return s;
  }

  // q (n, heads d), k (n, kv_heads d), v (n, kv_heads e), gates (n, heads) or null -> o (n, heads e). States (count, heads, F,
  // E), null: zero, not kept.
  void forward(B& b, std::int64_t n, const sequences& seq, const T* q, const T* k, const T* v, const A* gates,
               const tensors& p, saved& s, T* o, const A* initial = nullptr,
               A* final_state = nullptr) {
    const auto in = prepare(b, n, q, k, v, gates, p, s, initial);
    core->forward(b, shape(n), seq, in, {dense(o, c.heads, e), s.numbers.data(), final_state});
  }
  // One token of each of n sequences, at the same position.
  void step(B& b, std::int64_t n, const std::int64_t* position, const T* q, const T* k, const T* v, const A* gates,
            const tensors& p, saved& s, A* state, T* o) {
    core->step(b, shape(n), n, position, prepare(b, n, q, k, v, gates, p, s, nullptr), state, dense(o, c.heads, e));
  }

  // do, o as forward's -> dq, dk, dv (overwritten), dgates (overwritten), parameters' gradients added to g.
  void backward(B& b, std::int64_t n, const sequences& seq, const T* q, const T* k, const T* v, const A* gates,
                const tensors& p, const saved& s, const T* o, const T* d_o, T* dq, T* dk, T* dv,
                A* dgates, const gradients& g) {
    const bool norm = c.attention.qk_norm;
    const T *const rows_q = queries.forward(b, n, q, p.map_q), *const rows_k = keys.forward(b, n, k, map_of_keys(p));
    const auto in = inputs(rows_q, rows_k, of_all_heads(b, n, v), gates, p, s, nullptr);
    const std::int64_t f = static_cast<std::int64_t>(c.heads) * w.features, n_o = n * c.heads * e;
    attention_gradients<T> grad;
    grad.o = dense(o, c.heads, e), grad.d_o = dense(d_o, c.heads, e), grad.saved = s.numbers.data(),
    grad.dv = dense(dv, c.kv_heads, e);
    buffer fq, fk;
    if (norm) fq = b.template allocate<T>(n * f), fk = b.template allocate<T>(n * f);
    T *const before_q = queries.gradient(b, n, dq), *const before_k = keys.gradient(b, n, dk);  // of what the stage sees
    buffer dv_all;
    if (norm && c.heads != c.kv_heads) dv_all = b.template allocate<T>(n_o), grad.dv = dense(dv_all.data(), c.heads, e);
    grad.dq = norm ? dense(fq.data(), c.heads, w.features) : dense(before_q, c.heads, r);
    grad.dk = norm ? dense(fk.data(), c.heads, w.features) : dense(before_k, c.kv_heads, r);
    own own_gradients(b, *this);
    grad.d_feature_q = own_gradients.feature_q.data(), grad.d_feature_k = own_gradients.feature_k.data(),
    grad.d_normalizer = own_gradients.normalizer.data();
    grad.d_decay = w.decay_per_token ? dgates : own_gradients.decay.data();
    core->backward(b, shape(n), seq, in, grad);
    if (norm) norm_back(b, n, p, s, fq, fk, before_q, before_k, rows_q, rows_k, g, own_gradients);
    if (dv_all.size() > 0)
      for_rows(b, n * c.kv_heads, sum_heads<T>{dv_all.data(), dv, static_cast<int>(c.heads), static_cast<int>(c.kv_heads), e});
    queries.backward(b, n, q, p.map_q, dq, g.map_q);
    keys.backward(b, n, k, map_of_keys(p), dk, shared(p) ? g.map_q : g.map_k);
    own_gradients.add(b, *this, g);
  }

  attention_widths w;
  const model::config c;
  const int r, e, d;                                  // a head's row: q and k as the feature map sees them, v, q and k given

 private:
  static bool shared(const tensors& p) { return p.map_k[0].weight == nullptr; }
  static const auto& map_of_keys(const tensors& p) { return shared(p) ? p.map_q : p.map_k; }
  int core_kv() const { return static_cast<int>(c.attention.qk_norm ? c.heads : c.kv_heads); }
  attention_shape shape(std::int64_t n) const {
    return {n, static_cast<int>(c.heads), core_kv(), c.attention.qk_norm ? w.features : r, e};
  }

  // v repeated to all heads, where the core sees as many heads of keys.
  const T* of_all_heads(B& b, std::int64_t n, const T* v) {
    if (core_kv() == c.kv_heads) return v;
    T* const all = room(b, values, n * c.heads * e);
    for_rows(b, n * c.heads, repeat_heads<T>{v, all, static_cast<int>(c.heads), static_cast<int>(c.kv_heads), e});
    return all;
  }
  // q, k: mapped; v: of core_kv() heads.
  attention_inputs<T> inputs(const T* q, const T* k, const T* v, const A* gates, const tensors& p,
                             const saved& s, const A* initial) const {
    attention_inputs<T> in;
    const bool norm = c.attention.qk_norm;
    in.q = norm ? dense<const T>(s.norm_q.data(), c.heads, w.features) : dense(q, c.heads, r);
    in.k = norm ? dense<const T>(s.norm_k.data(), c.heads, w.features) : dense(k, c.kv_heads, r);
    in.v = dense(v, core_kv(), e);
    in.feature_q = p.feature_q, in.feature_k = p.feature_k, in.normalizer = p.normalizer, in.decay = p.decay;
    if (w.decay_per_token) in.decay = gates;
    in.initial_state = initial;
    return in;
  }
  attention_inputs<T> prepare(B& b, std::int64_t n, const T* q, const T* k, const T* v, const A* gates, const tensors& p,
                              saved& s, const A* initial) {
    const T *const mq = queries.forward(b, n, q, p.map_q), *const mk = keys.forward(b, n, k, map_of_keys(p));
    const auto in = inputs(mq, mk, of_all_heads(b, n, v), gates, p, s, initial);
    if (!c.attention.qk_norm) return in;
    const int f = w.features, all = static_cast<int>(c.heads) * f;
    auto narrow = b.template allocate<T>(n * c.kv_heads * f);
    map_stage->map(b, n, static_cast<int>(c.heads), r, dense(mq, c.heads, r), p.feature_q,
                   dense(s.feature_q.data(), c.heads, f));
    map_stage->map(b, n, static_cast<int>(c.kv_heads), r, dense(mk, c.kv_heads, r), p.feature_k,
                   dense(narrow.data(), c.kv_heads, f));
    for_rows(b, n * c.heads,
             repeat_heads<T>{narrow.data(), s.feature_k.data(), static_cast<int>(c.heads), static_cast<int>(c.kv_heads), f});
    norm_forward(b, n, all, c.norm, c.norm_eps, s.feature_q.data(), p.q_norm, s.norm_q.data(), s.stat_q.data());
    norm_forward(b, n, all, c.norm, c.norm_eps, s.feature_k.data(), p.k_norm, s.norm_k.data(), s.stat_k.data());
    return in;
  }

  // Gradients that the core gives in A and overwrites; added to the tensors' afterwards.
  struct own {
    buffer_of<A> feature_q, feature_k, normalizer, decay;
    own(B& b, const linear_attention_layer& l) {
      const auto& w = l.w;
      if (w.feature_parameters > 0)
        feature_q = b.template allocate<A>(l.c.heads * w.feature_parameters),
        feature_k = b.template allocate<A>(l.c.kv_heads * w.feature_parameters);
      if (w.normalizer_parameters > 0) normalizer = b.template allocate<A>(l.c.heads * w.normalizer_parameters);
      if (w.decay_learned) decay = b.template allocate<A>(l.c.heads);
    }
    void add(B& b, const linear_attention_layer& l, const gradients& g) {
      auto to = [&](buffer_of<A>& from, A* target, std::int64_t n) {
        if (target && from.size() > 0) for_rows(b, n, add_numbers<A>{from.data(), target});
      };
      to(feature_q, g.feature_q, l.c.heads * l.w.feature_parameters),
          to(feature_k, g.feature_k, l.c.kv_heads * l.w.feature_parameters);
      to(normalizer, g.normalizer, l.c.heads * l.w.normalizer_parameters), to(decay, g.decay, l.c.heads);
    }
  };
  void norm_back(B& b, std::int64_t n, const tensors& p, const saved& s, buffer& fq, buffer& fk,
                 T* dq, T* dk, const T* q, const T* k, const gradients& g, own& o) {
    const int f = w.features, all = static_cast<int>(c.heads) * f;
    auto xq = b.template allocate<T>(n * all), xk = b.template allocate<T>(n * all),
         narrow = b.template allocate<T>(n * c.kv_heads * f);
    norm_backward(b, n, all, c.norm, s.feature_q.data(), p.q_norm, fq.data(), s.stat_q.data(), xq.data(), g.q_norm);
    norm_backward(b, n, all, c.norm, s.feature_k.data(), p.k_norm, fk.data(), s.stat_k.data(), xk.data(), g.k_norm);
    for_rows(b, n * c.kv_heads,
             sum_heads<T>{xk.data(), narrow.data(), static_cast<int>(c.heads), static_cast<int>(c.kv_heads), f});
    map_stage->map_vjp(b, n, static_cast<int>(c.heads), r, dense(q, c.heads, r), p.feature_q,
                       dense<const T>(xq.data(), c.heads, f), dense(dq, c.heads, r), o.feature_q.data());
    map_stage->map_vjp(b, n, static_cast<int>(c.kv_heads), r, dense(k, c.kv_heads, r), p.feature_k,
                       dense<const T>(narrow.data(), c.kv_heads, f), dense(dk, c.kv_heads, r), o.feature_k.data());
  }

  std::unique_ptr<any_attention<B, T>> map_stage, core;
  feature_map<B, T> queries, keys;
  buffer values;                                      // repeated to all heads (qk-norm with grouped heads)
};

}  // namespace supra::layer
