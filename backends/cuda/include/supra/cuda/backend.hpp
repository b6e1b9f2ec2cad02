// The CUDA backend: the GPU that is current, and one stream on it. Walks of bf16 rows run on the tensor cores
// (launch_walk.hpp), matrix products by cuBLASLt, all else on plain blocks of threads. For files that nvcc compiles.
#pragma once

#include <algorithm>
#include <limits>

#include "supra/core/serial.hpp"
#include "supra/cuda/launches.hpp"
#include "supra/cuda/plain_team.hpp"
#include "supra/cuda/products.hpp"
#include "supra/cuda/recording.hpp"
#include "supra/cuda/session.hpp"

namespace supra {

namespace cuda {

// Blocks take teams one after another where there are fewer of them. Scratch is in shared memory, or where that is too little,
// far_bytes of global memory a block.
template <class K>
__global__ void __launch_bounds__(plain_team::threads)
    plain_kernel(const __grid_constant__ K kernel, std::int64_t n, char* far, std::int64_t far_bytes) {
  extern __shared__ __align__(128) char near[];
  for (std::int64_t i = blockIdx.x; i < n; i += gridDim.x) {
    plain_team team(far ? far + static_cast<std::int64_t>(blockIdx.x) * far_bytes : near);
    kernel(team, i);
    if (gridDim.x < n) __syncthreads();  // before the scratch is another team's
  }
}

template <class C>
struct scale_rows {  // c = beta c
  C* c;
  accumulator_t<C> beta;
  std::int64_t ldc;
  int n;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    using A = accumulator_t<C>;
    lanes.each(n, [&, this](auto j) { c[r * ldc + int(j)] = C(beta == A(0) ? A(0) : beta * A(c[r * ldc + int(j)])); });
  }
};

}  // namespace cuda

class cuda_backend : public cuda::launches<cuda_backend> {
 public:
  using team = cuda::plain_team;
  using storage = bf16;  // what models are best stored as
  static constexpr bool device = true;

  cuda_backend() : session_(std::make_shared<cuda::session>()), products_(session_) {}
  // On the user's stream, which must live as long as the backend and its buffers.
  explicit cuda_backend(cudaStream_t stream) : session_(std::make_shared<cuda::session>(stream)), products_(session_) {}

  const cuda::session& on() const { return *session_; }
  std::int64_t teams() const { return 2 * session_->multiprocessors(); }  // that keep states in registers
  cudaStream_t stream() const { return session_->stream(); }
  // Memory until the stream's next launch, for kernels that want more than shared memory.
  char* scratch(std::size_t bytes) {
    if (scratch_.size() < static_cast<std::int64_t>(bytes))
      scratch_ = {}, scratch_ = allocate<char>(static_cast<std::int64_t>(bytes));
    return scratch_.data();
  }

  template <class T>
  cuda::buffer<T> allocate(std::int64_t n) {
    return {session_, n};
  }
  template <class T>
  void upload(const T* from, T* to, std::int64_t n) {
    copy(from, to, n, cudaMemcpyHostToDevice);
  }
  template <class T>
  void download(const T* from, T* to, std::int64_t n) {
    copy(from, to, n, cudaMemcpyDeviceToHost);
  }
  void fence() { session_->fence(); }
  std::int64_t peak_memory() {
    const auto most = static_cast<std::int64_t>(session_->peak_bytes());
    return session_->release_kept(), session_->forget_peak(), most;
  }
  std::int64_t all_memory() const { return static_cast<std::int64_t>(session_->all_bytes()); }

  using recording = cuda::recording;
  template <class F>
  void repeat(recording& r, F f) {
    r.run(*session_, f);
  }

  template <class K>
  void launch(std::int64_t n, std::size_t scratch, const K& kernel) {
    static_assert(sizeof(K) < 32000, "supra: this kernel's arguments do not fit into a CUDA launch's; keep tables in memory");
    if (n <= 0) return;
    if (n > std::numeric_limits<int>::max())
      throw std::invalid_argument("CUDA: a launch takes at most 2^31 - 1 teams, " + std::to_string(n) + " were asked for");
    const auto run = cuda::plain_kernel<K>;
    const auto most = static_cast<std::size_t>(session_->most_shared());
    std::int64_t blocks = n;
    char* far = nullptr;
    std::size_t near_bytes = scratch;
    if (scratch > most) {
      blocks = std::min<std::int64_t>(n, 4 * session_->multiprocessors()), near_bytes = 0;
      far = this->scratch(static_cast<std::size_t>(blocks) * scratch);
    } else if (scratch > plain_limit) {
      cuda::must(cudaFuncSetAttribute(run, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(scratch)),
                 "shared memory of a kernel");
    }
    run<<<static_cast<unsigned>(blocks), team::threads, near_bytes, session_->stream()>>>(kernel, n, far,
                                                                                          static_cast<std::int64_t>(scratch));
    cuda::must(cudaGetLastError(), "a launch");
  }

  template <class T, class C>
  void gemm(op oa, op ob, std::int64_t m, std::int64_t n, std::int64_t k, accumulator_t<T> alpha, const T* a, std::int64_t lda,
            const T* b, std::int64_t ldb, accumulator_t<T> beta, C* c, std::int64_t ldc) {
    if (m <= 0 || n <= 0) return;
    if (k <= 0) return for_rows(*this, m, cuda::scale_rows<C>{c, beta, ldc, static_cast<int>(n)});
    products_.gemm(oa, ob, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  }
  template <class T, class C>
  void gemm_many(std::int64_t many, op oa, op ob, std::int64_t m, std::int64_t n, std::int64_t k, accumulator_t<T> alpha,
                 const T* a, std::int64_t lda, std::int64_t next_a, const T* b, std::int64_t ldb, std::int64_t next_b,
                 accumulator_t<T> beta, C* c, std::int64_t ldc, std::int64_t next_c) {
    if (many > 0 && m > 0 && n > 0 && k > 0)
      products_.gemm(oa, ob, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, many, next_a, next_b, next_c);
  }

 private:
  static constexpr std::size_t plain_limit = 48 << 10;  // bytes of shared memory that need no asking

  template <class T>
  void copy(const T* from, T* to, std::int64_t n, cudaMemcpyKind kind) {
    if (n <= 0) return;
    if (session_->records()) throw std::logic_error("CUDA: what is recorded moves no memory to or from the host");
    cuda::must(cudaMemcpyAsync(to, from, static_cast<std::size_t>(n) * sizeof(T), kind, session_->stream()), "a copy");
    if (kind == cudaMemcpyDeviceToHost || !pageable(from)) session_->fence();
  }
  // Such memory is read before a copy from it returns.
  static bool pageable(const void* host) {
    int device = 0, read_in_place = 0;  // by a device that reaches all of the host's memory: later, then
    cuda::must(cudaGetDevice(&device), "which device");
    cuda::must(cudaDeviceGetAttribute(&read_in_place, cudaDevAttrPageableMemoryAccess, device), "a device's access to memory");
    if (read_in_place) return false;
    cudaPointerAttributes is;
    cuda::must(cudaPointerGetAttributes(&is, host), "whose memory it is");
    return is.type == cudaMemoryTypeUnregistered;
  }

  std::shared_ptr<cuda::session> session_;
  cuda::products products_;
  cuda::buffer<char> scratch_;
};

static_assert(Backend<cuda_backend>);

}  // namespace supra
