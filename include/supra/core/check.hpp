// What a call is refused for: std::invalid_argument with a sentence.
#pragma once

#include <stdexcept>
#include <string>

#include "supra/core/attention.hpp"
#include "supra/core/backend.hpp"
#include "supra/core/concepts.hpp"

namespace supra {

// Shapes that fit nothing.
inline void check(const attention_shape& s, const sequences& q) {
  const auto fail = [](const std::string& what) { throw std::invalid_argument("linear attention: " + what); };
  const auto number = [](std::int64_t n) { return std::to_string(n); };
  if (s.tokens < 0 || s.heads <= 0 || s.kv_heads <= 0 || s.d <= 0 || s.e <= 0)
    fail("tokens must not be negative, heads, kv_heads, d and e must be positive; found tokens " + number(s.tokens) +
         ", heads " + number(s.heads) + ", kv_heads " + number(s.kv_heads) + ", d " + number(s.d) + ", e " + number(s.e));
  if (s.heads % s.kv_heads != 0)
    fail("heads (" + number(s.heads) + ") must be a multiple of kv_heads (" + number(s.kv_heads) + ")");
  if (s.chunk <= 0) fail("the chunk length must be at least 1, found " + number(s.chunk));
  if (q.count < 0 || q.length < 0 || (q.begin == nullptr) != (q.end == nullptr))
    fail("sequences need a count, and either a length or both begin and end");
  if (!q.begin && q.count * q.length > s.tokens)
    fail(number(q.count) + " sequences of " + number(q.length) + " tokens do not fit into " + number(s.tokens) + " tokens");
}

// Arrays that the composition needs and was not given.
template <class Composition, class T>
void check_given(const attention_shape& s, const attention_inputs<T>& in) {
  auto need = [&](bool ok, const char* what) {
    if (!ok && s.tokens > 0) throw std::invalid_argument(std::string("linear attention: inputs.") + what);
  };
  using normalizer = typename Composition::normalizer_stage;
  need(in.q.data && in.k.data && in.v.data, "q, k and v must be given");
  need(Composition::decay_stage::kind == decay_kind::constant || in.decay,
       "decay must be given: the decay schedule is learned or per token");
  need(parameters_of<typename Composition::feature_map>(s.d) == 0 || (in.feature_q && in.feature_k),
       "feature_q and feature_k must be given: the feature map has learned numbers");
  need(parameters_of<normalizer>(s.e) == 0 || in.normalizer, "normalizer must be given: the normalizer has learned numbers");
}
template <class T>
void check_given(const attention_shape& s, const attention_gradients<T>& g) {
  if (s.tokens > 0 && !(g.o.data && g.d_o.data && g.saved && g.dq.data && g.dk.data && g.dv.data))
    throw std::invalid_argument(
        "linear attention: gradients need o, d_o, saved (the forward's outputs.saved), dq, dk and dv; one of them is not "
        "given");
}

// How wide rows are and how many numbers a head owns, as stages say it. The host counts scratch and arrays with these, kernels
// lay them out: on a device it is other code that answers.
struct stage_widths {
  int features = 0, feature_parameters = 0, normalizer_parameters = 0;
};
template <class Composition>
SUPRA_FN stage_widths widths_of(int d, int e) {
  using feature = typename Composition::feature_map;
  return {feature::out_dim(d), parameters_of<feature>(d), e > 0 ? parameters_of<typename Composition::normalizer_stage>(e) : 0};
}
template <class Composition>
struct width_probe {
  int d, e;
  stage_widths* to;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t) const {
    lanes.once([&, this] { *to = widths_of<Composition>(d, e); });
  }
};

// Widths that make no sense, and widths that the backend's kernels see otherwise than the host: one row is launched to ask.
template <class Composition, class B>
void probe_widths(B& b, int d, int e) {
  auto need = [](const std::string& what, int width, int host, int least, int kernel) {
    const std::string said = "linear attention: " + what + "(" + std::to_string(width) + ") is " + std::to_string(host);
    if (host < least) throw std::invalid_argument(said + "; it must be at least " + std::to_string(least));
    if (host != kernel)
      throw std::invalid_argument(said + " on the host and " + std::to_string(kernel) + " in the backend's kernels; it must " +
                                  "depend on its argument alone, and be the same wherever it is compiled");
  };
  auto compare = [&](const stage_widths& host, const stage_widths& kernel) {
    need("the feature map's out_dim", d, host.features, 1, kernel.features);
    need("the feature map's parameters", d, host.feature_parameters, 0, kernel.feature_parameters);
    need("the normalizer's parameters", e, host.normalizer_parameters, 0, kernel.normalizer_parameters);
  };
  const stage_widths host = widths_of<Composition>(d, e);
  compare(host, host);
  stage_widths kernel;
  auto there = b.template allocate<stage_widths>(1);
  for_rows(b, 1, width_probe<Composition>{d, e, there.data()});
  b.download(static_cast<const stage_widths*>(there.data()), &kernel, 1);
  compare(host, kernel);
}

}  // namespace supra
