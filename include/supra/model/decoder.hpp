// What generation asks of a model's weights, in whatever form they lie. n rows each; l: the layer; shapes as in
// transformer.hpp.
#pragma once

#include <string>

#include "supra/model/transformer.hpp"

namespace supra::model {

template <class B, class T>
class decoder {
 public:
  using A = accumulator_t<T>;
  struct layer_tensors {
    const A *norm1, *norm2, *branch_mix;
    layer::linear_attention_tensors<const T, const A> own;
  };

  decoder(B& backend, const config& c) : b(backend), c(c) {}
  virtual ~decoder() = default;
  virtual const layer_tensors& tensors(std::int64_t l) const = 0;
  virtual const A* final_norm() const = 0;
  virtual void embed(std::int64_t n, const std::int32_t* ids, T* x) = 0;
  // gates: of a decay per token, output_gate (n, heads d): of an output gate; else not written.
  virtual void heads(std::int64_t l, std::int64_t n, const T* h, T* q, T* k, T* v, A* gates, T* output_gate) = 0;
  virtual void output(std::int64_t l, std::int64_t n, const T* o, T* y) = 0;
  virtual void gate_and_up(std::int64_t l, std::int64_t n, const T* h, T* gate, T* up) = 0;
  virtual void down(std::int64_t l, std::int64_t n, const T* x, T* y) = 0;
  virtual void logits(std::int64_t n, const T* h, A* y) = 0;
  virtual std::int64_t bytes() const = 0;                             // of all weights
  virtual const transformer<B, T>* whole() const { return nullptr; }  // the model that holds them, where there is one

  B& b;
  const config c;
  layer::linear_attention_layer<B, T>* attention = nullptr;  // none: softmax
  const double* turns = nullptr;
  branches run = branches::both;  // a hybrid's, in what is generated or scored from now on; a text keeps to one choice
  std::string identity;  // the model's fingerprint, where no model holds the weights any more
};

// The weights of a transformer, as they are; it must live as long.
template <class B, class T>
class plain_decoder final : public decoder<B, T> {
 public:
  using typename decoder<B, T>::A;
  using typename decoder<B, T>::layer_tensors;

  explicit plain_decoder(transformer<B, T>& model) : decoder<B, T>(model.b, model.c), m(model) {
    this->turns = m.turns(), this->attention = m.attention.linear ? &*m.attention.linear : nullptr;
    for (std::int64_t l = 0; l < m.c.layers; ++l) {
      const auto& p = m.tensors(l);
      tensors_.push_back({p.norm1, p.norm2, p.branch_mix, p.own});
    }
  }
  const layer_tensors& tensors(std::int64_t l) const override { return tensors_[static_cast<std::size_t>(l)]; }
  const A* final_norm() const override { return m.at("model.norm.weight"); }
  void embed(std::int64_t n, const std::int32_t* ids, T* x) override {
    for_rows(m.b, n, layer::embedding_forward<T>{ids, m.matrix("model.embed_tokens.weight"), x, m.dim()});
  }
  void heads(std::int64_t l, std::int64_t n, const T* h, T* q, T* k, T* v, A* gates, T* output_gate) override {
    const auto& p = m.tensors(l);
    product(n, m.c.dim, m.c.heads * m.c.head_dim, h, p.wq, q, p.bq);
    product(n, m.c.dim, m.c.kv_heads * m.c.head_dim, h, p.wk, k, p.bk);
    product(n, m.c.dim, m.c.kv_heads * m.c.head_dim, h, p.wv, v, p.bv);
    if (p.gate) product(n, m.c.dim, m.c.heads, h, p.gate, gates, p.gate_bias);
    if (p.output_gate) product(n, m.c.dim, m.c.heads * m.c.head_dim, h, p.output_gate, output_gate);
  }
  void output(std::int64_t l, std::int64_t n, const T* o, T* y) override {
    product(n, m.c.heads * m.c.head_dim, m.c.dim, o, m.tensors(l).wo, y);
  }
  void gate_and_up(std::int64_t l, std::int64_t n, const T* h, T* gate, T* up) override {
    product(n, m.c.dim, m.c.hidden, h, m.tensors(l).w1, gate), product(n, m.c.dim, m.c.hidden, h, m.tensors(l).w3, up);
  }
  void down(std::int64_t l, std::int64_t n, const T* x, T* y) override {
    product(n, m.c.hidden, m.c.dim, x, m.tensors(l).w2, y);
  }
  void logits(std::int64_t n, const T* h, A* y) override { product(n, m.c.dim, m.c.vocab, h, m.matrix(m.output_name()), y); }
  std::int64_t bytes() const override {
    return m.layout.size() * std::int64_t{sizeof(A) + (std::is_same_v<A, T> ? 0 : sizeof(T))};
  }
  const transformer<B, T>* whole() const override { return &m; }

 private:
  template <class Y>
  void product(std::int64_t n, std::int64_t in, std::int64_t out, const T* x, const T* w, Y* y, const A* bias = nullptr) {
    layer::linear_forward(m.b, n, in, out, x, w, bias, y);
  }
  transformer<B, T>& m;
  std::vector<layer_tensors> tensors_;
};

}  // namespace supra::model
