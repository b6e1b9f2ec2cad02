// A model's weights in fewer bits, for generation (layer/packed_matrix.hpp): all matrices are packed, the embedding table too,
// and a tied one is kept once. Norms, biases and what the linear attention learned for each head stay float.
// SUPRA's linear map is folded into the projection before it, M (W x + b) + m = (M W) x + (M b + m): a matrix less to read.
// Where rows are turned between the two (rope_before) it stays, as float.
// None of the values given is kept.
#pragma once

#include "supra/layer/packed_product.hpp"
#include "supra/model/fingerprint.hpp"

namespace supra::model {

template <class B>
class packed_decoder final : public decoder<B, float> {
 public:
  using typename decoder<B, float>::layer_tensors;
  using weight_kind = layer::weight_kind;

  packed_decoder(B& backend, const config& c, const attention_registry<B, float>& registry, const std::vector<float>& values,
                 weight_kind kind)
      : decoder<B, float>(backend, c), kind(kind) {
    check(c);
    const source from{parameter_layout(c), values};
    this->identity = fingerprint(c, values);
    embedding_ = pack(from, "model.embed_tokens.weight");
    if (!c.tied) head_ = pack(from, "lm_head.weight");
    norm_ = keep(from, "model.norm.weight");
    turns_ = upload(layer::rotary_turns(c)), this->turns = turns_.data();
    for (std::int64_t l = 0; l < c.layers; ++l) layers_.push_back(take(from, l));
    if (!c.linear) return;
    auto inner = c;
    if (folds()) inner.attention.map = map_kind::none;  // it is in the projections
    check_widths(c, attention_.emplace(inner, registry).w);
    this->attention = &*attention_;
  }

  const layer_tensors& tensors(std::int64_t l) const override { return at(l).small; }
  const float* final_norm() const override { return norm_; }
  std::int64_t bytes() const override { return bytes_; }
  void embed(std::int64_t n, const std::int32_t* ids, float* x) override {
    for_rows(this->b, n, layer::packed_embedding{ids, embedding_.view(), x});
  }
  void heads(std::int64_t l, std::int64_t n, const float* h, float* q, float* k, float* v, float* gates,
             float* output_gate) override {
    const auto& t = at(l);
    layer::packed_forward(this->b, n, h, {t.q.view(), q, t.bq}, {t.k.view(), k, t.bk}, {t.v.view(), v, t.bv});
    if (t.decay_gate.view().rows > 0) layer::packed_forward(this->b, n, h, {t.decay_gate.view(), gates, t.decay_gate_bias});
    if (t.output_gate.view().rows > 0) layer::packed_forward(this->b, n, h, {t.output_gate.view(), output_gate});
  }
  void output(std::int64_t l, std::int64_t n, const float* o, float* y) override {
    layer::packed_forward(this->b, n, o, {at(l).o.view(), y});
  }
  void gate_and_up(std::int64_t l, std::int64_t n, const float* h, float* gate, float* up) override {
    layer::packed_forward(this->b, n, h, {at(l).gate.view(), gate}, {at(l).up.view(), up});
  }
  void down(std::int64_t l, std::int64_t n, const float* x, float* y) override {
    layer::packed_forward(this->b, n, x, {at(l).down.view(), y});
  }
  void logits(std::int64_t n, const float* h, float* y) override {
    layer::packed_forward(this->b, n, h, {(this->c.tied ? embedding_ : head_).view(), y});
  }

  const weight_kind kind;

 private:
  template <class P>
  using buffer_of = decltype(std::declval<B&>().template allocate<P>(0));
  using matrix = layer::packed_matrix<B>;
  struct source {
    parameter_layout layout;
    const std::vector<float>& values;
    const float* data(const std::string& name) const {
      return layout.has(name) ? values.data() + layout.at(name).offset : nullptr;
    }
  };
  struct layer_weights {
    layer_tensors small;
    matrix q, k, v, o, gate, up, down, decay_gate, output_gate;
    const float *bq, *bk, *bv, *decay_gate_bias;
  };
  struct projection {  // host: a matrix and its bias, the map folded in
    std::vector<float> w, bias;
  };

  bool folds() const { return !turns_before(this->c.attention); }
  const layer_weights& at(std::int64_t l) const { return layers_[static_cast<std::size_t>(l)]; }
  layer_weights take(const source& from, std::int64_t l) {
    const auto name = [&](const char* rest) { return layer_name(l, rest); };
    const auto small = [&](const char* rest) { return keep(from, name(rest)); };
    const auto map = [&](const char* rest) { return folds() ? nullptr : small(rest); };
    layer_weights t;
    t.small = {
        small("input_layernorm.weight"),
        small("post_attention_layernorm.weight"),
        {map("self_attn.map_q.weight"), map("self_attn.map_q.bias"), map("self_attn.map_k.weight"), map("self_attn.map_k.bias"),
         small("self_attn.q_norm.weight"), small("self_attn.k_norm.weight"), small("self_attn.feature_q"),
         small("self_attn.feature_k"), small("self_attn.normalizer"), small("self_attn.decay")}};
    const bool shared = from.layout.has(name("self_attn.map_q.weight")) && !from.layout.has(name("self_attn.map_k.weight"));
    std::tie(t.q, t.bq) = project(from, name("self_attn.q_proj"), name("self_attn.map_q"));
    std::tie(t.k, t.bk) = project(from, name("self_attn.k_proj"), name(shared ? "self_attn.map_q" : "self_attn.map_k"));
    std::tie(t.v, t.bv) = project(from, name("self_attn.v_proj"), "");
    t.o = pack(from, name("self_attn.o_proj.weight")), t.gate = pack(from, name("mlp.gate_proj.weight"));
    t.up = pack(from, name("mlp.up_proj.weight")), t.down = pack(from, name("mlp.down_proj.weight"));
    if (from.layout.has(name("self_attn.decay_gate.weight")))
      t.decay_gate = pack(from, name("self_attn.decay_gate.weight"), weight_kind::f32);
    t.decay_gate_bias = small("self_attn.decay_gate.bias");
    if (from.layout.has(name("self_attn.output_gate.weight")))
      t.output_gate = pack(from, name("self_attn.output_gate.weight"));
    return t;
  }

  matrix pack(const std::string& name, std::int64_t rows, std::int64_t cols, const float* values, weight_kind as) {
    matrix m(this->b, as, rows, cols, values, name);
    bytes_ += m.bytes();
    return m;
  }
  matrix pack(const source& from, const std::string& name, weight_kind as) {
    const auto& shape = from.layout.at(name).shape;
    return pack(name, shape[0], shape[1], from.data(name), as);
  }
  matrix pack(const source& from, const std::string& name) { return pack(from, name, kind); }
  template <class P>
  buffer_of<P> upload(const std::vector<P>& values) {
    auto to = this->b.template allocate<P>(static_cast<std::int64_t>(values.size()));
    this->b.upload(values.data(), to.data(), to.size()), this->b.fence();
    return to;
  }
  const float* keep(const std::vector<float>& values) {
    small_.push_back(upload(values)), bytes_ += 4 * small_.back().size();
    return small_.back().data();
  }
  const float* keep(const source& from, const std::string& name) {
    const float* data = from.data(name);
    return data ? keep(std::vector<float>(data, data + from.layout.at(name).size)) : nullptr;
  }

  // A projection, after it the map of that name where there is one.
  std::pair<matrix, const float*> project(const source& from, const std::string& name, const std::string& map) {
    const auto& shape = from.layout.at(name + ".weight").shape;
    const float *w = from.data(name + ".weight"), *bias = from.data(name + ".bias");
    projection p{{w, w + shape[0] * shape[1]}, {}};
    if (bias) p.bias.assign(bias, bias + shape[0]);
    if (folds() && from.layout.has(map + ".weight")) p = fold(p, shape[1], from, map);
    return {pack(name + ".weight", shape[0], shape[1], p.w.data(), kind), p.bias.empty() ? nullptr : keep(p.bias)};
  }
  // The map is dense (out, out), or (heads, d, d): one for each head's own rows.
  projection fold(const projection& p, std::int64_t cols, const source& from, const std::string& map) {
    const auto& shape = from.layout.at(map + ".weight").shape;
    const std::int64_t d = shape.back(), heads = shape.size() == 3 ? shape[0] : 1, rows = heads * d;
    const auto w = upload(p.w),
               m = upload(std::vector<float>(from.data(map + ".weight"), from.data(map + ".weight") + rows * d));
    const auto bias = upload(p.bias.empty() ? std::vector<float>(static_cast<std::size_t>(rows)) : p.bias);
    auto product = upload(std::vector<float>(p.w.size())), moved = upload(std::vector<float>(static_cast<std::size_t>(rows)));
    const auto multiply = [&](std::int64_t h, std::int64_t n, const float* x, float* y) {
      this->b.gemm(op::plain, op::plain, d, n, d, 1.0f, m.data() + h * d * d, d, x + h * d * n, n, 0.0f, y + h * d * n, n);
    };
    for (std::int64_t h = 0; h < heads; ++h)
      multiply(h, cols, w.data(), product.data()), multiply(h, 1, bias.data(), moved.data());
    projection folded{download(product), download(moved)};
    for (std::int64_t i = 0; i < rows; ++i) folded.bias[static_cast<std::size_t>(i)] += from.data(map + ".bias")[i];
    return folded;
  }
  std::vector<float> download(const buffer_of<float>& from) {
    std::vector<float> host(static_cast<std::size_t>(from.size()));
    this->b.fence(), this->b.download(static_cast<const float*>(from.data()), host.data(), from.size());
    return host;
  }

  std::int64_t bytes_ = 0;
  matrix embedding_, head_;
  const float* norm_ = nullptr;
  buffer_of<double> turns_;
  std::vector<buffer_of<float>> small_;
  std::vector<layer_weights> layers_;
  std::optional<layer::linear_attention_layer<B, float>> attention_;
};

}  // namespace supra::model
