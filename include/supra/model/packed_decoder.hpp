// A model's weights in fewer bits, for generation (layer/packed_matrix.hpp): all matrices are packed, the embedding table too,
// and a tied one is kept once. Norms, biases and what the linear attention learned for each head stay float.
// SUPRA's linear map is folded into the projection before it, M (W x + b) + m = (M W) x + (M b + m): a matrix less to read,
// unless that would be larger than both; the maps after it are matrices of their own. Where rows are turned between the two
// (rope_before), or softmax sees them too (a window), all maps stay, as float, and are the backend's products, whose bits may
// depend on the number of rows. None of the values given is kept.
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
    auto inner = c;  // the maps are done before: rows come in mapped
    if (maps_here()) inner.attention.map = map_kind::none;
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
    const auto &maps_q = t.q.maps, &maps_k = t.own_maps_of_k ? t.k.maps : maps_q;
    float* const to_q = maps_q.empty() ? q : between_maps(between_q_[0], n);
    float* const to_k = maps_k.empty() ? k : between_maps(between_k_[0], n);
    layer::packed_forward(this->b, n, h, {t.q.w.view(), to_q, t.q.bias}, {t.k.w.view(), to_k, t.k.bias},
                          {t.v.w.view(), v, t.v.bias});
    apply(maps_q, n, between_q_, q), apply(maps_k, n, between_k_, k);
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
  struct learned_map {
    std::vector<matrix> w;  // one, or one for each head
    const float* bias;
    bool relu_before;
  };
  struct projection {
    matrix w;
    const float* bias;
    std::vector<learned_map> maps;  // after it, those that are not folded in
  };
  struct layer_weights {
    layer_tensors small;
    projection q, k, v;
    bool own_maps_of_k;
    matrix o, gate, up, down, decay_gate, output_gate;
    const float* decay_gate_bias;
  };
  struct host_projection {  // the first map folded in
    std::vector<float> w, bias;
  };

  // Whether maps are done with the projections; the attention does them where the rows before them are wanted too.
  bool maps_here() const { return !turns_before(this->c.attention) && !is_hybrid(this->c); }
  const layer_weights& at(std::int64_t l) const { return layers_[static_cast<std::size_t>(l)]; }
  layer_weights take(const source& from, std::int64_t l) {
    const auto name = [&](const char* rest) { return layer_name(l, rest); };
    const auto small = [&](const char* rest) { return keep(from, name(rest)); };
    const auto maps = [&](char of) {
      layer::map_tensors<const float> all;
      for (std::size_t i = 0; !maps_here() && i < all.size(); ++i) {
        const std::string map = layer_name(l, map_name(of, static_cast<std::int64_t>(i)));
        all[i] = {keep(from, map + ".weight"), keep(from, map + ".bias")};
      }
      return all;
    };
    layer_weights t;
    t.small = {
        small("input_layernorm.weight"),
        small("post_attention_layernorm.weight"),
        small("self_attn.branch_mix"),
        {maps('q'), maps('k'), small("self_attn.q_norm.weight"), small("self_attn.k_norm.weight"),
         small("self_attn.feature_q"), small("self_attn.feature_k"), small("self_attn.normalizer"), small("self_attn.decay")}};
    t.own_maps_of_k = from.layout.has(name("self_attn.map_k.weight"));
    t.q = project(from, l, 'q', 'q', true), t.v = project(from, l, 'v', 'v', false);
    t.k = project(from, l, 'k', t.own_maps_of_k ? 'k' : 'q', t.own_maps_of_k);
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

  // A projection and the maps of q or k after it, where there are any; `rest`: those that are not folded in, too.
  projection project(const source& from, std::int64_t l, char which, char maps, bool rest) {
    const std::string name = layer_name(l, std::string("self_attn.") + which + "_proj");
    const auto& shape = from.layout.at(name + ".weight").shape;
    const float *w = from.data(name + ".weight"), *bias = from.data(name + ".bias");
    host_projection p{{w, w + shape[0] * shape[1]}, {}};
    if (bias) p.bias.assign(bias, bias + shape[0]);
    std::vector<std::string> names;
    for (std::int64_t i = 0; maps_here() && from.layout.has(layer_name(l, map_name(maps, i) + ".weight")); ++i)
      names.push_back(layer_name(l, map_name(maps, i)));
    std::size_t i = 0;
    if (!names.empty() && folding_saves(from, names[0], shape)) p = fold(p, shape[1], from, names[i++]);
    const auto rows = static_cast<std::int64_t>(p.w.size()) / shape[1];
    projection made{pack(name + ".weight", rows, shape[1], p.w.data(), kind), p.bias.empty() ? nullptr : keep(p.bias), {}};
    for (; rest && i < names.size(); ++i) made.maps.push_back(take_map(from, names[i], i > 0));
    return made;
  }
  static bool folding_saves(const source& from, const std::string& map, const std::vector<std::int64_t>& projection) {
    return from.layout.at(map + ".bias").size * projection[1] <=
           projection[0] * projection[1] + from.layout.at(map + ".weight").size;
  }
  // A map is dense (out, in), or (heads, out, in): one for each head's own rows.
  struct map_shape {
    std::int64_t heads, out, in;
    explicit map_shape(const std::vector<std::int64_t>& s)
        : heads(s.size() == 3 ? s[0] : 1), out(s[s.size() - 2]), in(s.back()) {}
  };
  host_projection fold(const host_projection& p, std::int64_t cols, const source& from, const std::string& map) {
    const map_shape s(from.layout.at(map + ".weight").shape);
    const float* const given = from.data(map + ".weight");
    const auto w = upload(p.w), m = upload(std::vector<float>(given, given + s.heads * s.out * s.in));
    const auto bias = upload(p.bias.empty() ? std::vector<float>(static_cast<std::size_t>(s.heads * s.in)) : p.bias);
    auto product = this->b.template allocate<float>(s.heads * s.out * cols),
         moved = this->b.template allocate<float>(s.heads * s.out);
    const auto multiply = [&](std::int64_t h, std::int64_t n, const float* x, float* y) {
      this->b.gemm(op::plain, op::plain, s.out, n, s.in, 1.0f, m.data() + h * s.out * s.in, s.in, x + h * s.in * n, n, 0.0f,
                   y + h * s.out * n, n);
    };
    for (std::int64_t h = 0; h < s.heads; ++h)
      multiply(h, cols, w.data(), product.data()), multiply(h, 1, bias.data(), moved.data());
    host_projection folded{download(product), download(moved)};
    for (std::size_t i = 0; i < folded.bias.size(); ++i) folded.bias[i] += from.data(map + ".bias")[i];
    return folded;
  }
  learned_map take_map(const source& from, const std::string& map, bool relu_before) {
    const map_shape s(from.layout.at(map + ".weight").shape);
    learned_map made{{}, keep(from, map + ".bias"), relu_before};
    for (std::int64_t h = 0; h < s.heads; ++h)
      made.w.push_back(pack(map + ".weight", s.out, s.in, from.data(map + ".weight") + h * s.out * s.in, kind));
    return made;
  }
  // Of the n rows in between[0], the last map's to y.
  void apply(const std::vector<learned_map>& maps, std::int64_t n, std::array<buffer_of<float>, 2>& between, float* y) {
    for (std::size_t i = 0; i < maps.size(); ++i) {
      const auto& m = maps[i];
      const auto heads = static_cast<std::int64_t>(m.w.size());
      const std::int64_t in = m.w[0].view().cols, out = m.w[0].view().rows;
      float *const from = between[i % 2].data(), *const to = i + 1 == maps.size() ? y : between_maps(between[(i + 1) % 2], n);
      if (m.relu_before) for_rows(this->b, n, layer::relu_rows<float>{from, nullptr, static_cast<int>(heads * in)});
      for (std::int64_t h = 0; h < heads; ++h)
        layer::packed_forward_strided(this->b, n, from + h * in, heads * in,
                                      {m.w[static_cast<std::size_t>(h)].view(), to + h * out, m.bias + h * out, heads * out});
    }
  }
  float* between_maps(buffer_of<float>& r, std::int64_t n) {
    return room(this->b, r, n * this->c.heads * std::max(this->c.head_dim, mapped_width(this->c)));
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
  std::array<buffer_of<float>, 2> between_q_, between_k_;  // rows between two maps
  std::optional<layer::linear_attention_layer<B, float>> attention_;
};

}  // namespace supra::model
