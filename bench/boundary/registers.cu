// The stages, unchanged, over rows held in registers: hedgehog or relu, rope, group norm, and their gradients. Compile for
// sm_90a and look at what ptxas says: no stack, no spills, no local memory means that slots cost nothing.
#include "supra/core/types.hpp"
#include "supra/cuda/register_lanes.hpp"
#include "supra/feature/hedgehog.hpp"
#include "supra/feature/relu.hpp"
#include "supra/normalizer/group_norm.hpp"
#include "supra/position/rope.hpp"

namespace {
constexpr int lanes_a_row = 8, head = 128;

template <class Feature>
__global__ void map_rows(Feature feature, supra::rope position, const double* table, const supra::bf16* x,
                         const supra::bf16* dy, supra::bf16* y, supra::bf16* dx, int rows) {
  constexpr int mapped = Feature::out_dim(head);
  const int row = (blockIdx.x * blockDim.x + threadIdx.x) / lanes_a_row, lane = threadIdx.x % lanes_a_row;
  if (row >= rows) return;
  using supra::bf16, supra::memory_row, supra::width;
  const supra::cuda::register_lanes<lanes_a_row, 8, head, mapped> lanes{lane, 0xffu << (threadIdx.x % 32 / 8 * 8)};
  const supra::place<float> at{row, 0, false, nullptr, table};
  auto in = supra::hold<width::head>(lanes, memory_row<const bf16, float>{x + row * head, head});
  auto out = supra::hold<width::mapped>(lanes, memory_row<bf16, float>{y + row * mapped, mapped});
  auto angles = supra::hold<width::mapped>(lanes, memory_row<float, float>{nullptr, mapped});
  auto d = supra::hold<width::mapped>(lanes, memory_row<const bf16, float>{dy + row * mapped, mapped});
  auto back = supra::hold<width::head>(lanes, memory_row<bf16, float>{dx + row * head, head});
  in.load(), d.load();
  feature.forward(lanes, at, in.view(), out.view());
  position.prepare(lanes, at, angles.view());
  position.forward(lanes, at, angles.view(), out.view());
  supra::group_norm norm;
  norm.forward(lanes, at, out.view(), 0.0f, out.view());
  out.store();
  position.vjp(lanes, at, angles.view(), d.view());
  feature.vjp(lanes, at, in.view(), d.view(), back.view());
  back.store();
}
template __global__ void map_rows(supra::elementwise<supra::relu>, supra::rope, const double*, const supra::bf16*,
                                  const supra::bf16*, supra::bf16*, supra::bf16*, int);
template __global__ void map_rows(supra::hedgehog, supra::rope, const double*, const supra::bf16*, const supra::bf16*,
                                  supra::bf16*, supra::bf16*, int);
}  // namespace
