// Everything that a composition must satisfy on a backend (public: run it on a composition of your own):
//   the oracle in double = chunked (any chunk length) = recurrent = cut in two with the state handed over = packed = padded,
//   causality, and every gradient: in double against central differences along random directions, else against double.
// Outputs are filled with NaN before each call.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "supra/core/linear_attention.hpp"

namespace supra::testing {

struct attention_case {
  int heads = 2, kv_heads = 1, d = 8, e = 6, chunk = 16;
  std::int64_t count = 2, length = 21;
  std::uint64_t seed = 1;
};

struct attention_report {
  std::vector<std::string> failures;
  bool ok() const { return failures.empty(); }
};

// A call's inputs, or their gradients; all in double, laid out as attention.hpp says.
struct attention_values {
  std::vector<double> q, k, v, decay, feature_q, feature_k, normalizer, state;
  std::vector<double>* all[8] = {&q, &k, &v, &decay, &feature_q, &feature_k, &normalizer, &state};
  attention_values() = default;
  attention_values(const attention_values& o)
      : q(o.q),
        k(o.k),
        v(o.v),
        decay(o.decay),
        feature_q(o.feature_q),
        feature_k(o.feature_k),
        normalizer(o.normalizer),
        state(o.state) {}
  attention_values& operator=(const attention_values&) = delete;
};
struct attention_result {
  std::vector<double> o, state, saved;
};

// One call's host arrays and the copies that the backend works on.
template <class B, class T>
class attention_run {
 public:
  using A = accumulator_t<T>;
  using values = attention_values;
  using result = attention_result;

  attention_run(B& backend, any_attention<B, T>& layer, const attention_case& c)
      : b(backend), layer(layer), c(c), w(layer.widths(c.d, c.e)) {}

  std::int64_t tokens() const { return c.count * c.length; }
  attention_shape shape(std::int64_t n) const { return {n, c.heads, c.kv_heads, c.d, c.e, c.chunk}; }
  std::int64_t state_size() const { return std::int64_t{c.heads} * w.features * w.state_columns; }

  // Rounded to the storage type, so that all forms see the same numbers.
  values random() const {
    std::mt19937_64 g(c.seed);
    std::normal_distribution<double> normal;
    values x;
    const std::int64_t n = tokens();
    auto fill = [&](std::vector<double>& to, std::int64_t m, double scale, double shift, bool stored) {
      to.resize(static_cast<std::size_t>(m));
      for (auto& y : to)
        y = stored ? static_cast<double>(A(T(A(shift + scale * normal(g)))))
                   : static_cast<double>(A(shift + scale * normal(g)));
    };
    fill(x.q, n * c.heads * c.d, 1, 0, true), fill(x.k, n * c.kv_heads * c.d, 1, 0, true),
        fill(x.v, n * c.kv_heads * c.e, 1, 0, true);
    fill(x.decay, w.decay_per_token ? n * c.heads : w.decay_learned ? c.heads : 0, 0.5, -1, false);
    fill(x.feature_q, std::int64_t{c.heads} * w.feature_parameters, 0.2, 1, false);
    fill(x.feature_k, std::int64_t{c.kv_heads} * w.feature_parameters, 0.2, 1, false);
    fill(x.normalizer, std::int64_t{c.heads} * w.normalizer_parameters, 0.2, 1, false);
    fill(x.state, c.count * state_size(), 0.1, w.state_columns > c.e ? 0.5 : 0, false);
    return x;
  }

  result forward(const values& x, const sequences& seq, std::int64_t n, std::int64_t first = 0) {
    held in(*this, x, n, first);
    auto o = nan_buffer<T>(n * c.heads * c.e);
    auto saved = nan_buffer<A>(n * c.heads), state = nan_buffer<A>(seq.count * state_size());
    layer.forward(b, shape(n), seq, in.inputs(), {dense(o.data(), c.heads, c.e), saved.data(), state.data()});
    b.fence();
    return {down(o), down(state), down(saved)};
  }

  values backward(const values& x, const sequences& seq, std::int64_t n, const result& y, const std::vector<double>& d_o,
                  const std::vector<double>& d_state) {
    held in(*this, x, n, 0);
    auto o = up<T>(y.o), go = up<T>(d_o);
    auto saved = up<A>(y.saved), gs = up<A>(d_state);
    auto dq = nan_buffer<T>(n * c.heads * c.d), dk = nan_buffer<T>(n * c.kv_heads * c.d),
         dv = nan_buffer<T>(n * c.kv_heads * c.e);
    auto di = nan_buffer<A>(seq.count * state_size()), dd = nan_buffer<A>(in.decay.size());
    auto fq = nan_buffer<A>(in.feature_q.size()), fk = nan_buffer<A>(in.feature_k.size()),
         nn = nan_buffer<A>(in.normalizer.size());
    attention_gradients<T> g;
    g.o = dense<const T>(o.data(), c.heads, c.e), g.d_o = dense<const T>(go.data(), c.heads, c.e), g.saved = saved.data();
    g.d_final_state = gs.data(), g.dq = dense(dq.data(), c.heads, c.d), g.dk = dense(dk.data(), c.kv_heads, c.d),
    g.dv = dense(dv.data(), c.kv_heads, c.e);
    g.d_initial_state = di.data(), g.d_decay = dd.data(), g.d_feature_q = fq.data(), g.d_feature_k = fk.data(),
    g.d_normalizer = nn.data();
    layer.backward(b, shape(n), seq, in.inputs(), g);
    b.fence();
    values r;
    r.q = down(dq), r.k = down(dk), r.v = down(dv), r.decay = down(dd), r.feature_q = down(fq), r.feature_k = down(fk),
    r.normalizer = down(nn), r.state = down(di);
    return r;
  }

  // One token after the other from the initial states.
  result recurrent(const values& x) {
    held in(*this, x, tokens(), 0);
    auto state = up<A>(x.state);
    result r;
    r.o.assign(static_cast<std::size_t>(tokens() * c.heads * c.e), std::numeric_limits<double>::quiet_NaN());
    for (std::int64_t t = 0; t < c.length; ++t) {
      std::vector<std::int64_t> at(static_cast<std::size_t>(c.count), t);
      auto position = up<std::int64_t>(at);
      auto o = nan_buffer<T>(c.count * c.heads * c.e);
      auto i = in.inputs();  // row s is token t of sequence s
      i.q = {i.q.data + t * c.heads * c.d, c.length * c.heads * c.d, c.d};
      i.k = {i.k.data + t * c.kv_heads * c.d, c.length * c.kv_heads * c.d, c.d};
      i.v = {i.v.data + t * c.kv_heads * c.e, c.length * c.kv_heads * c.e, c.e};
      std::vector<double> gates;
      if (w.decay_per_token)
        for (std::int64_t s = 0; s < c.count; ++s)
          for (int h = 0; h < c.heads; ++h)
            gates.push_back(x.decay[static_cast<std::size_t>((s * c.length + t) * c.heads + h)]);
      auto gate = up<A>(gates);
      if (w.decay_per_token) i.decay = gate.data();
      layer.step(b, shape(c.count), c.count, position.data(), i, state.data(), dense(o.data(), c.heads, c.e));
      b.fence();
      const auto row = down(o);
      const std::int64_t m = c.heads * c.e;
      for (std::int64_t s = 0; s < c.count; ++s) std::copy_n(row.begin() + s * m, m, r.o.begin() + (s * c.length + t) * m);
    }
    r.state = down(state);
    return r;
  }

  template <class S>
  auto nan_buffer(std::int64_t n) {
    return up<S>(
        std::vector<double>(static_cast<std::size_t>(std::max<std::int64_t>(n, 0)), std::numeric_limits<double>::quiet_NaN()));
  }
  template <class S, class V>
  auto up(const std::vector<V>& x) {
    std::vector<S> h;
    for (auto y : x) h.push_back(S(y));
    auto r = b.template allocate<S>(static_cast<std::int64_t>(h.size()));
    b.upload(h.data(), r.data(), static_cast<std::int64_t>(h.size()));
    return r;
  }
  template <class Buffer>
  std::vector<double> down(const Buffer& x) {
    using S = std::remove_pointer_t<decltype(x.data())>;
    std::vector<S> h(static_cast<std::size_t>(x.size()));
    b.download(static_cast<const S*>(x.data()), h.data(), x.size());
    std::vector<double> r;
    for (auto& y : h) r.push_back(static_cast<double>(y));
    return r;
  }

  B& b;
  any_attention<B, T>& layer;
  attention_case c;
  attention_widths w;

 private:
  template <class S>
  using buffer = decltype(std::declval<B&>().template allocate<S>(0));
  struct held {  // the inputs in the backend's memory, tokens first .. first + n - 1
    attention_run& run;
    buffer<T> q, k, v;
    buffer<A> decay, feature_q, feature_k, normalizer, state;
    held(attention_run& r, const values& x, std::int64_t n, std::int64_t first) : run(r) {
      auto part = [&](const std::vector<double>& y, std::int64_t m) {
        return std::vector<double>(y.begin() + first * m, y.begin() + (first + n) * m);
      };
      const auto& c = r.c;
      q = r.template up<T>(part(x.q, c.heads * c.d)), k = r.template up<T>(part(x.k, c.kv_heads * c.d)),
      v = r.template up<T>(part(x.v, c.kv_heads * c.e));
      decay = r.template up<A>(r.w.decay_per_token ? part(x.decay, c.heads) : x.decay);
      feature_q = r.template up<A>(x.feature_q), feature_k = r.template up<A>(x.feature_k);
      normalizer = r.template up<A>(x.normalizer), state = r.template up<A>(x.state);
    }
    attention_inputs<T> inputs() const {
      const auto& c = run.c;
      return {dense<const T>(q.data(), c.heads, c.d),
              dense<const T>(k.data(), c.kv_heads, c.d),
              dense<const T>(v.data(), c.kv_heads, c.e),
              decay.data(),
              feature_q.data(),
              feature_k.data(),
              normalizer.data(),
              state.data()};
    }
  };
};

}  // namespace supra::testing
