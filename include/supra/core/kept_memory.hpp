// Blocks of a device's memory that stay for work that is launched again and again (backend.hpp: repeat), so that the same work
// finds the same memory: what is taken and given back in the same order lies at the same addresses each time.
#pragma once

#include <cstddef>
#include <vector>

namespace supra {

class kept_memory {
 public:
  // Of the free blocks that are large enough, the smallest, where it is at most twice as large: else a small buffer that stays
  // would hold a large block. Null: there is none.
  void* take(std::size_t bytes) {
    block* best = nullptr;
    for (auto& x : blocks_)
      if (x.free && x.bytes >= bytes && x.bytes - bytes <= bytes && (!best || x.bytes < best->bytes)) best = &x;
    if (!best) return nullptr;
    return best->free = false, best->at;
  }
  // A block from elsewhere, in use.
  void add(void* at, std::size_t bytes) { blocks_.push_back({at, bytes, false}); }
  // False where it is none of these.
  bool give_back(void* at) noexcept {
    for (auto& x : blocks_)
      if (x.at == at) return x.free = true;
    return false;
  }
  // A block that is kept no longer, where it is one.
  void remove(void* at) noexcept {
    std::erase_if(blocks_, [at](const block& x) { return x.at == at; });
  }
  // The same of all free ones: f(address).
  template <class F>
  void release(F f) {
    std::erase_if(blocks_, [&](const block& x) { return x.free && (f(x.at), true); });
  }
  // The same blocks, and the same of them free.
  bool operator==(const kept_memory&) const = default;

 private:
  struct block {
    void* at;
    std::size_t bytes;
    bool free;
    bool operator==(const block&) const = default;
  };
  std::vector<block> blocks_;
};

}  // namespace supra
