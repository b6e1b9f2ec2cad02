// What is launched the same way again and again, as a graph: one call instead of hundreds. It is recorded at the second time
// and replayed from then on, as long as no memory is taken or given back anywhere, since its kernels have addresses in them.
#pragma once

#include <utility>

#include "supra/cuda/session.hpp"

namespace supra::cuda {

class recording {
 public:
  recording() = default;
  recording(recording&& o) noexcept : graph_(std::exchange(o.graph_, nullptr)), changes_(o.changes_), steady_(o.steady_) {}
  recording& operator=(recording&& o) noexcept {
    return std::swap(graph_, o.graph_), std::swap(changes_, o.changes_), std::swap(steady_, o.steady_), *this;
  }
  ~recording() { drop(); }

  // f's launches on the session's stream. Where it takes memory of its own each time, always plainly; on the default stream,
  // too, which cannot be recorded.
  template <class F>
  void run(const session& on, F f) {
    if (!on.stream() || on.stream() == cudaStreamLegacy) return f();
    if (!steady_ || on.changes() != changes_) {
      drop();
      const std::int64_t before = on.changes();
      f();
      changes_ = on.changes(), steady_ = changes_ == before;
      return;
    }
    if (!graph_) record(on, f);
    must(cudaGraphLaunch(graph_, on.stream()), "what was recorded");
  }

 private:
  template <class F>
  void record(const session& on, F f) {
    cudaGraph_t made = nullptr;
    must(cudaStreamBeginCapture(on.stream(), cudaStreamCaptureModeRelaxed), "a recording");
    try {
      f();
    } catch (...) {
      cudaStreamEndCapture(on.stream(), &made), cudaGraphDestroy(made), cudaGetLastError();
      throw;
    }
    must(cudaStreamEndCapture(on.stream(), &made), "a recording");
    const cudaError_t e = cudaGraphInstantiate(&graph_, made, 0);
    cudaGraphDestroy(made);
    must(e, "a recording");
  }
  void drop() {
    if (graph_) cudaGraphExecDestroy(std::exchange(graph_, nullptr));
    steady_ = false;
  }
  cudaGraphExec_t graph_ = nullptr;
  std::int64_t changes_ = 0;
  bool steady_ = false;  // the last time nothing was taken
};

}  // namespace supra::cuda
