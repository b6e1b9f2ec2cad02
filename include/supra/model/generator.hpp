// One token after another. The memory of the text so far is a state: for a student (layers, H, F, E) numbers whatever the length, for
// a teacher the keys and values of all tokens (or of the last `sliding_window`). A state can be copied, saved and restored.
#pragma once

#include <filesystem>

#include "supra/io/safetensors.hpp"
#include "supra/io/safetensors_out.hpp"
#include "supra/model/transformer.hpp"

namespace supra::model {

template <class T> struct text_state {
  std::int64_t position = 0;                          // tokens seen
  std::int32_t pending = -1;                          // a token that was chosen, but not seen yet; -1: none
  std::vector<std::vector<T>> layers;                 // student: the state; teacher: keys, then values, a token each row
  std::int64_t bytes() const {
    std::int64_t n = 0;
    for (auto& l : layers) n += static_cast<std::int64_t>(l.size() * sizeof(T));
    return n;
  }
};

template <class B, class T> class generator {
 public:
  using A = accumulator_t<T>;
  static_assert(std::is_same_v<T, A>, "supra: generation computes in float or double");
  explicit generator(transformer<B, T>& model) : m(model), b(model.b), c(model.c) { reset(); }

  void reset() {
    state = {};
    state.layers.resize(static_cast<std::size_t>(c.layers * (c.linear ? 1 : 2)));
    if (c.linear)
      for (auto& l : state.layers) l.assign(static_cast<std::size_t>(c.heads * m.attention->w.features * m.attention->w.state_columns), T(0));
  }
  // Takes one token, gives the logits (vocab) of the next.
  const std::vector<T>& step(std::int32_t token) {
    if (token < 0 || token >= c.vocab) throw std::invalid_argument("token " + std::to_string(token) + " is not in the vocabulary of " + std::to_string(c.vocab));
    m.prepare(1, 1);
    m.step(token, state.position, [&](std::int64_t l, const T* q, const T* k, const T* v, const A* gates, T* o) { attend(l, q, k, v, gates, o); });
    logits_ = m.logits();
    ++state.position;
    return logits_;
  }

  void save(const std::filesystem::path& path) const {
    std::vector<io::tensor_out> tensors;
    for (std::size_t i = 0; i < state.layers.size(); ++i)
      tensors.push_back({"state." + std::to_string(i), sizeof(T) == 8 ? io::dtype::f64 : io::dtype::f32, {static_cast<std::int64_t>(state.layers[i].size())},
                         std::as_bytes(std::span<const T>(state.layers[i]))});
    io::write_safetensors(path, tensors, {{"position", std::to_string(state.position)}, {"pending", std::to_string(state.pending)}, {"model", identity()}}, io::existing::overwrite);
  }
  void restore(const std::filesystem::path& path) {
    const io::safetensors_file f(path);
    const auto& meta = f.metadata();
    io::need(meta.count("position") && meta.count("pending") && meta.count("model"), path.string(), ": is not a saved state of a text; it comes from generate --save-state");
    io::need(meta.at("model") == identity(), path.string(), ": the state is of another model (", meta.at("model"), "), this one is ", identity());
    text_state<T> s;
    s.position = std::stoll(meta.at("position")), s.pending = std::stoi(meta.at("pending"));
    for (std::size_t i = 0; i < state.layers.size(); ++i) s.layers.push_back(f.read<T>("state." + std::to_string(i)));
    const auto row = static_cast<std::size_t>(c.kv_heads * c.head_dim);
    for (std::size_t i = 0; i < s.layers.size(); ++i)
      io::need(c.linear ? s.layers[i].size() == state.layers[i].size() : s.layers[i].size() % row == 0, path.string(), ": layer ", i, "'s state has ", s.layers[i].size(), " numbers, which is not this model's");
    state = std::move(s);
  }

  text_state<T> state;                                // copy it to come back to it

 private:
  // Shapes, stages and a hash of the weights: a state is of no use to any other model.
  std::string identity() const {
    std::uint64_t h = 1469598103934665603u;           // FNV-1a
    for (T x : m.values()) {
      const float y = static_cast<float>(x);
      h = (h ^ std::bit_cast<std::uint32_t>(y)) * 1099511628211u;
    }
    return (c.linear ? composition_name(c.attention) : "softmax") + " " + std::to_string(c.layers) + "x" + std::to_string(c.dim) + " " + std::to_string(h);
  }
  void attend(std::int64_t l, const T* q, const T* k, const T* v, const A* gates, T* o) {
    if (c.linear) {
      auto& s = state.layers[static_cast<std::size_t>(l)];
      auto on = b.template allocate<T>(static_cast<std::int64_t>(s.size()));
      auto position = b.template allocate<std::int64_t>(1);
      b.upload(s.data(), on.data(), on.size()), b.upload(&state.position, position.data(), 1);
      m.step_attention(l, position.data(), q, k, v, gates, on.data(), o);
      b.fence(), b.download(static_cast<const T*>(on.data()), s.data(), on.size());
      return;
    }
    auto &keys = state.layers[static_cast<std::size_t>(2 * l)], &values = state.layers[static_cast<std::size_t>(2 * l + 1)];
    const std::int64_t row = c.kv_heads * c.head_dim;
    append(keys, k, row), append(values, v, row);
    const std::int64_t n = static_cast<std::int64_t>(keys.size()) / row;
    auto kk = b.template allocate<T>(n * row), vv = b.template allocate<T>(n * row);
    b.upload(keys.data(), kk.data(), n * row), b.upload(values.data(), vv.data(), n * row);
    const std::size_t scratch = static_cast<std::size_t>(n) * sizeof(A) + 64;
    b.launch(c.heads, scratch, one_query{q, kk.data(), vv.data(), o, n, static_cast<int>(c.heads), static_cast<int>(c.kv_heads), static_cast<int>(c.head_dim)});
    b.fence();
  }
  void append(std::vector<T>& to, const T* x, std::int64_t row) {
    if (c.sliding_window > 0 && static_cast<std::int64_t>(to.size()) >= c.sliding_window * row) to.erase(to.begin(), to.begin() + row);
    const auto at = to.size();
    to.resize(at + static_cast<std::size_t>(row));
    b.fence(), b.download(x, to.data() + at, row);
  }
  // softmax(q K^T d^-1/2) V for one token; one team a head.
  struct one_query {
    const T *q, *k, *v;
    T* o;
    std::int64_t n;
    int heads, kv_heads, d;
    template <class Team> SUPRA_FN void operator()(Team& team, std::int64_t h) const {
      A* const w = team.template scratch<A>(n);
      const std::int64_t g = h / (heads / kv_heads), stride = static_cast<std::int64_t>(kv_heads) * d;
      const A scale = A(1) / math::sqrt(A(d));
      team.rows(static_cast<int>(n), [&, this](auto lanes, int s) {
        const A x = scale * lanes.sum(d, [&](auto i) { return q[h * d + int(i)] * k[s * stride + g * d + int(i)]; });
        lanes.once([&] { w[s] = x; });
      });
      team.sync();
      team.rows(1, [&, this](auto lanes, int) {
        const int count = static_cast<int>(n);
        const A m = lanes.max(count, [&](auto i) { return w[int(i)]; });
        lanes.each(count, [&](auto i) { w[int(i)] = math::exp(w[int(i)] - m); });
        const A z = A(1) / lanes.sum(count, [&](auto i) { return w[int(i)]; });
        lanes.sync();
        lanes.each(d, [&](auto i) { o[h * d + int(i)] = A(0); });
        for (std::int64_t s = 0; s < n; ++s) lanes.each(d, [&](auto i) { o[h * d + int(i)] += z * w[s] * v[s * stride + g * d + int(i)]; });
      });
    }
  };

  transformer<B, T>& m;
  B& b;
  const config c;
  std::vector<T> logits_;
};

}  // namespace supra::model
