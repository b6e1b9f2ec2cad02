// Llama and Mistral, teacher (softmax attention) and student (linear attention), forward and backward by hand:
//   x = embedding; for each layer: x += attention(norm(x)), x += W2 (silu(W1 h) * W3 h) with h = norm(x); logits = norm(x)
//   Wout^T.
// Parameters and gradients are flat arrays of A = accumulator_t<T> laid out by parameter_layout, in the backend's memory. Where
// activations are stored narrower (T bf16), matrices are read from a copy rounded to T; norms' gains, biases and the
// attention's own numbers never are. Tokens: (count, length).
#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "supra/layer/distillation.hpp"
#include "supra/layer/embedding.hpp"
#include "supra/layer/swiglu.hpp"
#include "supra/model/attention_half.hpp"

namespace supra::model {

template <class T>
struct copy_and_add {
  const T *x, *y;
  T* to;
  int width;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    using A = accumulator_t<T>;
    each_of(lanes, width, [](A& sum, A u, A v) { sum = u + v; }, to + r * width, x + r * width, y + r * width);
  }
};
template <class T>
struct zero_rows {
  T* x;
  int width;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    each_of(lanes, width, [](accumulator_t<T>& y) { y = 0; }, x + r * width);
  }
};

template <class B, class T>
class transformer {
 public:
  using A = accumulator_t<T>;
  template <class P>
  using buffer_of = decltype(std::declval<B&>().template allocate<P>(0));
  using buffer = buffer_of<T>;
  using attention_type = attention_half<B, T>;
  using student_layer = typename attention_type::linear_layer;

  transformer(B& backend, const config& given, const attention_registry<B, T>& registry)
      : b(backend), c(checked(given)), layout(c), attention(backend, c, registry) {
    parameters = b.template allocate<A>(layout.size());
    if (!in_place) rounded_ = b.template allocate<T>(layout.size());
    places_ = tensors_of_layers<const T, const A>(layout, c.layers, matrices(), parameters.data());
  }

  void load(const std::vector<A>& values) { set(values.data(), 0, layout.size()); }
  // One tensor.
  void load(const std::string& name, const std::vector<A>& values) {
    const auto& t = layout.at(name);
    if (static_cast<std::int64_t>(values.size()) != t.size)
      throw std::invalid_argument("transformer: " + name + " has " + std::to_string(t.size) + " numbers, " +
                                  std::to_string(values.size()) + " were given");
    set(values.data(), t.offset, t.size);
  }
  std::vector<A> values() const {
    std::vector<A> v(static_cast<std::size_t>(layout.size()));
    b.download(static_cast<const A*>(parameters.data()), v.data(), layout.size());
    return v;
  }
  // One tensor's.
  std::vector<A> values(const std::string& name) const {
    const auto& t = layout.at(name);
    std::vector<A> v(static_cast<std::size_t>(t.size));
    b.download(static_cast<const A*>(parameters.data()) + t.offset, v.data(), t.size);
    return v;
  }
  const A* at(const std::string& name) const { return parameters.data() + layout.at(name).offset; }
  const T* matrix(const std::string& name) const { return matrices() + layout.at(name).offset; }
  // Where the rounded copy lies, for whoever changes the parameters; null where they are read as they are.
  T* rounded() const { return rounded_.data(); }

  // What changes from step to step lies in the backend's memory before anything that reads it is launched: `count` sequences of
  // `length` tokens; and after them, for losses, their targets (count, length; below 0: not predicted), for gradients with the
  // tokens of each id.
  void upload(const std::vector<std::int32_t>& ids, std::int64_t count, std::int64_t length) {
    check_tokens(ids, count * length, 0);
    prepare(count, length), host_ids_ = ids, normed_ = targeted_ = false;
    b.upload(ids.data(), ids_.data(), n()), uploaded_ = true;
  }
  void upload_targets(const std::vector<std::int32_t>& targets, bool for_gradients = true) {
    check_uploaded();
    check_tokens(targets, n(), std::numeric_limits<std::int32_t>::min());
    b.upload(targets.data(), room(b, targets_, n()), n());
    placed_ = for_gradients && !forward_only_;
    if (placed_) places_of_ids_.upload(b, host_ids_);
    targeted_ = true;
  }

  // Runs on what was uploaded; activations stay for the backward pass, which uses them up. Like the losses below it is launched
  // and not waited for, and is the same launches for as many sequences as long: what repeats is launched so (backend.hpp).
  void forward() {
    embed();
    normalize(stream(0).data(), tensors(0).norm1, kept(0).stat1);
    for (std::int64_t l = 0; l < c.layers; ++l) {
      attend(l), add_and_normalize(2 * l, tensors(l).norm2, kept(l).stat2), feed(l);
      if (l + 1 < c.layers) add_and_normalize(2 * l + 1, tensors(l + 1).norm1, kept(l + 1).stat1);
    }
    add_and_normalize(2 * c.layers - 1, at("model.norm.weight"), final_stat_);
    normed_ = true;
  }
  void forward(const std::vector<std::int32_t>& ids, std::int64_t count, std::int64_t length) {
    upload(ids, count, length), forward();
  }

  // After forward: the sum of cross-entropies of the targets. With gradients, adds those of the mean over so many predictions
  // (0: as the targets have) plus z-loss to `gradients` (layout.size()). Waits.
  double loss(const std::vector<std::int32_t>& targets, double z = 0, A* gradients = nullptr, std::int64_t predictions = 0,
              std::vector<double>* each = nullptr) {
    upload_targets(targets, gradients != nullptr);
    if (predictions == 0) predictions = std::count_if(targets.begin(), targets.end(), [](auto x) { return x >= 0; });
    return launch_loss(z, gradients, predictions).sum(b, each);
  }
  // The same, of the targets uploaded.
  layer::token_losses<B, T> launch_loss(double z, A* gradients, std::int64_t predictions) {
    A* dw = start_backward(gradients);
    auto losses = layer::launch_cross_entropy<B, T>(b, n(), c.dim, c.vocab, h_.data(), matrix(output_name()), targets_.data(),
                                                    predictions, z, gradients ? h_.data() : nullptr, dw);
    if (gradients) backward(gradients);
    return losses;
  }
  // The same beside a teacher of the same vocabulary, whose forward has just seen the same tokens.
  layer::distillation_losses<B, T> launch_distillation(transformer& teacher, const layer::distillation_weights& weights,
                                                       A* gradients, std::int64_t predictions) {
    if (teacher.c.vocab != c.vocab || teacher.n() != n())
      throw std::invalid_argument("distillation: the teacher has " + std::to_string(teacher.c.vocab) + " words and saw " +
                                  std::to_string(teacher.n()) + " tokens, the student " + std::to_string(c.vocab) + " and " +
                                  std::to_string(n()) + "; both must be as many");
    teacher.check_normed();
    A* dw = start_backward(gradients);
    auto losses = layer::launch_distillation<B, T>(b, n(), c.vocab, c.dim, h_.data(), matrix(output_name()), teacher.c.dim,
                                                   teacher.h_.data(), teacher.matrix(teacher.output_name()), targets_.data(),
                                                   predictions, weights, gradients ? h_.data() : nullptr, dw);
    if (gradients) backward(gradients);
    return losses;
  }

  // Logits (count, length, vocab) after forward; for tests and short texts.
  std::vector<A> logits() {
    check_normed();
    auto y = b.template allocate<A>(n() * c.vocab);
    layer::linear_forward(b, n(), c.dim, c.vocab, h_.data(), matrix(output_name()), nullptr, y.data());
    std::vector<A> host(static_cast<std::size_t>(n() * c.vocab));
    b.download(static_cast<const A*>(y.data()), host.data(), n() * c.vocab);
    return host;
  }

  void check_keeps() const {
    if (forward_only_) throw std::logic_error("transformer: gradients need activations, which are not kept");
  }
  void check_uploaded() const {
    if (!uploaded_)
      throw std::logic_error("transformer: forward and losses are of tokens that were uploaded; upload them first");
  }
  void check_normed() const {
    if (!normed_)
      throw std::logic_error(
          "transformer: what forward left is used up, by gradients or by an attention run alone; call forward first");
  }
  void check_targeted() const {
    if (!targeted_) throw std::logic_error("transformer: a loss needs targets of the tokens uploaded last; upload them first");
  }
  void check_placed() const {
    if (!placed_)
      throw std::logic_error("transformer: the targets were uploaded for a loss alone; for gradients upload them for those");
  }

  // Pieces that generation and the output fit use.
  using place = typename attention_type::tensors;
  const place& tensors(std::int64_t l) const { return places_[static_cast<std::size_t>(l)]; }
  std::string output_name() const { return c.tied ? "model.embed_tokens.weight" : "lm_head.weight"; }
  std::int64_t n() const { return count_ * length_; }
  std::int64_t count() const { return count_; }
  std::int64_t length() const { return length_; }
  int dim() const { return static_cast<int>(c.dim); }
  const T* layer_input(std::int64_t l) const { return stream(2 * l).data(); }
  // What Wo multiplies (n, heads d), where run_attention(l) has just been.
  const T* heads_output(std::int64_t l) const { return attention.gated(kept(l).attention); }
  const T* attention_output() const { return scratch_.data(); }  // after Wo, where run_attention has just been
  const T* attention_input() const { return h_.data(); }         // likewise
  const double* turns() const { return attention.turns(); }

  // forward, piece by piece: embed, then each layer's two halves in turn. Between a layer's halves attention_output() is its
  // attention's.
  void embed() {
    check_uploaded(), normed_ = false;
    for_rows(b, n(), layer::embedding_forward<T>{ids_.data(), matrix("model.embed_tokens.weight"), stream(0).data(), dim()});
  }
  void attention_forward(std::int64_t l) {
    run_attention(l, stream(2 * l).data());
    add_to(stream(2 * l), stream(2 * l + 1));
  }
  void feed_forward(std::int64_t l) {
    normalize(stream(2 * l + 1).data(), tensors(l).norm2, kept(l).stat2), feed(l);
    add_to(stream(2 * l + 1), stream(2 * l + 2));
  }

  // Attention of layer l on the stream x (n, dim) given, as forward does it: h = norm(x), heads (gated), and y = heads Wo^T in
  // attention_output().
  void run_attention(std::int64_t l, const T* x) {
    normed_ = false;
    normalize(x, tensors(l).norm1, kept(l).stat1), attend(l);
  }
  // After run_attention(l, x), once: dy (n, dim) is the gradient of its attention_output(); those of layer l's projections,
  // maps and other numbers of the attention are added to `gradients` (layout.size()). None for the norm before, none for x.
  void attention_backward(std::int64_t l, const T* dy, A* gradients) {
    check_keeps();
    attention.backward(tensors(l), tensors_of_layer(layout, l, gradients, gradients), kept(l).attention, h_.data(), dy,
                       nullptr);
  }
  // The states (count, H, F, E) after layer l's last token, where forward or run_attention has just been there; linear
  // attention only.
  std::vector<A> final_state(std::int64_t l) {
    return attention.final_state(tensors(l), kept(l).attention);
  }
  // For a teacher: layers take turns in the memory of one. No gradients then, and what a layer left is there until the next
  // one.
  void keep_no_activations() { forward_only_ = true, prepared_ = uploaded_ = false; }
  void prepare(std::int64_t count, std::int64_t length) {
    if (count * length == 0) throw std::invalid_argument("the transformer was given no tokens");
    if (count == count_ && length == length_ && prepared_) return;
    count_ = count, length_ = length, prepared_ = normed_ = uploaded_ = targeted_ = false;
    auto room = [&](std::int64_t width) { return b.template allocate<T>(n() * width); };
    x_.clear(), saved_.clear();
    for (buffer* x : {&h_, &act_, &scratch_, &dx_}) *x = {};
    attention.prepare(count, length, !forward_only_);
    ids_ = b.template allocate<std::int32_t>(n());
    for (std::int64_t i = 0; i <= 2 * (forward_only_ ? 1 : c.layers); ++i) x_.push_back(room(c.dim));
    for (std::int64_t l = 0; l < (forward_only_ ? 1 : c.layers); ++l) {
      saved s;
      s.attention = attention.allocate();
      s.gate = room(c.hidden), s.up = room(c.hidden);
      s.stat1 = b.template allocate<A>(2 * n()), s.stat2 = b.template allocate<A>(2 * n());
      saved_.push_back(std::move(s));
    }
    h_ = room(c.dim), act_ = room(c.hidden), scratch_ = room(c.dim);
    final_stat_ = b.template allocate<A>(2 * n());
    if (!forward_only_) dx_ = room(c.dim);
    prepared_ = true;
  }

  B& b;
  const config c;
  const parameter_layout layout;
  buffer_of<A> parameters;
  attention_type attention;

 private:
  struct saved {
    typename attention_type::saved attention;
    buffer gate, up;
    buffer_of<A> stat1, stat2;
  };
  static const config& checked(const config& c) { return check(c), c; }
  // least: what a token must not be below; targets may be negative, which predicts nothing.
  void check_tokens(const std::vector<std::int32_t>& tokens, std::int64_t wanted, std::int32_t least) const {
    if (static_cast<std::int64_t>(tokens.size()) != wanted)
      throw std::invalid_argument("transformer: " + std::to_string(wanted) + " tokens expected, " +
                                  std::to_string(tokens.size()) + " given");
    for (auto t : tokens)
      if (t < least || t >= c.vocab)
        throw std::invalid_argument("token " + std::to_string(t) + " is outside the model's vocabulary of " +
                                    std::to_string(c.vocab));
  }
  static constexpr bool in_place = std::is_same_v<T, A>;  // matrices are read where the parameters are
  const T* matrices() const {
    if constexpr (in_place)
      return parameters.data();
    else
      return rounded_.data();
  }
  void set(const A* values, std::int64_t first, std::int64_t n) {
    b.upload(values, parameters.data() + first, n);
    constexpr int width = 16;  // offsets are multiples of it
    if constexpr (!in_place)
      for_rows(b, (n + width - 1) / width,
               layer::convert_rows<A, T>{parameters.data() + first, rounded_.data() + first, width});
  }
  // The residual stream before (2 l) and in the middle of (2 l + 1) layer l; what layer l keeps.
  const buffer& stream(std::int64_t i) const { return x_[static_cast<std::size_t>(forward_only_ ? i % 3 : i)]; }
  buffer& stream(std::int64_t i) { return x_[static_cast<std::size_t>(forward_only_ ? i % 3 : i)]; }
  const saved& kept(std::int64_t l) const { return saved_[static_cast<std::size_t>(forward_only_ ? 0 : l)]; }
  saved& kept(std::int64_t l) { return saved_[static_cast<std::size_t>(forward_only_ ? 0 : l)]; }

  // h_ (of the last norm, too), and what an activation function makes of a feed-forward layer (act_), are not kept for each
  // layer: the backward pass makes them again, which costs less than memory of their size. Gradients take the place of what
  // they are of, or of what is not wanted any more.
  void normalize(const T* x, const A* gain, buffer_of<A>& stat) {
    layer::norm_forward(b, n(), dim(), c.norm, c.norm_eps, x, gain, h_.data(), stat.data());
  }
  // The two halves of layer l, h_ -> scratch_.
  void attend(std::int64_t l) { attention.forward(tensors(l), kept(l).attention, h_.data(), scratch_.data()); }
  void feed(std::int64_t l) {
    auto& s = kept(l);
    const auto& p = tensors(l);
    layer::linear_forward(b, n(), c.dim, c.hidden, h_.data(), p.w1, nullptr, s.gate.data());
    layer::linear_forward(b, n(), c.dim, c.hidden, h_.data(), p.w3, nullptr, s.up.data());
    for_rows(b, n(), layer::swiglu_forward<T>{s.gate.data(), s.up.data(), act_.data(), static_cast<int>(c.hidden)});
    layer::linear_forward(b, n(), c.hidden, c.dim, act_.data(), p.w2, nullptr, scratch_.data());
  }
  // Stream i and scratch_ -> stream i + 1, and its norm -> h_.
  void add_and_normalize(std::int64_t i, const A* gain, buffer_of<A>& stat) {
    layer::add_and_norm(b, n(), dim(), c.norm, c.norm_eps, static_cast<const T*>(stream(i).data()),
                        static_cast<const T*>(scratch_.data()), stream(i + 1).data(), gain, h_.data(), stat.data());
  }
  void add_to(const buffer& x, buffer& y) { for_rows(b, n(), copy_and_add<T>{x.data(), scratch_.data(), y.data(), dim()}); }

  // The output matrix's place in the gradients; what forward left will be used up.
  A* start_backward(A* gradients) {
    check_normed(), check_targeted();
    if (gradients) check_keeps(), check_placed(), normed_ = false;
    return gradients ? gradients + layout.at(output_name()).offset : nullptr;
  }
  // h_ holds the gradient of the final norm's output.
  void backward(A* g) {
    const auto d = tensors_of_layers(layout, c.layers, g, g);
    auto of = [&](const char* name) { return g + layout.at(name).offset; };
    for_rows(b, n(), zero_rows<T>{dx_.data(), dim()});
    layer::norm_backward(b, n(), dim(), c.norm, stream(2 * c.layers).data(), at("model.norm.weight"), h_.data(),
                         final_stat_.data(), dx_.data(), of("model.norm.weight"));
    for (std::int64_t l = c.layers - 1; l >= 0; --l) {
      const auto& of_l = d[static_cast<std::size_t>(l)];
      feed_back(l, of_l), attention_back(l, of_l);
    }
    layer::embedding_gradient(b, places_of_ids_, ids_.data(), static_cast<const T*>(dx_.data()), dim(),
                              of("model.embed_tokens.weight"));
  }
  using layer_gradients = typename attention_type::gradients;
  void feed_back(std::int64_t l, const layer_gradients& d) {
    auto& s = kept(l);
    const auto& p = tensors(l);
    normalize(stream(2 * l + 1).data(), p.norm2, s.stat2);
    layer::linear_backward(b, n(), c.hidden, c.dim, static_cast<const T*>(nullptr), p.w2, dx_.data(), act_.data(), false,
                           nullptr, nullptr);
    T *const gate = s.gate.data(), *const up = s.up.data(), *const act = act_.data(), *const dh = scratch_.data();
    for_rows(b, n(), layer::swiglu_backward<T>{gate, up, act, gate, up, act, static_cast<int>(c.hidden)});
    layer::linear_backward(b, n(), c.hidden, c.dim, act, p.w2, dx_.data(), static_cast<T*>(nullptr), false, d.w2, nullptr);
    layer::linear_backward(b, n(), c.dim, c.hidden, h_.data(), p.w1, gate, dh, false, d.w1, nullptr);
    layer::linear_backward(b, n(), c.dim, c.hidden, h_.data(), p.w3, up, dh, true, d.w3, nullptr);
    layer::norm_backward(b, n(), dim(), c.norm, stream(2 * l + 1).data(), p.norm2, scratch_.data(), s.stat2.data(), dx_.data(),
                         d.norm2);
  }
  void attention_back(std::int64_t l, const layer_gradients& d) {
    auto& s = kept(l);
    const auto& p = tensors(l);
    const T* const x = stream(2 * l).data();
    normalize(x, p.norm1, s.stat1);
    attention.backward(p, d, s.attention, h_.data(), dx_.data(), scratch_.data());
    layer::norm_backward(b, n(), dim(), c.norm, x, p.norm1, scratch_.data(), s.stat1.data(), dx_.data(), d.norm1);
  }

  std::int64_t count_ = 0, length_ = 0;
  bool forward_only_ = false;
  bool prepared_ = false, normed_ = false;  // there is memory for all of them; h_ is the final norm, of forward
  bool uploaded_ = false, targeted_ = false, placed_ = false;  // ids, their targets, the tokens of each id for gradients
  std::vector<std::int32_t> host_ids_;
  layer::token_places<B> places_of_ids_;
  buffer_of<std::int32_t> ids_, targets_;
  buffer rounded_;
  std::vector<place> places_;
  std::vector<buffer> x_;  // the residual stream before and after each half of a layer
  std::vector<saved> saved_;
  buffer h_, act_, scratch_, dx_;
  buffer_of<A> final_stat_;
};

}  // namespace supra::model
