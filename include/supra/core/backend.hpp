// What a backend owes the library. Host verbs: memory, launch, matrix product. Tile verbs of the team that a launch hands to a
// kernel: scratch, rows, tile products, sync. A backend names no stage; the library names no backend.
#pragma once

#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "supra/core/config.hpp"
#include "supra/core/lanes.hpp"
#include "supra/core/types.hpp"

namespace supra {

enum class op { plain, transposed };

// What allocate throws where a device's memory is all in use; a sentence.
struct too_little_memory : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A rows x cols block, row major, in scratch or global memory.
template <class A>
struct tile {
  A* data = nullptr;
  int rows = 0, cols = 0;
  std::int64_t stride = 0;  // elements from row to row
  SUPRA_INLINE A* row(std::int64_t r) const { return data + r * stride; }
  SUPRA_INLINE memory_row<A, std::remove_const_t<A>> operator[](int r) const { return {row(r), cols}; }
  SUPRA_INLINE tile top(int n) const { return {data, n, cols, stride}; }
  SUPRA_INLINE tile part(int r, int n) const { return {row(r), n, cols, stride}; }
};

namespace archetype {
struct row_function {
  template <class Lanes>
  void operator()(const Lanes&, int) const {}
};
struct kernel {
  template <class Team>
  void operator()(Team&, std::int64_t) const {}
};
}  // namespace archetype

// Verbs inside a kernel. A team runs the kernel's body together; between verbs that share data stands a sync.
//   scratch<A>(n)        n elements, uninitialised, the same for the whole team, gone when the kernel ends
//   rows(n, f)           f(lanes, r) for each r in [0, n); rows run side by side where there is room
//   multiply<OA, OB>(c, a, b, keep)   c = keep * c + OA(a) OB(b), summed in c's type; shapes as the operations say
//   sync()               what was written before is seen after
template <class T>
concept Team = requires(T& team, tile<float> c, tile<const float> a) {
  { team.template scratch<float>(std::int64_t{}) } -> std::same_as<float*>;
  team.rows(int{}, archetype::row_function{});
  team.template multiply<op::plain, op::transposed>(c, a, a, bool{});
  team.sync();
};

// Counts what a kernel will ask of its team's scratch: the same code lays out both.
struct scratch_counter {
  std::size_t bytes = 0;
  template <class A>
  SUPRA_FN A* scratch(std::int64_t n) {
    bytes += (static_cast<std::size_t>(n) * sizeof(A) + 63) / 64 * 64;
    return nullptr;
  }
};
template <class Scratch, class... Of>
std::size_t scratch_bytes_of(const Of&... of) {
  scratch_counter count;
  Scratch laid(count, of...);
  return count.bytes;
}

// Verbs of the host. Pointers are the backend's own memory unless they say host.
//   allocate<T>(n)       n elements, owned by the returned buffer (data(), size()), filled with zero bytes; a buffer may go as
//                        soon as all that uses it is launched
//   upload, download     host memory to the backend's, and back; n elements. The host's memory is free to change or go when
//                        they return; a download sees what was launched before it
//   launch(n, scratch, k) k(team, i) for each i in [0, n), teams independent of each other; scratch bytes a team may ask for
//   gemm(oa, ob, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)   row major, c = alpha OA(a) OB(b) + beta c; beta 0 ignores c.
//                        a and b are stored as T, c as T or as what sums of T are kept in; alpha and beta are the latter
//   gemm_many(h, oa, ob, m, n, k, alpha, a, lda, next_a, b, ldb, next_b, beta, c, ldc, next_c)   optional: h of them, each so
//                        many elements after the one before; k > 0
//   fence()              everything launched before is done
//   teams()              optional: how many teams run side by side, 1 without it; where a layer has fewer sequences and heads
//                        than keep them busy, it gives out parts of sequences (parts.hpp)
//   device               optional: true where kernels run elsewhere than on the host's processors and memory
//   team::rows_at_once   optional: how many rows a team works on side by side
//   storage              optional: the type that models are best stored as (bf16); float without it
//   peak_memory(), all_memory()   optional: bytes, the most in use at once since this was last asked; and all that there are
//   part_length(n, rows, f) optional: how long parts of n tokens are, for so many rows (sequences times heads) with f mapped
//                        features; else a chunk
//   repeat(r, f)         optional: f() and all that it launches, with a `recording` r of the backend's for what is called with
//                        the same launches again and again; f changes nothing on the host, waits for nothing and uploads
//                        nothing; memory that it takes it has given back when it returns, but for what it takes once for all
//   launch_walk(n, k)    optional: launch for kernels that walk, on teams that suit them; false where none does
//   launch_walk_pair(n, k, l)   where launch_walk is: two such kernels, which read much of the same; false where one is unfit
//   launch_step(n, k)    optional: launch for the step of one token (step.hpp), as launch_walk
//   value_slice<C, T>(s) optional: how many of v's columns the composition C walks at a time in heads of shape s; 0: all
//   launch_pairs(n, k)   optional: launch for attention that weighs all pairs of tokens of n sequences, as launch_walk
template <class B>
concept Backend = requires(B& b, const float* in, float* out, const bf16* narrow, bf16* narrow_out, std::int64_t n) {
  typename B::team;
  requires Team<typename B::team>;
  { b.template allocate<float>(n).data() } -> std::same_as<float*>;
  b.upload(in, out, n);
  b.download(in, out, n);
  b.launch(n, std::size_t{}, archetype::kernel{});
  b.gemm(op::plain, op::transposed, n, n, n, 1.0f, in, n, in, n, 0.0f, out, n);
  b.gemm(op::transposed, op::plain, n, n, n, 1.0f, narrow, n, narrow, n, 1.0f, out, n);
  b.gemm(op::plain, op::plain, n, n, n, 1.0f, narrow, n, narrow, n, 0.0f, narrow_out, n);
  b.fence();
};

// Room for n numbers in a buffer that grows where it must; what was in it is lost then.
template <class B, class Buffer>
auto* room(B& backend, Buffer& buffer, std::int64_t n) {
  using number = std::remove_pointer_t<decltype(buffer.data())>;
  if (buffer.size() < n || buffer.data() == nullptr) buffer = backend.template allocate<number>(n > 0 ? n : 1);
  return buffer.data();
}

template <class B>
std::int64_t teams_of(const B& backend) {
  if constexpr (requires { backend.teams(); }) return backend.teams();
  return 1;
}

// h products of one shape, all at once where the backend can.
template <class B, class T, class C>
void gemm_many(B& backend, std::int64_t h, op oa, op ob, std::int64_t m, std::int64_t n, std::int64_t k, const T* a,
               std::int64_t lda, std::int64_t next_a, const T* b, std::int64_t ldb, std::int64_t next_b, accumulator_t<T> beta,
               C* c, std::int64_t ldc, std::int64_t next_c) {
  const accumulator_t<T> one(1);
  if constexpr (requires {
                  backend.gemm_many(h, oa, ob, m, n, k, one, a, lda, next_a, b, ldb, next_b, beta, c, ldc, next_c);
                }) {
    backend.gemm_many(h, oa, ob, m, n, k, one, a, lda, next_a, b, ldb, next_b, beta, c, ldc, next_c);
  } else {
    for (std::int64_t i = 0; i < h; ++i)
      backend.gemm(oa, ob, m, n, k, one, a + i * next_a, lda, b + i * next_b, ldb, beta, c + i * next_c, ldc);
  }
}

template <class B>
constexpr bool on_host() {
  if constexpr (requires { B::device; }) return !B::device;
  return true;
}

// f(lanes, row) for each of n independent rows: the elementwise layers of a model. Blocks of rows are given to teams.
template <class F>
struct row_kernel {
  F f;
  std::int64_t n, block;
  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t i) const {
    const std::int64_t first = i * block, left = n - first;
    team.rows(static_cast<int>(left < block ? left : block), [&, this](auto lanes, int r) { f(lanes, first + r); });
  }
};
template <class B, class F>
void for_rows(B& backend, std::int64_t n, F f) {
  std::int64_t block = 16;
  if constexpr (requires { B::team::rows_at_once; }) block = B::team::rows_at_once;
  if (n > 0) backend.launch((n + block - 1) / block, 0, row_kernel<F>{std::move(f), n, block});
}

// What is launched the same way again and again; `same`: this time too. Plainly, where a backend has nothing better.
template <class B>
struct repeated {
  template <class F>
  void operator()(B&, bool, F f) {
    f();
  }
};
template <class B>
requires requires { typename B::recording; }
struct repeated<B> {
  typename B::recording r;
  template <class F>
  void operator()(B& backend, bool same, F f) {
    same ? backend.repeat(r, f) : f();
  }
};

}  // namespace supra
