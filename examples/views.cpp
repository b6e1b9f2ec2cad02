// An attention on memory that is already there: queries, keys and values as parts of one projection, without a copy.
#include <cstdio>
#include <vector>

#include "supra/eigen/backend.hpp"
// [include]
#include "supra/eigen/view.hpp"
// [include]
#include "supra/supra.hpp"

int main() {
  using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using mine = supra::linear_attention<supra::hedgehog, supra::rope, supra::retnet_decay, supra::sum_norm>;
  supra::eigen_backend backend;
  supra::attention<mine, supra::eigen_backend, float> layer;
  const int T = 100, H = 4, G = 2, d = 32;  // tokens, query heads, key heads, widths of q, k and v
  const supra::attention_shape shape{T, H, G, d, d};
  std::vector<float> memory(T * (H + 2 * G) * d, 0.3f);
  matrix o(T, H * d);

  // [views]
  Eigen::Map<const matrix> packed(memory.data(), T, (H + 2 * G) * d);  // (tokens, queries then keys then values)
  supra::attention_inputs<float> in;
  in.q = supra::view_of(packed.leftCols(H * d), supra::queries(shape));
  in.k = supra::view_of(packed.middleCols(H * d, G * d), supra::keys(shape));
  in.v = supra::view_of(memory.data() + (H + G) * d, (H + 2 * G) * d, d, supra::values(shape));  // strides: of tokens, of heads
  layer.forward(backend, shape, {1, T}, in, {supra::view_of(o, supra::outputs(shape))});
  // [views]

  std::printf("o[last] = %.4f (weights sum to one: %.4f expected)\n", o(T - 1, H * d - 1), 0.3);
  return o.minCoeff() > 0.29f && o.maxCoeff() < 0.31f ? 0 : 1;
}
