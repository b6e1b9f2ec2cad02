// A linear attention composed of four stages, run forward and backward on the Eigen backend.
#include <cstdio>
#include <vector>

#include "supra/eigen/backend.hpp"
#include "supra/supra.hpp"

int main() {
  // [layer]
  using mine = supra::linear_attention<supra::hedgehog, supra::rope, supra::retnet_decay, supra::sum_norm>;
  supra::eigen_backend backend;
  supra::attention<mine, supra::eigen_backend, float> layer;
  const int T = 100, H = 4, G = 2, d = 32, e = 32;  // tokens, query heads, key heads, widths of q and k, of v
  std::vector<float> q(T * H * d, 0.1f), k(T * G * d, 0.2f), v(T * G * e, 0.3f), o(T * H * e), saved(T * H);
  const supra::attention_shape shape{T, H, G, d, e};
  const supra::sequences one{1, T};  // one sequence of T tokens
  const supra::attention_inputs<float> in{supra::dense<const float>(q.data(), H, d), supra::dense<const float>(k.data(), G, d),
                                          supra::dense<const float>(v.data(), G, e)};
  layer.forward(backend, shape, one, in, {supra::dense(o.data(), H, e), saved.data()});
  // [layer]

  std::vector<float> d_o(o.size(), 1.0f), dq(q.size()), dk(k.size()), dv(v.size());
  supra::attention_gradients<float> grad;
  grad.o = supra::dense<const float>(o.data(), H, e), grad.d_o = supra::dense<const float>(d_o.data(), H, e),
  grad.saved = saved.data();
  grad.dq = supra::dense(dq.data(), H, d), grad.dk = supra::dense(dk.data(), G, d), grad.dv = supra::dense(dv.data(), G, e);
  layer.backward(backend, shape, one, in, grad);

  const auto w = layer.widths(d, e);
  std::printf("o[last] = %.4f (weights sum to one: %.4f expected), a state of %d x %d floats per head\n", o.back(), 0.3,
              w.features, w.state_columns);
  return o.back() > 0.29f && o.back() < 0.31f ? 0 : 1;
}
