// The tokens of words that were merged lately, for one thread: a table whose slots are a cache line or two, in which rare words
// take one another's places.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace supra::io {

class merged_words {
 public:
  // Appends the tokens of `word`: those remembered, else those that merge(word, ids) appends.
  template <class Merge>
  void operator()(std::string_view word, std::vector<std::int32_t>& ids, Merge&& merge) {
    const std::uint64_t hash = std::hash<std::string_view>()(word);
    slot* both = pair_of(hash);
    for (int i : {0, 1}) {
      if (!both[i].holds(hash, word)) continue;
      both[i].append_to(ids);
      if (i == 1) std::swap(both[0], both[1]);  // a word that comes again is not replaced by those that come once
      return;
    }
    const std::size_t before = ids.size();
    merge(word, ids);
    const std::size_t count = ids.size() - before;
    if (word.size() + count * sizeof(std::int32_t) > sizeof slot::bytes) return;
    if (++missed_ > slots_.size() && slots_.size() < most) grow(), both = pair_of(hash);
    both[both[0].used() ? 1 : 0].keep(hash, word, ids.data() + before, count);
  }

 private:
  static constexpr std::size_t least = 1 << 7, most = 1 << 16;  // slots: 16 KB for a short text, 8 MB at most

  struct alignas(64) slot {
    std::uint64_t hash;
    std::uint8_t length = 0, count;  // length 0: no word
    unsigned char bytes[118];        // the word, then its tokens

    bool used() const { return length > 0; }
    bool holds(std::uint64_t h, std::string_view word) const {
      return hash == h && length == word.size() && used() && std::memcmp(bytes, word.data(), length) == 0;
    }
    void append_to(std::vector<std::int32_t>& ids) const {
      const std::size_t before = ids.size();
      ids.resize(before + count);
      if (count > 0) std::memcpy(ids.data() + before, bytes + length, count * sizeof(std::int32_t));  // null where there is none
    }
    void keep(std::uint64_t h, std::string_view word, const std::int32_t* ids, std::size_t n) {
      hash = h, length = static_cast<std::uint8_t>(word.size()), count = static_cast<std::uint8_t>(n);
      std::memcpy(bytes, word.data(), length);
      if (n > 0) std::memcpy(bytes + length, ids, n * sizeof(std::int32_t));
    }
  };
  static_assert(sizeof(slot) == 128);

  slot* pair_of(std::uint64_t hash) { return &slots_[(hash & (slots_.size() - 1)) & ~std::size_t{1}]; }
  void grow() {
    const auto old = std::exchange(slots_, std::vector<slot>(std::min(most, slots_.size() * 4)));
    for (auto& s : old)
      if (slot* both = pair_of(s.hash); s.used()) both[both[0].used() ? 1 : 0] = s;
    missed_ = 0;
  }

  std::vector<slot> slots_ = std::vector<slot>(least);
  std::size_t missed_ = 0;
};

}  // namespace supra::io
