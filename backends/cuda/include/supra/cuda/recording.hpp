// What is launched the same way again and again, as a graph: one call instead of hundreds. Once a call has changed no memory it
// is recorded at the next, and replayed from then on as long as no memory changes hands elsewhere, since its kernels have
// addresses in them. Memory of its own, taken and given back each time, is kept by the session and lies where it did.
#pragma once

#include <utility>

#include "supra/cuda/session.hpp"

namespace supra::cuda {

class recording {
 public:
  recording() = default;
  recording(recording&& o) noexcept { *this = std::move(o); }
  recording& operator=(recording&& o) noexcept {
    std::swap(graph_, o.graph_), std::swap(changes_, o.changes_), std::swap(steady_, o.steady_), std::swap(fits_, o.fits_);
    return *this;
  }
  ~recording() { drop(); }

  // f's launches on the session's stream. Plainly where the last time memory changed hands for good, where the device has no
  // room for a graph, and on the default stream, which cannot be recorded.
  template <class F>
  void run(session& on, F f) {
    if (!on.stream() || on.stream() == cudaStreamLegacy) return f();
    if (steady_ && fits_ && on.changes() == changes_) {
      if (!graph_) record(on, f);
      if (graph_ && replay(on)) return;
    }
    drop();
    const std::int64_t before = on.changes();
    {
      const session::repeating this_time(on);
      f();
    }
    changes_ = on.changes(), steady_ = changes_ == before;
  }

 private:
  // False where the device has no room for what it runs in.
  bool replay(session& on) {
    const cudaError_t e = on.launch(graph_);
    if (e == cudaErrorMemoryAllocation) return cudaGetLastError(), fits_ = false;
    return must(e, "what was recorded"), true;
  }
  // graph_ stays null where the device has no room for it.
  template <class F>
  void record(session& on, F f) {
    cudaGraph_t made = nullptr;
    steady_ = false;  // where this fails, the next time is launched plainly
    must(cudaStreamBeginCapture(on.stream(), cudaStreamCaptureModeRelaxed), "a recording");
    try {
      const session::repeating this_time(on, true);
      f();
    } catch (...) {
      cudaStreamEndCapture(on.stream(), &made), cudaGraphDestroy(made), cudaGetLastError();
      throw;
    }
    must(cudaStreamEndCapture(on.stream(), &made), "a recording");
    const bool same = on.changes() == changes_;
    cudaError_t e = same ? cudaGraphInstantiate(&graph_, made, 0) : cudaSuccess;
    if (e == cudaErrorMemoryAllocation) cudaGetLastError(), on.trim(), e = cudaGraphInstantiate(&graph_, made, 0);
    cudaGraphDestroy(made);
    if (!same) throw std::logic_error("CUDA: what is recorded keeps memory that it did not keep the last time");
    if (e == cudaErrorMemoryAllocation) return cudaGetLastError(), void(fits_ = false);
    must(e, "a recording"), steady_ = true;
  }
  void drop() {
    if (graph_) cudaGraphExecDestroy(std::exchange(graph_, nullptr));
    steady_ = false;
  }
  cudaGraphExec_t graph_ = nullptr;
  std::int64_t changes_ = 0;
  bool steady_ = false;  // the last time nothing changed hands for good
  bool fits_ = true;
};

}  // namespace supra::cuda
