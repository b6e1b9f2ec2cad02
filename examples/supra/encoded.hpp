// Documents as tokens, on several threads.
#pragma once

#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "text.hpp"

namespace supra::program {

// Threads take the documents in their order, each whichever is next, and encode with words of their own that they remember.
class shared_encoding {
 public:
  shared_encoding(const io::tokenizer& t, std::span<const std::string_view> docs)
      : tokenizer_(t), docs_(docs), ids_(docs.size()) {}

  // threads: this one and as many others as make so many, or as the system gives. where: whence the documents come.
  std::vector<std::vector<std::int32_t>> run(std::size_t threads, const std::string& where) {
    {
      std::vector<std::jthread> others;
      try {
        while (others.size() + 1 < std::min(threads, docs_.size())) others.emplace_back([this] { work(); });
      } catch (const std::system_error&) {}  // no more threads are to be had
      work();
    }
    if (failure_) tell(where);
    return std::move(ids_);
  }

 private:
  void work() {
    std::size_t at = 0;
    try {
      const auto encode = tokenizer_.encoder();
      while ((at = next_++) < docs_.size()) ids_[at] = encode(docs_[at]);
    } catch (...) {
      next_ = docs_.size();  // documents before this one are all done or at work
      const std::lock_guard alone(failing_);
      if (!failure_ || at < failed_) failure_ = std::current_exception(), failed_ = at;
    }
  }
  // What one thread would have met first, whatever the threads did.
  [[noreturn]] void tell(const std::string& where) const {
    try {
      std::rethrow_exception(failure_);
    } catch (const io::error& e) {
      io::fail(where, ": document ", failed_ + 1, " of ", docs_.size(), ": ", e.what());
    }
  }

  const io::tokenizer& tokenizer_;
  std::span<const std::string_view> docs_;
  std::vector<std::vector<std::int32_t>> ids_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex failing_;
  std::exception_ptr failure_;
  std::size_t failed_ = 0;  // the first document that did
};

// Each document alone, in their order; the ids do not depend on the threads, 0 for as many as there are processors.
inline std::vector<std::vector<std::int32_t>> encoded(const io::tokenizer& t, std::span<const std::string_view> docs,
                                                      const std::string& where, int threads = 0) {
  const auto n = threads > 0 ? static_cast<unsigned>(threads) : std::max(1u, std::thread::hardware_concurrency());
  return shared_encoding(t, docs).run(n, where);
}

}  // namespace supra::program
