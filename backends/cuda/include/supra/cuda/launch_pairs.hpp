// Attention over all pairs of tokens (layer/softmax_attention.hpp) on a stream, by warpgroups: bf16 rows of heads of 16 to 256
// features, a multiple of 16.
#pragma once

#include "supra/cuda/launch_walk.hpp"
#include "supra/cuda/pairs.hpp"

namespace supra::cuda {

// Rows of (sequences, tokens, heads, d), `apart` rows of tokens from one sequence to the next. False where the copy engine does
// not take them.
inline bool describe(tensor_map& to, const bf16* rows, std::int64_t sequences, std::int64_t tokens, std::int64_t apart,
                     int heads, int d) {
  const auto encode = tensor_map_encoder();
  const auto n = [](auto x) { return static_cast<cuuint64_t>(x); };
  const cuuint64_t token = n(heads) * n(d) * sizeof(bf16);
  const cuuint64_t extent[] = {n(d), n(heads), n(tokens), n(sequences)},
                   stride[] = {n(d) * sizeof(bf16), token, n(apart) * token};
  const cuuint32_t box[] = {panel_columns, 1, 64, 1}, each[] = {1, 1, 1, 1};
  return encode && encode(reinterpret_cast<CUtensorMap*>(&to), CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 4, const_cast<bf16*>(rows),
                          extent, stride, box, each, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                          CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

template <class Shape>
void launch_pairs_as(cudaStream_t stream, std::int64_t sequences, pairs_call call, const tensor_map& q, const tensor_map& k,
                     const tensor_map& v, const tensor_map& d_o) {
  const bool keys = Shape::owns_keys;
  call.own[0] = keys ? k : q, call.own[1] = keys ? v : d_o;
  call.other[0] = keys ? q : k, call.other[1] = keys ? d_o : v;
  call.tiles = (call.length + 64 * Shape::groups - 1) / (64 * Shape::groups);
  const std::int64_t blocks = sequences * (keys ? call.kv_heads : call.heads) * call.tiles;
  if (blocks > std::numeric_limits<int>::max())
    throw std::invalid_argument("CUDA: attention over " + std::to_string(sequences) + " sequences of " +
                                std::to_string(call.length) + " tokens is more than a launch takes");
  const auto run = pairs_kernel<Shape>;
  allow_shared_memory(run, Shape::shared_bytes);
  run<<<static_cast<unsigned>(blocks), Shape::threads, Shape::shared_bytes, stream>>>(call);
  must(cudaGetLastError(), "launch of attention");
}

template <int Panels, class K, class Far>
void launch_pairs_of(cudaStream_t stream, std::int64_t sequences, const K& kernel, pairs_call call, const tensor_map& q,
                     const tensor_map& k, const tensor_map& v, Far far) {
  tensor_map d_o{};
  const auto make = [&]<pair_role Role> { launch_pairs_as<pair_shape<Role, Panels>>(stream, sequences, call, q, k, v, d_o); };
  if constexpr (requires { kernel.d_o; }) {
    must(describe(d_o, kernel.d_o, sequences, call.length, call.length, call.heads, call.d) ? cudaSuccess
                                                                                            : cudaErrorInvalidValue,
         "rows for the copy engine");
    call.padded = (call.length + 63) / 64 * 64;
    const std::int64_t rows = sequences * call.padded * call.heads;
    auto* const sums = reinterpret_cast<row_sums*>(far(static_cast<std::size_t>(rows) * sizeof(row_sums)));
    row_sums_kernel<><<<static_cast<unsigned>((rows + 7) / 8), 256, 0, stream>>>(
        kernel.o, kernel.d_o, kernel.call.lse, sums, rows, call.padded, call.length, call.heads, call.d);
    must(cudaGetLastError(), "launch of attention");
    call.sums = sums, call.dq = kernel.dq, call.dk = kernel.dk, call.dv = kernel.dv;
    make.template operator()<pair_role::queries>();
    if constexpr (Panels <= 2) {
      make.template operator()<pair_role::keys_and_values>();
    } else {
      make.template operator()<pair_role::keys>(), make.template operator()<pair_role::values>();
    }
  } else {
    call.o = kernel.o, call.lse = kernel.call.lse;
    make.template operator()<pair_role::output>();
  }
}

// The kernel of softmax_attention.hpp, forward or backward, for so many sequences. False where its shape is another.
template <class K, class Far>
bool launch_pairs(cudaStream_t stream, std::int64_t sequences, const K& kernel, Far far) {
  const auto& c = kernel.call;
  const std::int64_t keys = c.before + c.length, apart = c.key_rows > 0 ? c.key_rows : c.length;
  const auto aligned = [](auto*... p) { return (... && (reinterpret_cast<std::uintptr_t>(p) % 16 == 0)); };
  if (c.d % 16 != 0 || c.d > 256 || keys >= unseen - 256 || sequences > std::numeric_limits<int>::max() ||
      !aligned(c.q, c.k, c.v) || most_shared_memory() < 227 << 10)  // - 256: a block's rows after the last are counted, too
    return false;
  if constexpr (requires { kernel.d_o; }) {
    if (!aligned(kernel.o, kernel.d_o, kernel.dq, kernel.dk, kernel.dv)) return false;
  } else if (!aligned(kernel.o)) {
    return false;
  }
  if (sequences <= 0 || c.length <= 0) return true;
  pairs_call call{};
  call.length = static_cast<int>(c.length), call.before = static_cast<int>(c.before);
  call.window = c.window > 0 && c.window < keys ? static_cast<int>(c.window) : unseen;
  call.heads = c.heads, call.kv_heads = c.kv_heads, call.d = c.d, call.scale = c.scale();
  tensor_map q, k, v;
  if (!describe(q, c.q, sequences, c.length, c.length, c.heads, c.d) ||
      !describe(k, c.k, sequences, keys, apart, c.kv_heads, c.d) || !describe(v, c.v, sequences, keys, apart, c.kv_heads, c.d))
    return false;
  switch ((c.d + 63) / 64) {
    case 1:
      launch_pairs_of<1>(stream, sequences, kernel, call, q, k, v, far);
      break;
    case 2:
      launch_pairs_of<2>(stream, sequences, kernel, call, q, k, v, far);
      break;
    case 3:
      launch_pairs_of<3>(stream, sequences, kernel, call, q, k, v, far);
      break;
    default:
      launch_pairs_of<4>(stream, sequences, kernel, call, q, k, v, far);
  }
  return true;
}

}  // namespace supra::cuda
