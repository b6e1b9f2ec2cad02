// Lanes that are three real threads, for finding what one lane hides: a local accumulator instead of lanes.sum, a feature read
// by a lane that does not own it, a missing sync. Three, because an odd number shares out no width evenly.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

#include "supra/core/lanes.hpp"

namespace supra::testing {

inline constexpr int debug_threads = 3;

// Everyone waits for everyone; of a mutex and a condition variable, which the thread sanitizer understands.
class thread_barrier {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    const unsigned now = round_;
    if (++arrived_ == debug_threads) {
      arrived_ = 0, ++round_;
      all_.notify_all();
    } else {
      all_.wait(lock, [&] { return round_ != now; });
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_;
  int arrived_ = 0;
  unsigned round_ = 0;
};

// Three threads (two and the caller) that run f(lane) together, and return together.
class debug_crew {
 public:
  debug_crew() {
    for (int lane = 1; lane < debug_threads; ++lane) threads_.emplace_back([this, lane] { work(lane); });
  }
  debug_crew(const debug_crew&) = delete;
  debug_crew& operator=(const debug_crew&) = delete;
  ~debug_crew() {
    job_ = nullptr;
    gate_.wait();
    for (auto& t : threads_) t.join();
  }
  // f must not throw: the others would wait for ever, so the program ends instead.
  void run(std::function<void(int)> f) noexcept {
    job_ = std::move(f);
    gate_.wait();
    job_(0);
    gate_.wait();
  }
  thread_barrier barrier;                            // of the running job
  double part[debug_threads] = {};                   // of a reduction
  bool disturb = false;                              // lanes fall behind each other on purpose

 private:
  void work(int lane) noexcept {
    for (gate_.wait(); job_; gate_.wait()) {
      job_(lane);
      gate_.wait();
    }
  }
  std::function<void(int)> job_;
  thread_barrier gate_;
  std::vector<std::thread> threads_;
};

// A feature's number that only int(i) gives away: arithmetic on it does not compile, nor does it where lanes own registers.
struct strict_slot {
  int number;
  explicit strict_slot(int i) : number(i) {}
  explicit operator int() const { return number; }
};

// The same for rows in memory, which an integer indexes: it converts, but has no arithmetic either.
struct memory_slot {
  int number;
  explicit memory_slot(int i) : number(i) {}
  operator int() const { return number; }
  template <class X> friend void operator+(memory_slot, X) = delete;
  template <class X> friend void operator-(memory_slot, X) = delete;
  template <class X> friend void operator*(memory_slot, X) = delete;
  template <class X> friend void operator/(memory_slot, X) = delete;
  template <class X> friend void operator%(memory_slot, X) = delete;
};

template <class Slot> struct debug_lanes {
  debug_crew* crew;
  int lane;

  // Features 2i and 2i + 1 have one owner, and so have i and i + n/2 where n is a multiple of 12. For other n the halves change
  // hands, with a barrier before and after.
  static int owner(int i) { return i / 2 % debug_threads; }

  template <class F> void each(int n, F f) const {
    fall_behind();
    for (int i = 0; i < n; ++i)
      if (owner(i) == lane) f(Slot(i));
  }
  template <class F> void each_half(int n, F f) const {
    const int half = n / 2;
    const bool changes_hands = half % (2 * debug_threads) != 0;
    if (changes_hands) sync();
    fall_behind();
    for (int i = 0; i < half; ++i)
      if (owner(i) == lane) f(Slot(i), Slot(i + half));
    if (changes_hands) sync();
  }
  template <class F> void each_pair(int n, F f) const {
    fall_behind();
    for (int i = 0; i < n - 1; i += 2)
      if (owner(i) == lane) f(Slot(i), Slot(i + 1));
  }
  template <class F> auto sum(int n, F f) const {
    using A = decltype(f(Slot(0)) + f(Slot(0)));
    return reduce<A>(n, f, A(0), [](A x, A y) { return x + y; });
  }
  template <class F> auto max(int n, F f) const {
    using A = decltype(f(Slot(0)) + f(Slot(0)));
    return reduce<A>(n, f, -std::numeric_limits<A>::infinity(), [](A x, A y) { return x > y ? x : y; });
  }
  template <class F> void once(F f) const {
    if (lane == debug_threads - 1) f();
  }
  void sync() const { crew->barrier.wait(); }

 private:
  template <class A, class F, class Op> A reduce(int n, F f, A start, Op op) const {
    A mine = start;
    each(n, [&](Slot i) { mine = op(mine, static_cast<A>(f(i))); });
    crew->part[lane] = mine;                         // exact: A is double or float
    sync();
    A all = start;
    for (double p : crew->part) all = op(all, static_cast<A>(p));
    sync();
    return all;
  }
  void fall_behind() const {
    static thread_local unsigned turn = 0;
    if (crew->disturb && (++turn + static_cast<unsigned>(lane)) % debug_threads == 0)
      std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
};

}  // namespace supra::testing
