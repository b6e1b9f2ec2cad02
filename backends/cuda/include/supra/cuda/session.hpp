// A GPU as a backend holds it: the device that is current, a stream, a pool of memory that keeps what is given back to it, and
// beside it blocks for what is repeated. What is wrong with any of them is a sentence.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "supra/core/kept_memory.hpp"
#include "supra/cuda/launch_walk.hpp"

namespace supra::cuda {

template <int>
__global__ void probe_kernel() {}

inline std::string megabytes(std::size_t bytes) { return std::to_string((bytes + 999999) / 1000000) + " MB"; }

class session {
 public:
  session() : session(nullptr, true) {}
  explicit session(cudaStream_t stream) : session(stream, false) {}
  session(const session&) = delete;
  session& operator=(const session&) = delete;
  ~session() {  // whatever still runs ends first
    release_kept(), cudaStreamSynchronize(stream_);
    if (own_) cudaStreamDestroy(stream_);
    cudaMemPoolDestroy(pool_);
  }

  cudaStream_t stream() const { return stream_; }
  int multiprocessors() const { return multiprocessors_; }
  int most_shared() const { return most_shared_; }  // bytes of shared memory that a block may ask for
  void fence() const { must(cudaStreamSynchronize(stream_), "what was launched before"); }

  // Zero bytes, in the stream's order.
  void* take(std::size_t bytes) {
    void* p = repeats_ ? kept_.take(bytes) : nullptr;
    if (!p) {
      if (records_) throw std::logic_error("CUDA: what is recorded takes memory that it did not take the last time");
      p = take_from_pool(bytes), ++changes_;
      if (repeats_) kept_.add(p, bytes);
    }
    must(cudaMemsetAsync(p, 0, bytes, stream_), "memory of the GPU");
    return p;
  }
  void give_back(void* p) noexcept {
    if (repeats_ && kept_.give_back(p)) return;
    kept_.remove(p), ++changes_, cudaFreeAsync(p, stream_);
  }
  // How often memory changed hands. What is repeated does not count where it leaves all as it was.
  std::int64_t changes() const { return changes_; }
  bool records() const { return records_; }
  // What was recorded; and how often any of it was launched.
  cudaError_t launch(cudaGraphExec_t recorded) {
    const cudaError_t e = cudaGraphLaunch(recorded, stream_);
    return replays_ += e == cudaSuccess, e;
  }
  std::int64_t replays() const { return replays_; }
  // While one of these lives, memory that is given back stays for what is taken, then and the next time one lives. recorded:
  // launches are not run.
  class repeating {
   public:
    explicit repeating(session& on, bool recorded = false) : on_(on), before_(on.kept_) {
      on.repeats_ = true, on.records_ = recorded;
    }
    repeating(const repeating&) = delete;
    repeating& operator=(const repeating&) = delete;
    ~repeating() {
      on_.repeats_ = on_.records_ = false;
      if (!(on_.kept_ == before_)) ++on_.changes_;
    }

   private:
    session& on_;
    const kept_memory before_;
  };
  // What the pool has and nobody uses goes back to the device.
  void trim() { fence(), must(cudaMemPoolTrimTo(pool_, 0), "memory that goes back"); }
  // What is kept and not in use goes back to the pool.
  void release_kept() {
    kept_.release([this](void* p) { ++changes_, cudaFreeAsync(p, stream_); });
  }
  std::size_t free_bytes() const {
    std::size_t free = 0, all = 0;
    must(cudaMemGetInfo(&free, &all), "how much memory is free");
    return free;
  }
  // The most that was in use at once.
  std::size_t peak_bytes() const {
    std::uint64_t n = 0;
    must(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrUsedMemHigh, &n), "how much memory was used");
    return n;
  }
  void forget_peak() const {
    std::uint64_t none = 0;
    must(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrUsedMemHigh, &none), "how much memory was used");
  }
  // What this program has and what it could have.
  std::size_t all_bytes() const {
    std::uint64_t n = 0;
    must(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrReservedMemCurrent, &n), "how much memory is used");
    return n + free_bytes();
  }
  const std::string& name() const { return name_; }

 private:
  session(cudaStream_t stream, bool own) : stream_(stream), own_(own) {
    int count = 0;
    const cudaError_t found = cudaGetDeviceCount(&count);
    if (found != cudaSuccess || count == 0) {
      cudaGetLastError();
      throw std::runtime_error(std::string("CUDA: there is no GPU that this program can use (") +
                               (found != cudaSuccess ? cudaGetErrorString(found) : "none found") +
                               "); compute on another backend");
    }
    must(cudaGetDevice(&device_), "which device");
    cudaDeviceProp is;
    must(cudaGetDeviceProperties(&is, device_), "what the device is");
    name_ = is.name, multiprocessors_ = is.multiProcessorCount, most_shared_ = static_cast<int>(is.sharedMemPerBlockOptin);
    cudaFuncAttributes code;
    const cudaError_t fits = cudaFuncGetAttributes(&code, probe_kernel<0>);
    if (fits == cudaErrorNoKernelImageForDevice || fits == cudaErrorInvalidDeviceFunction ||
        fits == cudaErrorInvalidKernelImage) {
      cudaGetLastError();
      throw std::runtime_error("CUDA: this program was compiled for another kind of GPU than the " + name_ + " (compute " +
                               "capability " + std::to_string(is.major) + "." + std::to_string(is.minor) +
                               "); build it for this one, or compute on another backend");
    }
    must(fits, "which kernels the device can run");
    if (own_) must(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "a stream");
    cudaMemPoolProps wanted{};
    wanted.allocType = cudaMemAllocationTypePinned;
    wanted.location = {cudaMemLocationTypeDevice, device_};
    must(cudaMemPoolCreate(&pool_, &wanted), "a pool of memory");
    std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
    must(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &all), "a pool that keeps its memory");
  }

  void* take_from_pool(std::size_t bytes) {
    void* p = nullptr;
    cudaError_t e = cudaMallocFromPoolAsync(&p, bytes, pool_, stream_);
    if (e == cudaErrorMemoryAllocation) {  // perhaps it is kept, or only in pieces: give them back, and ask once more
      cudaGetLastError(), release_kept(), trim();
      e = cudaMallocFromPoolAsync(&p, bytes, pool_, stream_);
    }
    if (e == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      throw too_little_memory("CUDA: " + megabytes(bytes) + " of GPU memory were asked for, " + megabytes(free_bytes()) +
                              " are free on the " + name_ +
                              "; take fewer or shorter sequences at once, or a smaller model, or end what else uses the GPU");
    }
    must(e, "memory of the GPU");
    return p;
  }

  cudaStream_t stream_;
  bool own_;
  kept_memory kept_;
  bool repeats_ = false, records_ = false;
  std::int64_t changes_ = 0, replays_ = 0;
  int device_ = 0, multiprocessors_ = 0, most_shared_ = 0;
  std::string name_;
  cudaMemPool_t pool_ = nullptr;
};

template <class T>
class buffer {
 public:
  buffer() = default;
  buffer(std::shared_ptr<session> from, std::int64_t n) : from_(std::move(from)), n_(n > 0 ? n : 0) {
    if (n_ > 0) data_ = static_cast<T*>(from_->take(static_cast<std::size_t>(n_) * sizeof(T)));
  }
  buffer(buffer&& o) noexcept : from_(std::move(o.from_)), data_(std::exchange(o.data_, nullptr)), n_(std::exchange(o.n_, 0)) {}
  buffer& operator=(buffer&& o) noexcept {
    return std::swap(from_, o.from_), std::swap(data_, o.data_), std::swap(n_, o.n_), *this;
  }
  ~buffer() {
    if (data_) from_->give_back(data_);
  }
  T* data() const { return data_; }
  std::int64_t size() const { return n_; }

 private:
  std::shared_ptr<session> from_;
  T* data_ = nullptr;
  std::int64_t n_ = 0;
};

}  // namespace supra::cuda
