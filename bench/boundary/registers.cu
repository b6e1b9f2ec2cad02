// The stages, unchanged, over rows held in registers: hedgehog or relu, rope, group norm, and their gradients. Compile for
// sm_90a and look at what ptxas says: no stack, no spills, no local memory means that slots cost nothing.
#include "supra/core/types.hpp"
#include "supra/cuda/register_lanes.hpp"
#include "supra/feature/hedgehog.hpp"
#include "supra/feature/relu.hpp"
#include "supra/normalizer/group_norm.hpp"
#include "supra/position/rope.hpp"

namespace {
constexpr int lanes_a_row = 8, width = 128;

template <int N>
__device__ void load(const supra::bf16* from, int lane, supra::cuda::register_row<float, lanes_a_row, N>& to) {
#pragma unroll
  for (int r = 0; r < N / lanes_a_row; ++r)
    to.data[r] = float(from[(r / supra::cuda::piece * lanes_a_row + lane) * supra::cuda::piece + r % supra::cuda::piece]);
}
template <int N>
__device__ void store(const supra::cuda::register_row<float, lanes_a_row, N>& from, int lane, supra::bf16* to) {
#pragma unroll
  for (int r = 0; r < N / lanes_a_row; ++r)
    to[(r / supra::cuda::piece * lanes_a_row + lane) * supra::cuda::piece + r % supra::cuda::piece] = supra::bf16(from.data[r]);
}

template <class Feature>
__global__ void map_rows(Feature feature, supra::rope position, const double* table, const supra::bf16* x,
                         const supra::bf16* dy, supra::bf16* y, supra::bf16* dx, int rows) {
  constexpr int mapped = Feature::out_dim(width);
  const int row = (blockIdx.x * blockDim.x + threadIdx.x) / lanes_a_row, lane = threadIdx.x % lanes_a_row;
  if (row >= rows) return;
  using namespace supra::cuda;
  const register_lanes<lanes_a_row, mapped / lanes_a_row> lanes{lane};
  const supra::place<float> at{row, 0, false, nullptr, table};
  register_row<float, lanes_a_row, width> in, back;
  register_row<float, lanes_a_row, mapped> out, angles, d;
  load(x + static_cast<long long>(row) * width, lane, in);
  feature.forward(lanes, at, row_view<const float, lanes_a_row, width>{&in}, row_view<float, lanes_a_row, mapped>{&out});
  position.prepare(lanes, at, row_view<float, lanes_a_row, mapped>{&angles});
  position.forward(lanes, at, row_view<const float, lanes_a_row, mapped>{&angles}, row_view<float, lanes_a_row, mapped>{&out});
  supra::group_norm norm;
  norm.forward(lanes, at, row_view<const float, lanes_a_row, mapped>{&out}, 0.0f, row_view<float, lanes_a_row, mapped>{&out});
  store(out, lane, y + static_cast<long long>(row) * mapped);
  load(dy + static_cast<long long>(row) * mapped, lane, d);
  position.vjp(lanes, at, row_view<const float, lanes_a_row, mapped>{&angles}, row_view<float, lanes_a_row, mapped>{&d});
  feature.vjp(lanes, at, row_view<const float, lanes_a_row, width>{&in}, row_view<const float, lanes_a_row, mapped>{&d},
              row_view<float, lanes_a_row, width>{&back});
  store(back, lane, dx + static_cast<long long>(row) * width);
}
template __global__ void map_rows(supra::elementwise<supra::relu>, supra::rope, const double*, const supra::bf16*,
                                  const supra::bf16*, supra::bf16*, supra::bf16*, int);
template __global__ void map_rows(supra::hedgehog, supra::rope, const double*, const supra::bf16*, const supra::bf16*,
                                  supra::bf16*, supra::bf16*, int);
}  // namespace
