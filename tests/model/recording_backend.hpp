// A backend that records what is launched and launches it again, as devices do (backends/cuda's recording.hpp), for tests of
// what it is given: once it is recorded no line of the caller's runs between, and memory that was given back holds NaN.
#pragma once

#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "supra/core/kept_memory.hpp"
#include "supra/eigen/backend.hpp"

namespace supra_test {

using launches = std::vector<std::function<void()>>;

// Launches are run, or recorded; memory comes and goes in their order.
class recorded_memory {
 public:
  template <class F>
  void now_or_later(F f) {
    if (into) into->push_back(f);
    else f();
  }
  void* take(std::size_t bytes) {
    void* p = repeats ? kept.take(bytes) : nullptr;
    if (!p) {
      if (into) throw std::logic_error("what is recorded takes memory that it did not take the last time");
      supra::host_buffer<std::byte> block(static_cast<std::int64_t>(bytes));
      p = block.data(), blocks_[p] = std::move(block), ++changes;
      if (repeats) kept.add(p, bytes);
    }
    now_or_later([p, bytes] { std::memset(p, 0, bytes); });
    return p;
  }
  void give_back(void* p, std::size_t bytes) {
    if (repeats && kept.give_back(p)) return now_or_later([p, bytes] { std::memset(p, 0xff, bytes); });
    kept.remove(p), blocks_.erase(p), ++changes;
  }
  supra::kept_memory kept;
  bool repeats = false;
  launches* into = nullptr;
  int changes = 0;

 private:
  std::map<void*, supra::host_buffer<std::byte>> blocks_;
};

template <class T>
class recorded_buffer {
 public:
  recorded_buffer() = default;
  recorded_buffer(std::shared_ptr<recorded_memory> from, std::int64_t n) : from_(std::move(from)), n_(n) {
    if (n_ > 0) data_ = static_cast<T*>(from_->take(bytes()));
  }
  recorded_buffer(recorded_buffer&& o) noexcept { *this = std::move(o); }
  recorded_buffer& operator=(recorded_buffer&& o) noexcept {
    return std::swap(from_, o.from_), std::swap(data_, o.data_), std::swap(n_, o.n_), *this;
  }
  ~recorded_buffer() {
    if (data_) from_->give_back(data_, bytes());
  }
  T* data() const { return data_; }
  std::int64_t size() const { return n_; }

 private:
  std::size_t bytes() const { return static_cast<std::size_t>(n_) * sizeof(T); }
  std::shared_ptr<recorded_memory> from_;
  T* data_ = nullptr;
  std::int64_t n_ = 0;
};

class recording_backend : public supra::eigen_backend {
 public:
  struct recording {
    launches recorded;
    int changes = -1;
    bool steady = false;
  };
  template <class T>
  recorded_buffer<T> allocate(std::int64_t n) {
    return {memory_, n};
  }
  template <class T>
  void upload(const T* from, T* to, std::int64_t n) {
    waits(), supra::eigen_backend::upload(from, to, n);
  }
  template <class T>
  void download(const T* from, T* to, std::int64_t n) {
    waits(), supra::eigen_backend::download(from, to, n);
  }
  void fence() { waits(); }
  template <class K>
  void launch(std::int64_t n, std::size_t scratch, const K& kernel) {
    memory_->now_or_later([this, n, scratch, kernel] { supra::eigen_backend::launch(n, scratch, kernel); });
  }
  template <class... X>
  void gemm(X... x) {
    memory_->now_or_later([x...] { supra::eigen_backend::gemm(x...); });
  }
  template <class F>
  void repeat(recording& r, F f) {
    auto& memory = *memory_;
    if (!r.steady || r.changes != memory.changes) {
      const int before = memory.changes;
      r.recorded.clear(), run(f, nullptr);
      r.changes = memory.changes, r.steady = before == memory.changes;
      return;
    }
    if (r.recorded.empty()) run(f, &r.recorded);
    else ++replays;
    if (memory.changes != r.changes) throw std::logic_error("what is recorded keeps memory");
    for (auto& again : r.recorded) again();
  }
  int replays = 0;

 private:
  void waits() const {
    if (memory_->into) throw std::logic_error("what is recorded moves no memory to or from the host, and waits for nothing");
  }
  template <class F>
  void run(F f, launches* into) {
    auto& memory = *memory_;
    const auto before = memory.kept;
    memory.repeats = true, memory.into = into;
    f();
    memory.repeats = false, memory.into = nullptr;
    if (!(memory.kept == before)) ++memory.changes;
  }
  std::shared_ptr<recorded_memory> memory_ = std::make_shared<recorded_memory>();
};

}  // namespace supra_test
