// The attention through views: tensors in memory with gaps, which nothing may touch, give the bits of dense ones.
#pragma once

#include <cstring>
#include <random>
#include <vector>

#include "supra/supra.hpp"
#include "test.hpp"

namespace supra_test {

struct strides {
  std::int64_t token, head;
};
inline strides dense_strides(const supra::tensor_shape& t) { return {t.heads * t.width, t.width}; }
inline strides odd_strides(const supra::tensor_shape& t) { return {t.heads * (t.width + 2) + 3, t.width + 2}; }
inline strides flat_strides(const supra::tensor_shape& t) { return {t.heads * t.width + 3, t.width}; }
inline strides head_by_head(const supra::tensor_shape& t) { return {t.width + 1, t.tokens * (t.width + 1) + 5}; }
using layout = strides (*)(const supra::tensor_shape&);

// A tensor in the backend's memory: some elements before it, its rows at their strides, gaps and rows NaN at first.
template <class B>
class spread {
 public:
  spread(B& b, const supra::tensor_shape& t, layout at, std::uint64_t seed = 0)
      : b_(b), t_(t), at_(at(t)), before_(static_cast<std::size_t>(lead + t.tokens * at_.token + t.heads * at_.head), nan()) {
    std::mt19937_64 g(seed);
    std::normal_distribution<float> normal;
    if (seed > 0)
      for (std::size_t i : indices()) before_[i] = normal(g);
    memory_ = b.template allocate<float>(size());
    b.upload(before_.data(), memory_.data(), size());
  }
  template <class T, class Make>
  supra::strided<T> view(const Make& make) {
    return make(static_cast<T*>(memory_.data() + lead), t_, at_);
  }
  // The rows, dense; whatever lies between them has the bits that it had.
  std::vector<float> rows() {
    std::vector<float> after(before_.size()), r;
    b_.download(static_cast<const float*>(memory_.data()), after.data(), size());
    for (std::size_t i : indices()) r.push_back(after[i]), after[i] = before_[i];
    BOOST_TEST((std::memcmp(after.data(), before_.data(), after.size() * sizeof(float)) == 0), t_.name << ": a gap is written");
    return r;
  }

 private:
  static constexpr std::int64_t lead = 7;
  static float nan() { return std::numeric_limits<float>::quiet_NaN(); }
  std::int64_t size() const { return static_cast<std::int64_t>(before_.size()); }
  std::vector<std::size_t> indices() const {
    std::vector<std::size_t> r;
    for (std::int64_t t = 0; t < t_.tokens; ++t)
      for (std::int64_t h = 0; h < t_.heads; ++h)
        for (std::int64_t i = 0; i < t_.width; ++i)
          r.push_back(static_cast<std::size_t>(lead + t * at_.token + h * at_.head + i));
    return r;
  }
  B& b_;
  supra::tensor_shape t_;
  strides at_;
  std::vector<float> before_;
  decltype(std::declval<B&>().template allocate<float>(0)) memory_;
};

// Outputs, gradients and one step of tensors in this layout; make(pointer, tensor, strides) is the view.
template <class B, class Make>
std::vector<std::vector<float>> through(B& b, layout at, const Make& make) {
  using namespace supra;
  using mine = linear_attention<hedgehog, rope, retnet_decay, sum_norm>;
  const attention_shape shape{37, 4, 2, 6, 5, 16};
  attention<mine, B, float> layer;
  spread<B> q(b, queries(shape), at, 1), k(b, keys(shape), at, 2), v(b, values(shape), at, 3), d_o(b, outputs(shape), at, 4);
  spread<B> o(b, outputs(shape), at), dq(b, queries(shape), at), dk(b, keys(shape), at), dv(b, values(shape), at),
      step(b, outputs(shape), at);
  auto saved = b.template allocate<float>(shape.tokens * shape.heads);
  const auto w = layer.widths(shape.d, shape.e);
  auto state = b.template allocate<float>(shape.tokens * shape.heads * w.features * w.state_columns);

  attention_inputs<float> in;
  in.q = q.template view<const float>(make), in.k = k.template view<const float>(make),
  in.v = v.template view<float>(make);  // not const: may be read too
  layer.forward(b, shape, {1, shape.tokens}, in, {o.template view<float>(make), saved.data()});
  attention_gradients<float> g;
  g.o = o.template view<const float>(make), g.d_o = d_o.template view<const float>(make), g.saved = saved.data();
  g.dq = dq.template view<float>(make), g.dk = dk.template view<float>(make), g.dv = dv.template view<float>(make);
  layer.backward(b, shape, {1, shape.tokens}, in, g);
  layer.step(b, shape, shape.tokens, nullptr, in, state.data(), step.template view<float>(make));
  b.fence();
  q.rows(), k.rows(), v.rows(), d_o.rows();
  return {o.rows(), dq.rows(), dk.rows(), dv.rows(), step.rows()};
}

template <class B, class Make>
void same_bits_as_dense(B& b, layout at, const Make& make) {
  const auto plain = [](auto* data, const supra::tensor_shape& t, strides) { return supra::dense(data, t.heads, t.width); };
  const auto wanted = through(b, dense_strides, plain), found = through(b, at, make);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    for (float x : wanted[i]) BOOST_REQUIRE(x == x);
    BOOST_TEST((found[i] == wanted[i]), "array " << i << " differs from that of dense tensors");
  }
}

template <class F>
void refused(F f, const std::vector<std::string>& parts) {
  BOOST_CHECK_EXCEPTION(f(), std::invalid_argument, [&](const std::exception& e) {
    const std::string said = e.what();
    for (auto& part : parts) BOOST_TEST(said.find(part) != said.npos, "no \"" << part << "\" in: " << said);
    return true;
  });
}

}  // namespace supra_test
