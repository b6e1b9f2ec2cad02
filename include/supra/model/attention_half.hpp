// A layer's attention, between the norm before it and the residual stream, forward and backward: projections, rotary position,
// heads by softmax (a teacher) or linear attention (a student), a gate on them, the output matrix. Rows are those of n = count
// length tokens; h (n, dim) is the normed stream.
// A hybrid's heads have two branches, each an attention of its own over the same v: softmax over the last `window` tokens, with
// the q and k that a teacher would use (turned before any map), and linear attention. A head is m window + (1 - m) linear with
// m = sigmoid(branch_mix), learned (layer/branch_mix.hpp); either branch can be run alone, which is m = 1 or 0.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "supra/layer/branch_mix.hpp"
#include "supra/layer/output_gate.hpp"
#include "supra/layer/rotary.hpp"
#include "supra/layer/softmax_attention.hpp"
#include "supra/model/layer_tensors.hpp"

namespace supra::model {

// The layout knows the library's stages by name; a stage of one's own gets no tensors but those that all have.
inline void check_widths(const config& c, const attention_widths& w) {
  const auto& a = c.attention;
  auto need = [&](bool ok, const std::string& stage, const char* what) {
    if (!ok)
      throw std::invalid_argument("model: the stage " + stage + " needs " + what +
                                  ", which models hold for the library's own stages only");
  };
  need(w.feature_parameters == feature_parameters(a.feature), a.feature, "learned numbers of its own");
  need(w.normalizer_parameters == normalizer_parameters(a.normalizer, c.head_dim), a.normalizer, "learned numbers of its own");
  need(w.decay_learned == (a.decay == "learned"), a.decay, "a learned number a head (the name learned has it)");
  need(w.decay_per_token == (a.decay == "per_token"), a.decay, "a gate for each token (the name per_token has it)");
  need(!a.qk_norm || w.features == feature_width(a.feature, mapped_width(c)), a.feature, "a gain of its width after the map");
}

// What the heads of a hybrid are of; elsewhere there is one branch, which both is.
enum class branches { both, linear, window };

// A model's forward passes run these while it lives.
template <class Model>
class running {
 public:
  running(Model& m, branches run) : m_(m), before_(m.attention.run) { m.attention.run = run; }
  running(const running&) = delete;
  running& operator=(const running&) = delete;
  ~running() { m_.attention.run = before_; }

 private:
  Model& m_;
  branches before_;
};

template <class T>
struct add_wide {
  const accumulator_t<T>* x;
  T* to;
  int width;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    using A = accumulator_t<T>;
    each_of(lanes, width, [](A& y, A x) { y += x; }, kept<T>{to + r * width}, x + r * width);
  }
};

template <class B, class T>
class attention_half {
 public:
  using A = accumulator_t<T>;
  template <class P>
  using buffer_of = decltype(std::declval<B&>().template allocate<P>(0));
  using buffer = buffer_of<T>;
  using linear_layer = layer::linear_attention_layer<B, T>;
  using tensors = layer_tensors<const T, const A>;
  using gradients = layer_tensors<A, A>;
  // What one layer's forward pass leaves for its backward pass, which uses it up.
  struct saved {
    buffer q, k, v, o, output_gate;  // o (n, heads d): as the core wrote it, whose backward pass works from it
    buffer turned_q, turned_k, window_o;  // of a hybrid's window; q and k where they are not turned before the map
    buffer_of<A> lse, gates;
    branches ran = branches::both;
    typename linear_layer::saved own;
  };

  attention_half(B& backend, const config& c, const attention_registry<B, T>& registry) : b(backend), c(c) {
    const auto turns = layer::rotary_turns(c);
    turns_ = b.template allocate<double>(static_cast<std::int64_t>(turns.size()));
    b.upload(turns.data(), turns_.data(), static_cast<std::int64_t>(turns.size()));
    if (c.linear) linear.emplace(c, registry), check_widths(c, linear->w);
  }

  // Memory that layers share, for so many tokens; what gradients need too, where they are wanted.
  void prepare(std::int64_t count, std::int64_t length, bool gradients_too) {
    count_ = count, length_ = length;
    for (buffer* x : {&dq_, &dk_, &dv_, &do_, &gated_, &window_do_}) *x = {};
    if (output_gate() || hybrid()) gated_ = room(q_width());
    if (!gradients_too) return;
    dq_ = room(q_width()), dk_ = room(k_width()), dv_ = room(k_width()), do_ = room(q_width());
    if (hybrid()) window_do_ = room(q_width());
    if (decay_gate()) dgates_ = b.template allocate<A>(n() * c.heads);
  }
  // One layer's, after prepare.
  saved allocate() {
    saved s;
    s.q = room(q_width()), s.k = room(k_width()), s.v = room(k_width()), s.o = room(q_width());
    if (linear) s.own = linear->allocate(b, n());
    if (!linear || hybrid()) s.lse = b.template allocate<A>(n() * c.heads);
    if (hybrid()) s.window_o = room(q_width());
    if (hybrid() && !turned()) s.turned_q = room(q_width()), s.turned_k = room(k_width());
    if (decay_gate()) s.gates = b.template allocate<A>(n() * c.heads);
    if (output_gate()) s.output_gate = room(q_width());
    return s;
  }

  // y (n, dim) = heads Wo^T.
  void forward(const tensors& p, saved& s, const T* h, T* y) {
    s.ran = hybrid() ? run : branches::both;
    project(p, s, h), attend(p, s);
    const T* const o = mixed(p, s);
    if (output_gate()) for_rows(b, n(), layer::output_gate_forward<T>{o, s.output_gate.data(), gated_.data(), heads_width()});
    layer::linear_forward(b, n(), q_width(), c.dim, gated(s), p.wo, nullptr, y);
  }
  // What Wo multiplies (n, heads d), where forward has just been.
  const T* gated(const saved& s) const { return output_gate() || mixes(s) ? gated_.data() : of_one(s); }

  // dy (n, dim) -> dh (overwritten; null: not wanted); tensors' gradients are added to d. Gradients take the place of what they
  // are of, or of what is not wanted any more; heads after their gate are made again.
  void backward(const tensors& p, const gradients& d, saved& s, const T* h, const T* dy, T* dh) {
    layer::linear_backward(b, n(), q_width(), c.dim, static_cast<const T*>(nullptr), p.wo, dy, do_.data(), false, nullptr,
                           nullptr);
    T* const z = s.output_gate.data();
    const T* const o = mixed(p, s);
    if (output_gate())
      for_rows(b, n(), layer::output_gate_backward<T>{o, z, do_.data(), do_.data(), z, gated_.data(), heads_width()});
    layer::linear_backward(b, n(), q_width(), c.dim, gated(s), p.wo, dy, static_cast<T*>(nullptr), false, d.wo, nullptr);
    attend_back(p, d, s);
    layer::linear_backward(b, n(), c.dim, q_width(), h, p.wq, dq_.data(), dh, false, d.wq, d.bq);
    layer::linear_backward(b, n(), c.dim, k_width(), h, p.wk, dk_.data(), dh, true, d.wk, d.bk);
    layer::linear_backward(b, n(), c.dim, k_width(), h, p.wv, dv_.data(), dh, true, d.wv, d.bv);
    if (output_gate())
      layer::linear_backward(b, n(), c.dim, q_width(), h, p.output_gate, z, dh, true, d.output_gate, nullptr);
    if (decay_gate() && s.ran != branches::window)
      layer::linear_backward(b, n(), c.dim, c.heads, h, p.gate,
                             layer::converted<T>(b, n(), static_cast<int>(c.heads), dgates_.data(), narrow_dgates_), dh, true,
                             d.gate, d.gate_bias);
  }

  // The states (count, H, F, E) after a layer's last token, where forward has just been there; linear attention only.
  std::vector<A> final_state(const tensors& p, saved& s) {
    auto state = b.template allocate<A>(count_ * c.heads * linear->w.features * linear->w.state_columns);
    linear->forward(b, n(), {count_, length_}, s.q.data(), s.k.data(), s.v.data(), s.gates.data(), p.own, s.own, s.o.data(),
                    nullptr, state.data());
    std::vector<A> host(static_cast<std::size_t>(state.size()));
    b.download(static_cast<const A*>(state.data()), host.data(), state.size());
    return host;
  }
  const double* turns() const { return turns_.data(); }

  std::optional<linear_layer> linear;  // none: softmax
  branches run = branches::both;       // a hybrid's, in the forward passes to come; gradients are of what forward ran

 private:
  std::int64_t n() const { return count_ * length_; }
  buffer room(std::int64_t width) { return b.template allocate<T>(n() * width); }
  std::int64_t q_width() const { return c.heads * c.head_dim; }
  std::int64_t k_width() const { return c.kv_heads * c.head_dim; }
  int heads_width() const { return static_cast<int>(q_width()); }
  bool decay_gate() const { return linear && linear->w.decay_per_token; }
  bool output_gate() const { return c.linear && c.attention.output_gate; }
  bool hybrid() const { return is_hybrid(c); }
  bool turned() const { return !c.linear || turns_before(c.attention); }  // q and k, as soon as they are projected

  void project(const tensors& p, saved& s, const T* h) {
    layer::linear_forward(b, n(), c.dim, q_width(), h, p.wq, p.bq, s.q.data());
    layer::linear_forward(b, n(), c.dim, k_width(), h, p.wk, p.bk, s.k.data());
    layer::linear_forward(b, n(), c.dim, k_width(), h, p.wv, p.bv, s.v.data());
    if (decay_gate()) layer::linear_forward(b, n(), c.dim, c.heads, h, p.gate, p.gate_bias, s.gates.data());
    if (output_gate()) layer::linear_forward(b, n(), c.dim, q_width(), h, p.output_gate, nullptr, s.output_gate.data());
  }
  // One branch's heads, and both as one: a hybrid's mix is made again for the backward pass, in gated_.
  bool mixes(const saved& s) const { return hybrid() && s.ran == branches::both; }
  const T* of_one(const saved& s) const { return s.ran == branches::window ? s.window_o.data() : s.o.data(); }
  const T* mixed(const tensors& p, const saved& s) {
    if (!mixes(s)) return of_one(s);
    for_rows(b, n() * c.heads, layer::branch_mix_forward<T>{s.window_o.data(), s.o.data(), p.branch_mix, gated_.data(),
                                                            static_cast<int>(c.heads), static_cast<int>(c.head_dim)});
    return gated_.data();
  }
  void attend(const tensors& p, saved& s) {
    if (turned()) rotate(s.q.data(), s.q.data(), c.heads, false), rotate(s.k.data(), s.k.data(), c.kv_heads, false);
    if (!linear) return layer::softmax_forward(b, count_, softmax(s), s.o.data());
    if (s.ran != branches::window)
      linear->forward(b, n(), {count_, length_}, s.q.data(), s.k.data(), s.v.data(), s.gates.data(), p.own, s.own, s.o.data());
    if (!hybrid() || s.ran == branches::linear) return;
    if (!turned())
      rotate(s.q.data(), s.turned_q.data(), c.heads, false), rotate(s.k.data(), s.turned_k.data(), c.kv_heads, false);
    layer::softmax_forward(b, count_, softmax(s), s.window_o.data());
  }
  // do_ -> dq_, dk_, dv_ of what was projected, and dgates_.
  void attend_back(const tensors& p, const gradients& d, saved& s) {
    if (!linear || s.ran == branches::window) return softmax_back(s, of_one(s));
    if (mixes(s)) {
      const int heads = static_cast<int>(c.heads), width = static_cast<int>(c.head_dim);
      const layer::branch_mix_gradients<T> rows{s.window_o.data(),  s.o.data(),  do_.data(), p.branch_mix,
                                                window_do_.data(), do_.data(), nullptr,    heads, width};
      layer::branch_mix_backward(b, n(), rows, d.branch_mix);
    }
    linear->backward(b, n(), {count_, length_}, s.q.data(), s.k.data(), s.v.data(), s.gates.data(), p.own, s.own, s.o.data(),
                     do_.data(), dq_.data(), dk_.data(), dv_.data(), dgates_.data(), d.own);
    if (turned()) rotate(dq_.data(), dq_.data(), c.heads, true), rotate(dk_.data(), dk_.data(), c.kv_heads, true);
    if (mixes(s)) window_back(s);
  }
  // The softmax kernel sums over tokens where its gradients lie, so these are A. Alone:
  void softmax_back(saved& s, const T* o) {
    buffer_of<A> q, k, v;
    auto wide = [&](buffer& stored, buffer_of<A>& own) {
      if constexpr (std::is_same_v<T, A>) return stored.data();
      else return (own = b.template allocate<A>(stored.size())).data();
    };
    A *const dq = wide(dq_, q), *const dk = wide(dk_, k), *const dv = wide(dv_, v);
    layer::softmax_backward(b, count_, layer::softmax_backward_kernel<T>{softmax(s), o, do_.data(), dq, dk, dv});
    rotate(dq, dq_.data(), c.heads, true), rotate(dk, dk_.data(), c.kv_heads, true);
    layer::converted<T>(b, n(), static_cast<int>(k_width()), dv, dv_);
  }
  // Beside the linear branch, whose gradients are there: window_do_ adds to dq_, dk_ and dv_.
  void window_back(saved& s) {
    auto dq = b.template allocate<A>(n() * q_width()), dk = b.template allocate<A>(n() * k_width()),
         dv = b.template allocate<A>(n() * k_width());
    layer::softmax_backward(b, count_, layer::softmax_backward_kernel<T>{softmax(s), s.window_o.data(), window_do_.data(),
                                                                         dq.data(), dk.data(), dv.data()});
    rotate(dq.data(), dq.data(), c.heads, true), rotate(dk.data(), dk.data(), c.kv_heads, true);
    for_rows(b, n(), add_wide<T>{dq.data(), dq_.data(), heads_width()});
    for_rows(b, n(), add_wide<T>{dk.data(), dk_.data(), static_cast<int>(k_width())});
    for_rows(b, n(), add_wide<T>{dv.data(), dv_.data(), static_cast<int>(k_width())});
  }
  layer::softmax_call<T> softmax(saved& s) {
    const bool copies = s.turned_q.size() > 0;
    return {length_,
            linear ? c.attention.window : c.sliding_window,
            static_cast<int>(c.heads),
            static_cast<int>(c.kv_heads),
            static_cast<int>(c.head_dim),
            copies ? s.turned_q.data() : s.q.data(),
            copies ? s.turned_k.data() : s.k.data(),
            s.v.data(),
            s.lse.data()};
  }
  template <class X, class Y>
  void rotate(const X* x, Y* y, std::int64_t heads, bool back) {
    for_rows(b, n(),
             layer::rotate_rows<X, Y>{x, y, turns_.data(), length_, 0, static_cast<int>(heads), static_cast<int>(c.head_dim),
                                      static_cast<A>(layer::rotary_size(c)), back});
  }

  B& b;
  const config c;
  std::int64_t count_ = 0, length_ = 0;
  buffer_of<double> turns_;
  buffer gated_, dq_, dk_, dv_, do_, window_do_, narrow_dgates_;
  buffer_of<A> dgates_;
};

}  // namespace supra::model
