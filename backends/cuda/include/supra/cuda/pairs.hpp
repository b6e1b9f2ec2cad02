// Attention over all pairs of tokens (layer/softmax_attention.hpp) by warpgroups, bf16 rows and float sums (sm_90a). A
// warpgroup owns 64 rows, of queries or of keys, whose tiles stay in shared memory and whose sums stay in registers. Tiles of
// 64 rows of the other side come by the copy engine, one after another, for all warpgroups of a block:
//   S = own0 other0^T, P = exp(S - log of the row's sum);  dP = own1 other1^T, dS = P (dP - <dO, O>);
//   output, values: sums += P other1;  queries, keys: sums += dS other0.
// P and dS never leave the registers: the sums of one product are packed as the operand of the next.
#pragma once

#include "supra/cuda/warpgroup.hpp"

namespace supra::cuda {

// What is made. The first two own queries, the others keys; rows too wide for both sums of the third make them one by one.
enum class pair_role { output, queries, keys_and_values, keys, values };

// Of a row: the log of its sum in powers of two, and <dO, O>.
struct alignas(8) row_sums {
  float log, along;
};

struct pairs_call {
  tensor_map own[2], other[2];
  int length, before, window, heads, kv_heads, d,
      tiles;  // window: at most unseen; tiles: blocks' shares of a sequence and head
  float scale;
  std::int64_t padded;   // row_sums of a head and sequence
  const row_sums* sums;  // (sequences, heads, padded); without a token: {infinity, 0}
  float* lse;            // (sequences, length, heads) or null
  bf16* o;
  float *dq, *dk, *dv;
};

inline constexpr int unseen = 1 << 30;  // so far away is no token

// Panels: of 64 features.
template <pair_role Role, int Panels>
struct pair_shape {
  static constexpr pair_role role = Role;
  static constexpr bool owns_keys = Role != pair_role::output && Role != pair_role::queries;
  static constexpr bool by_weight =
      Role == pair_role::output || Role == pair_role::values || Role == pair_role::keys_and_values;
  static constexpr bool by_slope = Role == pair_role::queries || Role == pair_role::keys || Role == pair_role::keys_and_values;
  static constexpr int panels = Panels, width = 64 * Panels, rows = 64;
  static constexpr int tile = rows * width, tile_bytes = 2 * tile;  // numbers
  static constexpr int owned = by_slope ? 2 : 1, sums_bytes = owns_keys ? rows * static_cast<int>(sizeof(row_sums)) : 0;
  static constexpr int stage_bytes = 2 * tile_bytes + (sums_bytes > 0 ? tile_alignment : 0), most = 227 << 10;
  // Registers that a thread wants: sums, S, dP, P, dS, addresses. With 128 two blocks of two warpgroups run side by side, so
  // that one begins while the other ends; else one block of three, whose 168 the compiler fills without spills up to here, or
  // of two.
  static constexpr int registers = 32 * Panels * (by_weight + by_slope) + (by_slope ? 80 : 48) +
                                   (Role == pair_role::queries || Role == pair_role::values ? 16 : 35);
  static constexpr int blocks = registers <= 128 ? 2 : 1, wanted = registers > 128 && registers < 180 ? 3 : 2;
  static constexpr int fits(int groups) {
    return (most / blocks - 2 * tile_alignment - groups * owned * tile_bytes) / stage_bytes;
  }
  static constexpr int groups = fits(wanted) >= 2 ? wanted : 1;
  static constexpr int stages = fits(groups) < 4 ? fits(groups) : 4, lag = stages < 4 ? 1 : 2;
  // A tile's last products are waited for with the next one's first, where their operands have registers: elsewhere the
  // compiler would wait after every product (C7512).
  static constexpr bool runs_on = Panels == 2 && (Role == pair_role::output || Role == pair_role::keys_and_values);
  static_assert(!runs_on || lag > 1);
  static constexpr int threads = 128 * groups,
                       shared_bytes = 2 * tile_alignment + groups * owned * tile_bytes + stages * stage_bytes;
  static_assert(stages >= 2 && shared_bytes <= most);
};

// 64 rows of sums, in products of N columns.
template <int Panels>
struct pair_sums {
  static constexpr int n = Panels % 2 == 0 ? 128 : 64, parts = 64 * Panels / n;
  float x[parts][n / 2];
  SUPRA_INLINE void clear() {
#pragma unroll
    for (auto& part : x)
#pragma unroll
      for (float& y : part) y = 0;
  }
  // += w z, w in registers as a product leaves it; begun, not waited for.
  SUPRA_INLINE void add(const std::uint32_t (&w)[4][4], const placed* z) {
    const std::uint64_t from = across<64>(z, 0, 0);
#pragma unroll
    for (int t = 0; t < 4; ++t)
#pragma unroll
      for (int i = 0; i < parts; ++i)
        warpgroup_product<n>::b_across(x[i], w[t], across_from<64>(from, 16 * t, n * i), true);
  }
  // f(numbers of row g, numbers of row g + 8, column): two each.
  template <class F>
  SUPRA_INLINE void each(int lane, F f) {
#pragma unroll
    for (int i = 0; i < parts; ++i)
#pragma unroll
      for (int k = 0; k < n / 8; ++k) f(&x[i][4 * k], &x[i][4 * k + 2], n * i + 8 * k + lane % 4 * 2);
  }
};

// x (64 x 64) = a b^T over Width features, begun and not waited for.
template <int Width>
SUPRA_INLINE void pair_products(float (&x)[32], const placed* a, const placed* b) {
  const std::uint64_t from_a = along<64>(a, 0, 0), from_b = along<64>(b, 0, 0);
#pragma unroll
  for (int c = 0; c < Width; c += 16)
    warpgroup_product<64>::both_along(x, along_from<64>(from_a, c), along_from<64>(from_b, c), c > 0);
  end_of_products();
}
SUPRA_INLINE void pack_pairs(std::uint32_t (&to)[4][4], const float (&x)[32]) {
#pragma unroll
  for (int t = 0; t < 4; ++t)
#pragma unroll
    for (int i = 0; i < 4; ++i) to[t][i] = pack(x[8 * t + 2 * i], x[8 * t + 2 * i + 1]);
}

// A tile of the other side, and the stage that it comes to; odd: for the second, fourth, ... time.
struct pair_place {
  int head, tile, slot = 0;
  bool odd = false;
  template <int Stages>
  SUPRA_INLINE void next(int from, int to) {
    if (++tile == to) tile = from, ++head;
    if (++slot == Stages) slot = 0, odd = !odd;
  }
};

// One block's share: groups times 64 rows of one head and sequence. Blocks with the most tiles come first of their head.
template <class Shape>
struct pair_block {
  const pairs_call& call;
  int warp = 0, lane = 0, group = 0, head = 0, sequence = 0, first = 0, from = 0, to = 0;
  placed *own = nullptr, *ring = nullptr;
  std::uint64_t *full = nullptr, *empty = nullptr, *own_full = nullptr;
  static constexpr int rows = Shape::rows, of_block = rows * Shape::groups;

  // Tiles of the other side that rows r .. r + n - 1 of this side see.
  SUPRA_INLINE int first_tile(int r) const {
    if (Shape::owns_keys) return r / rows;
    const int t = call.before + r - call.window + 1;
    return t > 0 ? t / rows : 0;
  }
  SUPRA_INLINE int end_tile(int r, int n) const {
    if (r >= call.length) return 0;
    int end = call.length;  // of what is seen
    if (!Shape::owns_keys)
      end = call.before + (r + n < end ? r + n : end);
    else if (r + n - 1 + call.window < end)
      end = r + n - 1 + call.window;
    return (end + rows - 1) / rows;
  }
  SUPRA_INLINE placed* stage(int slot) const { return ring + slot * (Shape::stage_bytes / 2); }

  SUPRA_INLINE void bring_tile(const tensor_map* map, int token, int of_head, placed* at, std::uint64_t* arrivals) const {
#pragma unroll
    for (int p = 0; p < Shape::panels; ++p) bring_rows_of(map, sequence, token, of_head, at + p * rows * 64, arrivals, 64 * p);
  }
  SUPRA_INLINE void bring_stage(const pair_place& p) const {
    std::uint64_t* const at = full + p.slot;
    const int token = p.tile * rows, h = p.head;
    placed* const x = stage(p.slot);
    expect_arrivals(at, 2 * Shape::tile_bytes + Shape::sums_bytes);
    bring_tile(&call.other[0], token, h, x, at), bring_tile(&call.other[1], token, h, x + Shape::tile, at);
    if constexpr (Shape::owns_keys)
      bring_bytes(call.sums + (static_cast<std::int64_t>(sequence) * call.heads + h) * call.padded + token, Shape::sums_bytes,
                  x + 2 * Shape::tile, at);
  }
};

template <class Shape>
__global__ void __launch_bounds__(Shape::threads, Shape::blocks) pairs_kernel(const __grid_constant__ pairs_call call) {
  extern __shared__ __align__(tile_alignment) char pair_tiles[];
  constexpr int rows = Shape::rows;
  constexpr pair_role role = Shape::role;
  pair_block<Shape> me{call};
  me.warp = static_cast<int>(threadIdx.x) / 32 % 4, me.lane = static_cast<int>(threadIdx.x) % 32;
  me.group = of_first_lane(static_cast<int>(threadIdx.x) / 128);
  const int heads = Shape::owns_keys ? call.kv_heads : call.heads, share = static_cast<int>(blockIdx.x) % call.tiles;
  const int of_sequence = static_cast<int>(blockIdx.x) / call.tiles;
  me.head = of_sequence % heads, me.sequence = of_sequence / heads;
  me.first = (Shape::owns_keys ? share : call.tiles - 1 - share) * me.of_block;
  me.from = me.first_tile(me.first), me.to = me.end_tile(me.first, me.of_block);
  me.full = reinterpret_cast<std::uint64_t*>(pair_tiles), me.empty = me.full + Shape::stages,
  me.own_full = me.empty + Shape::stages;
  me.own = reinterpret_cast<placed*>(pair_tiles + tile_alignment);
  me.ring = me.own + Shape::groups * Shape::owned * Shape::tile;
  const int of_head = call.heads / call.kv_heads, all = (me.to - me.from) * (Shape::owns_keys ? of_head : 1);
  pair_place now{Shape::owns_keys ? me.head * of_head : me.head / of_head, me.from}, ahead = now;
  const bool brings = threadIdx.x == 0;
  if (brings) {
    for (int i = 0; i < Shape::stages; ++i) prepare_arrivals(me.full + i), prepare_arrivals(me.empty + i, 4 * Shape::groups);
    prepare_arrivals(me.own_full);
    expect_arrivals(me.own_full, Shape::groups * Shape::owned * Shape::tile_bytes);
    for (int g = 0; g < Shape::groups; ++g)
      for (int i = 0; i < Shape::owned; ++i)
        me.bring_tile(&call.own[i], me.first + rows * g, me.head, me.own + (g * Shape::owned + i) * Shape::tile, me.own_full);
    for (int n = 0; n < Shape::stages - Shape::lag && n < all; ++n)
      me.bring_stage(ahead), ahead.template next<Shape::stages>(me.from, me.to);
  }
  __syncthreads();

  const int first = me.first + rows * me.group, r = first + 16 * me.warp + me.lane / 4;  // this thread's rows: r, r + 8
  const int from = me.first_tile(first), to = me.end_tile(first, rows);
  const placed* const own = me.own + me.group * Shape::owned * Shape::tile;
  const float scale = call.scale * log2_e;
  pair_sums<Shape::by_weight ? Shape::panels : 1> weighted;
  pair_sums<Shape::by_slope ? Shape::panels : 1> sloped;
  if constexpr (Shape::by_weight) weighted.clear();
  if constexpr (Shape::by_slope) sloped.clear();
  float top[2] = {-infinity<float>, -infinity<float>}, sum[2] = {};
  row_sums own_sums[2] = {{infinity<float>, 0}, {infinity<float>, 0}};
  if constexpr (role == pair_role::queries) {
    const row_sums* const at = call.sums + (static_cast<std::int64_t>(me.sequence) * call.heads + me.head) * call.padded;
#pragma unroll
    for (int i = 0; i < 2; ++i)
      if (r + 8 * i < call.length) own_sums[i] = at[r + 8 * i];
  }
  wait_for_arrivals(me.own_full, false);

  int used = -1;  // the stage of what was not waited for
  const auto release = [&](int stage) {
    sync_warp();
    if (me.lane == 0 && stage >= 0) arrive(me.empty + stage);
  };
  for (int n = 0; n < all; ++n) {
    if (brings && n + Shape::stages - Shape::lag < all) {
      if (n >= Shape::lag) wait_for_arrivals(me.empty + ahead.slot, !ahead.odd);
      me.bring_stage(ahead), ahead.template next<Shape::stages>(me.from, me.to);
    }
    sync_warp();
    const int slot = of_first_lane(now.slot);
    wait_for_arrivals(me.full + slot, now.odd);
    const int j = now.tile, q = rows * j + me.lane % 4 * 2;  // this thread's columns: q, q + 1, q + 8, ...
    if (j >= from && j < to) {
      const placed *const other0 = me.stage(slot), *const other1 = other0 + Shape::tile;
      float s[32], dp[Shape::by_slope ? 32 : 1];
      begin_products();
      pair_products<Shape::width>(s, own, other0);
      if constexpr (Shape::by_slope) {
        pair_products<Shape::width>(dp, own + Shape::tile, other1);
        wait_for_products<1>();
      } else {
        wait_for_products<0>();
      }
      if constexpr (Shape::runs_on) release(used), used = slot;
      const int t = call.before + (Shape::owns_keys ? rows * j : first), key = Shape::owns_keys ? first : rows * j;
      if (t < key + rows - 1 || t + rows - 1 - key >= call.window) {  // some pair is not seen
        // of this thread's rows the first column that is; of as many as the window has
        const int least = r - q + (Shape::owns_keys ? 0 : call.before - call.window + 1);
#pragma unroll
        for (int i = 0; i < 32; ++i)
          if (static_cast<unsigned>(i / 4 * 8 + i % 2 - least - i / 2 % 2 * 8) >= static_cast<unsigned>(call.window))
            s[i] = -infinity<float>;
      }
      if constexpr (role == pair_role::output) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          float m = top[i];
#pragma unroll
          for (int k = 0; k < 32; k += 4) m = fmaxf(m, fmaxf(s[k + 2 * i], s[k + 2 * i + 1]));
          m = fmaxf(m, shuffle_xor(0xffffffffu, m, 1)), m = fmaxf(m, shuffle_xor(0xffffffffu, m, 2));
          const float safe = m > -infinity<float> ? m * scale : 0.0f, old = exp2_fast(top[i] * scale - safe);
          top[i] = m;
          float added = 0;
#pragma unroll
          for (int k = 0; k < 32; k += 4)
#pragma unroll
            for (int e = 0; e < 2; ++e) added += s[k + 2 * i + e] = exp2_fast(s[k + 2 * i + e] * scale - safe);
          sum[i] = sum[i] * old + added;
          weighted.each(me.lane, [&](float* a, float* b, int) {
            float* const x = i == 0 ? a : b;
            x[0] *= old, x[1] *= old;
          });
        }
      } else {
        const row_sums* const its_sums = reinterpret_cast<const row_sums*>(other1 + Shape::tile) + me.lane % 4 * 2;
        if constexpr (Shape::owns_keys) {
#pragma unroll
          for (int i = 0; i < 32; ++i) s[i] = exp2_fast(s[i] * scale - its_sums[i / 4 * 8 + i % 2].log);
        } else {
#pragma unroll
          for (int i = 0; i < 32; ++i) s[i] = exp2_fast(s[i] * scale - own_sums[i / 2 % 2].log);
        }
      }
      std::uint32_t w[4][4];
      if constexpr (Shape::by_weight) {
        pack_pairs(w, s);
        begin_products();
        weighted.add(w, other1);
        end_of_products();
      }
      if constexpr (Shape::by_slope) {
        const row_sums* const its_sums = reinterpret_cast<const row_sums*>(other1 + Shape::tile) + me.lane % 4 * 2;
        wait_for_products<Shape::by_weight ? 1 : 0>();
#pragma unroll
        for (int i = 0; i < 32; ++i)
          s[i] *= dp[i] - (Shape::owns_keys ? its_sums[i / 4 * 8 + i % 2].along : own_sums[i / 2 % 2].along);
        std::uint32_t ds[4][4];
        pack_pairs(ds, s);
        begin_products();
        sloped.add(ds, other0);
        end_of_products();
      }
      if constexpr (!Shape::runs_on) wait_for_products<0>(), release(slot);
    } else {
      if constexpr (Shape::runs_on) wait_for_products<0>(), release(used), used = -1;
      release(slot);
    }
    now.template next<Shape::stages>(me.from, me.to);
  }

  wait_for_products<0>();

  // row_of(i): where row r + 8 i goes, null if it is no token
  const auto row_of = [&](auto* x, int i) {
    return r + 8 * i < call.length
               ? x + ((static_cast<std::int64_t>(me.sequence) * call.length + r + 8 * i) * heads + me.head) * call.d
               : nullptr;
  };
  const auto put = [&](auto& sums, float* to, float by) {
    float *const a = row_of(to, 0), *const b = row_of(to, 1);
    sums.each(me.lane, [&](const float* x, const float* y, int c) {
      if (c >= call.d) return;
      if (a) *reinterpret_cast<float2*>(a + c) = {x[0] * by, x[1] * by};
      if (b) *reinterpret_cast<float2*>(b + c) = {y[0] * by, y[1] * by};
    });
  };
  if constexpr (role == pair_role::output) {
    float by[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      sum[i] += shuffle_xor(0xffffffffu, sum[i], 1), sum[i] += shuffle_xor(0xffffffffu, sum[i], 2);
      by[i] = 1 / sum[i];
      if (call.lse && me.lane % 4 == 0 && r + 8 * i < call.length)
        call.lse[(static_cast<std::int64_t>(me.sequence) * call.length + r + 8 * i) * heads + me.head] =
            top[i] * call.scale + math::log(sum[i]);
    }
    bf16 *const a = row_of(call.o, 0), *const b = row_of(call.o, 1);
    weighted.each(me.lane, [&](const float* x, const float* y, int c) {
      if (c >= call.d) return;
      if (a) *reinterpret_cast<std::uint32_t*>(a + c) = pack(x[0] * by[0], x[1] * by[0]);
      if (b) *reinterpret_cast<std::uint32_t*>(b + c) = pack(y[0] * by[1], y[1] * by[1]);
    });
  } else {
    if constexpr (Shape::by_weight) put(weighted, call.dv, 1.0f);
    if constexpr (Shape::by_slope) put(sloped, Shape::owns_keys ? call.dk : call.dq, call.scale);
  }
}

// One warp a row of a head.
template <int = 0>
__global__ void row_sums_kernel(const bf16* o, const bf16* d_o, const float* lse, row_sums* to, std::int64_t rows,
                                std::int64_t padded, std::int64_t length, int heads, int d) {
  const std::int64_t row = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / 32;  // (sequence, padded, head)
  if (row >= rows) return;
  const int lane = static_cast<int>(threadIdx.x) % 32, h = static_cast<int>(row % heads);
  const std::int64_t t = row / heads % padded, sequence = row / heads / padded;
  const std::int64_t at = (sequence * length + t) * heads + h;
  row_sums s{infinity<float>, 0};
  if (t < length) {
    for (int i = 2 * lane; i < d; i += 64) {
      const auto x = *reinterpret_cast<const std::uint32_t*>(o + at * d + i),
                 y = *reinterpret_cast<const std::uint32_t*>(d_o + at * d + i);
      s.along += first_of(x) * first_of(y) + second_of(x) * second_of(y);
    }
#pragma unroll
    for (int m = 16; m > 0; m /= 2) s.along += shuffle_xor(0xffffffffu, s.along, m);
    s.log = lse[at] * log2_e;
  }
  if (lane == 0) to[(sequence * heads + h) * padded + t] = s;
}

}  // namespace supra::cuda
