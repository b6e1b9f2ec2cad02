// The instructions of a warpgroup, four warps that multiply together (PTX ISA 8, sections on wgmma, stmatrix, fence.proxy), and
// how a tile lies in shared memory for them. Compiled for sm_90a; host compilers must be able to name them.
#pragma once

#include <cstdint>

#include "supra/core/backend.hpp"
#include "supra/cuda/instructions.hpp"

namespace supra::cuda {

// A bf16 in a tile for warpgroups: panels of 64 features, in a panel 128 bytes a token, in which the 16 byte pieces of eight
// neighbouring tokens are exchanged so that no two of a column lie in the same banks (the 128 byte swizzle of the PTX ISA:
// bits 4 to 6 of an address xor bits 7 to 9). A tile begins at a multiple of 1024 bytes; its stride is one panel's row.
struct placed : bf16 {
  using bf16::bf16;
};
inline constexpr int panel_columns = 64, tile_alignment = 1024, placed_rows = 64;
SUPRA_FN constexpr int panels_of(int columns) { return (columns + panel_columns - 1) / panel_columns; }
// A column that stands alone after those is kept beside the panels, as float.
SUPRA_INLINE float& lone_number(tile<placed> t, int r, int c) {
  return reinterpret_cast<float*>(t.data + panels_of(c) * (placed_rows * panel_columns))[r];
}

// What a row's eights of columns are exchanged by: the same eight rows further.
SUPRA_INLINE int swizzle_of(const placed* row) { return static_cast<int>(reinterpret_cast<std::uintptr_t>(row) >> 7) & 7; }
// Where column c of the row that begins at `row` lies, in a tile of `Rows` tokens; c a multiple of 8, or within eight of one.
template <int Rows>
SUPRA_INLINE bf16* column_of(placed* row, int column) {
  const unsigned c = static_cast<unsigned>(column), eight = c % panel_columns / 8 ^ static_cast<unsigned>(swizzle_of(row));
  return row + (c / panel_columns * (Rows * panel_columns) + eight * 8 + c % 8);
}

SUPRA_INLINE std::uint32_t shared_address(const void* p) {
#ifdef __CUDA_ARCH__
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(p));
#else
  return (void)p, 0;
#endif
}

// What ordinary stores wrote to shared memory is seen by products that are begun after the next barrier.
SUPRA_INLINE void publish() {
#ifdef __CUDA_ARCH__
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

// Where a tensor's rows are, for the copy engine: (tokens, heads, width) bf16.
struct tensor_map {
  alignas(64) unsigned char bytes[128];
};
// Rows of `head` from `token` on, columns from c on, to shared memory, without waiting: whoever waits for `arrivals` sees them
// there, once as many bytes as it expects have come. Tokens beyond the tensor's are zero.
SUPRA_INLINE void bring_rows(const tensor_map* from, int token, int head, void* to, std::uint64_t* arrivals, int c = 0) {
#ifdef __CUDA_ARCH__
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4}], [%5];" ::"r"(
          shared_address(to)),
      "l"(from), "r"(c), "r"(head), "r"(token), "r"(shared_address(arrivals))
      : "memory");
#else
  (void)from, (void)token, (void)head, (void)to, (void)arrivals, (void)c;
#endif
}
// The same of a tensor of sequences, (sequences, tokens, heads, width): tokens beyond the sequence's are zero.
SUPRA_INLINE void bring_rows_of(const tensor_map* from, int sequence, int token, int head, void* to, std::uint64_t* arrivals,
                                int c) {
#ifdef __CUDA_ARCH__
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4, %5}], [%6];" ::
          "r"(shared_address(to)),
      "l"(from), "r"(c), "r"(head), "r"(token), "r"(sequence), "r"(shared_address(arrivals))
      : "memory");
#else
  (void)from, (void)sequence, (void)token, (void)head, (void)to, (void)arrivals, (void)c;
#endif
}
// Bytes, a multiple of 16, as they lie.
SUPRA_INLINE void bring_bytes(const void* from, int bytes, void* to, std::uint64_t* arrivals) {
#ifdef __CUDA_ARCH__
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(shared_address(to)),
      "l"(from), "r"(bytes), "r"(shared_address(arrivals))
      : "memory");
#else
  (void)from, (void)bytes, (void)to, (void)arrivals;
#endif
}
// Rows as bring_rows takes them, to the second level cache.
SUPRA_INLINE void ask_ahead(const tensor_map* from, int token, int head) {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.bulk.prefetch.tensor.3d.L2.global.tile [%0, {%1, %2, %3}];" ::"l"(from), "r"(0), "r"(head),
               "r"(token));
#else
  (void)from, (void)token, (void)head;
#endif
}
// One thread prepares; `sayers`, one by default, say how many bytes come next, or that nothing but they themselves was waited
// for; all wait. odd: it is the second, fourth, ... time.
SUPRA_INLINE void prepare_arrivals(std::uint64_t* arrivals, int sayers = 1) {
#ifdef __CUDA_ARCH__
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;\nfence.mbarrier_init.release.cluster;" ::"r"(shared_address(arrivals)),
               "r"(sayers)
               : "memory");
#else
  (void)arrivals, (void)sayers;
#endif
}
// One of several that say so.
SUPRA_INLINE void arrive(std::uint64_t* arrivals) {
#ifdef __CUDA_ARCH__
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(arrivals)) : "memory");
#else
  (void)arrivals;
#endif
}
SUPRA_INLINE void expect_arrivals(std::uint64_t* arrivals, int bytes) {
#ifdef __CUDA_ARCH__
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(arrivals)), "r"(bytes) : "memory");
#else
  (void)arrivals, (void)bytes;
#endif
}
SUPRA_INLINE void wait_for_arrivals(std::uint64_t* arrivals, bool odd) {
#ifdef __CUDA_ARCH__
  asm volatile(
      "{\n.reg .pred p;\nagain:\nmbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n@p bra done;\nbra again;\ndone:\n}" ::
          "r"(shared_address(arrivals)),
      "r"(static_cast<int>(odd))
      : "memory");
#else
  (void)arrivals, (void)odd;
#endif
}

// Registers that products use are as the program left them. Before the first of a batch.
SUPRA_INLINE void begin_products() {
#ifdef __CUDA_ARCH__
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}
// What was begun since the last end is one batch; all but the last N batches are waited for.
SUPRA_INLINE void end_of_products() {
#ifdef __CUDA_ARCH__
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}
template <int N>
SUPRA_INLINE void wait_for_products() {
#ifdef __CUDA_ARCH__
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
#endif
}

// Descriptors of operands in shared memory. along: the summed index runs along the tile's columns (16 of them from c, rows from
// r on); across: it runs along its rows (16 tokens from r; columns from c on, which begins a panel).
// How many bytes into a tile they begin: descriptors count in 16 bytes, and addresses are their lowest bits.
template <int Rows>
SUPRA_INLINE constexpr std::uint32_t along_at(int r, int c) {
  return static_cast<std::uint32_t>(c / panel_columns * (Rows * 2 * panel_columns) + c % panel_columns * 2 +
                                    r * 2 * panel_columns);
}
template <int Rows>
SUPRA_INLINE constexpr std::uint32_t across_at(int r, int c) {
  return static_cast<std::uint32_t>((c / panel_columns * Rows + r) * 2 * panel_columns);
}
SUPRA_INLINE std::uint64_t described(std::uint32_t at, int leading) {
  return static_cast<std::uint64_t>((at & 0x3ffff) >> 4) | static_cast<std::uint64_t>(leading) << 16 |
         std::uint64_t{1024 >> 4} << 32 | std::uint64_t{1} << 62;
}
template <int Rows>
SUPRA_INLINE std::uint64_t along(const placed* tile, int r, int c) {
  return described(shared_address(tile) + along_at<Rows>(r, c), 1);
}
template <int Rows>
SUPRA_INLINE std::uint64_t across(const placed* tile, int r, int c) {
  return described(shared_address(tile) + across_at<Rows>(r, c), Rows * 2 * panel_columns >> 4);
}
// Such an operand r rows or c columns further, both numbers that the compiler knows: one addition, where the tile's place and
// the first rows and columns are the same for the whole warp and the compiler sees that they are (of_first_lane).
template <int Rows>
SUPRA_INLINE std::uint64_t along_from(std::uint64_t operand, int c) {
  return operand + (along_at<Rows>(0, c) >> 4);
}
template <int Rows>
SUPRA_INLINE std::uint64_t across_from(std::uint64_t operand, int r, int c = 0) {
  return operand + (across_at<Rows>(r, c) >> 4);
}

// c (64 x N) += a (64 x 16) b (16 x N) of one warpgroup, begun and not waited for; `keep` false: c = a b. With g = lane / 4, q
// = lane % 4 a thread of warp w holds c of rows 16 w + g and 16 w + g + 8 and columns 8k + 2q, 8k + 2q + 1: c[4k .. 4k + 3].
#ifdef __CUDA_ARCH__
#define SUPRA_EIGHT(c, i) \
  "+f"(c[i]), "+f"(c[i + 1]), "+f"(c[i + 2]), "+f"(c[i + 3]), "+f"(c[i + 4]), "+f"(c[i + 5]), "+f"(c[i + 6]), "+f"(c[i + 7])
#define SUPRA_SIXTEEN(c, i) SUPRA_EIGHT(c, i), SUPRA_EIGHT(c, i + 8)
#define SUPRA_THIRTY_TWO(c, i) SUPRA_SIXTEEN(c, i), SUPRA_SIXTEEN(c, i + 16)
#endif

template <int N>
struct warpgroup_product;
template <>
struct warpgroup_product<16> {
  static SUPRA_INLINE void both_along(float (&c)[8], std::uint64_t a, std::uint64_t b, bool keep) {
#ifdef __CUDA_ARCH__
    asm volatile(
        "{\n.reg .pred p;\nsetp.ne.b32 p, %10, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7}, %8, %9, p, 1, 1, 0, 0;\n}"
        : SUPRA_EIGHT(c, 0)
        : "l"(a), "l"(b), "r"(static_cast<int>(keep)));
#else
    (void)c, (void)a, (void)b, (void)keep;
#endif
  }
};
template <>
struct warpgroup_product<32> {
  static SUPRA_INLINE void both_along(float (&c)[16], std::uint64_t a, std::uint64_t b, bool keep) {
#ifdef __CUDA_ARCH__
    asm volatile(
        "{\n.reg .pred p;\nsetp.ne.b32 p, %18, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 "
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, "
        "%16, %17, p, 1, 1, 0, 0;\n}"
        : SUPRA_SIXTEEN(c, 0)
        : "l"(a), "l"(b), "r"(static_cast<int>(keep)));
#else
    (void)c, (void)a, (void)b, (void)keep;
#endif
  }
  // a across 64 of its tile's columns, b along.
  static SUPRA_INLINE void a_across(float (&c)[16], std::uint64_t a, std::uint64_t b, bool keep) {
#ifdef __CUDA_ARCH__
    asm volatile(
        "{\n.reg .pred p;\nsetp.ne.b32 p, %18, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 "
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, "
        "%16, %17, p, 1, 1, 1, 0;\n}"
        : SUPRA_SIXTEEN(c, 0)
        : "l"(a), "l"(b), "r"(static_cast<int>(keep)));
#else
    (void)c, (void)a, (void)b, (void)keep;
#endif
  }
  // a in registers, as multiply_add takes it; b along.
  static SUPRA_INLINE void b_along(float (&c)[16], const std::uint32_t (&a)[4], std::uint64_t b, bool keep) {
#ifdef __CUDA_ARCH__
    asm volatile(
        "{\n.reg .pred p;\nsetp.ne.b32 p, %21, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 "
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, "
        "{%16, %17, %18, %19}, %20, p, 1, 1, 0;\n}"
        : SUPRA_SIXTEEN(c, 0)
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(static_cast<int>(keep)));
#else
    (void)c, (void)a, (void)b, (void)keep;
#endif
  }
};
template <>
struct warpgroup_product<64> {
  static SUPRA_INLINE void both_along(float (&c)[32], std::uint64_t a, std::uint64_t b, bool keep) {
#ifdef __CUDA_ARCH__
    asm volatile(
        "{\n.reg .pred p;\nsetp.ne.b32 p, %34, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
        "%32, %33, p, 1, 1, 0, 0;\n}"
        : SUPRA_THIRTY_TWO(c, 0)
        : "l"(a), "l"(b), "r"(static_cast<int>(keep)));
#else
    (void)c, (void)a, (void)b, (void)keep;
#endif
  }
  // a across 64 of its tile's columns, b along.
  static SUPRA_INLINE void a_across(float (&c)[32], std::uint64_t a, std::uint64_t b, bool keep) {
#ifdef __CUDA_ARCH__
    asm volatile(
        "{\n.reg .pred p;\nsetp.ne.b32 p, %34, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
        "%32, %33, p, 1, 1, 1, 0;\n}"
        : SUPRA_THIRTY_TWO(c, 0)
        : "l"(a), "l"(b), "r"(static_cast<int>(keep)));
#else
    (void)c, (void)a, (void)b, (void)keep;
#endif
  }
  // a in registers, as multiply_add takes it; b along.
  static SUPRA_INLINE void b_along(float (&c)[32], const std::uint32_t (&a)[4], std::uint64_t b, bool keep) {
#ifdef __CUDA_ARCH__
    asm volatile(
        "{\n.reg .pred p;\nsetp.ne.b32 p, %37, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
        "{%32, %33, %34, %35}, %36, p, 1, 1, 0;\n}"
        : SUPRA_THIRTY_TWO(c, 0)
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(static_cast<int>(keep)));
#else
    (void)c, (void)a, (void)b, (void)keep;
#endif
  }
  // a in registers, as multiply_add takes it; b across.
  static SUPRA_INLINE void b_across(float (&c)[32], const std::uint32_t (&a)[4], std::uint64_t b, bool keep) {
#ifdef __CUDA_ARCH__
    asm volatile(
        "{\n.reg .pred p;\nsetp.ne.b32 p, %37, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
        "{%32, %33, %34, %35}, %36, p, 1, 1, 1;\n}"
        : SUPRA_THIRTY_TWO(c, 0)
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(static_cast<int>(keep)));
#else
    (void)c, (void)a, (void)b, (void)keep;
#endif
  }
};
template <>
struct warpgroup_product<128> {
  // a in registers, as multiply_add takes it; b across.
  static SUPRA_INLINE void b_across(float (&c)[64], const std::uint32_t (&a)[4], std::uint64_t b, bool keep) {
#ifdef __CUDA_ARCH__
    asm volatile(
        "{\n.reg .pred p;\nsetp.ne.b32 p, %69, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 "
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
        "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
        "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
        "{%64, %65, %66, %67}, %68, p, 1, 1, 1;\n}"
        : SUPRA_THIRTY_TWO(c, 0), SUPRA_THIRTY_TWO(c, 32)
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(static_cast<int>(keep)));
#else
    (void)c, (void)a, (void)b, (void)keep;
#endif
  }
};
#ifdef __CUDA_ARCH__
#undef SUPRA_EIGHT
#undef SUPRA_SIXTEEN
#undef SUPRA_THIRTY_TWO
#endif

// Four 8 x 8 blocks of bf16 to shared memory, each transposed: lane l gives the address of row l % 8 of block l / 8.
SUPRA_INLINE void store_blocks_transposed(const std::uint32_t (&r)[4], bf16* row) {
#ifdef __CUDA_ARCH__
  asm volatile("stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(shared_address(row)), "r"(r[0]),
               "r"(r[1]), "r"(r[2]), "r"(r[3])
               : "memory");
#else
  (void)r, (void)row;
#endif
}

}  // namespace supra::cuda
