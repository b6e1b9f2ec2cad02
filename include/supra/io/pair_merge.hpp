// Byte-pair merging by score: of all neighbours that join into a token, the best-scoring pair, the leftmost of equals, is
// joined first, and so on. A heap finds it, so n tokens cost O(n log n), a megabyte a second or so.
#pragma once

#include <cstdint>
#include <queue>
#include <vector>

namespace supra::io {

struct joined {
  std::int32_t id = -1;                              // -1: the two do not join
  float score = 0;
};

// `join(a, b)` says what the tokens a and b become; a pair joins only if its score is above `floor`.
template <class Join>
void merge_pairs(std::vector<std::int32_t>& ids, float floor, Join&& join) {
  struct node { std::int32_t id; std::int64_t before, after; };                // after == n: last; id < 0: joined away
  struct candidate {
    float score;
    std::int64_t left, right;
    std::int32_t a, b, id;                           // what left and right were, to see whether they still are
    bool operator<(const candidate& o) const { return score != o.score ? score < o.score : left > o.left; }
  };
  const auto n = static_cast<std::int64_t>(ids.size());
  std::vector<node> nodes(ids.size());
  for (std::int64_t i = 0; i < n; ++i) nodes[i] = {ids[i], i - 1, i + 1};
  std::priority_queue<candidate> best;
  auto offer = [&](std::int64_t left, std::int64_t right) {
    if (left < 0 || right >= n) return;
    const joined j = join(nodes[left].id, nodes[right].id);
    if (j.id >= 0 && j.score > floor) best.push({j.score, left, right, nodes[left].id, nodes[right].id, j.id});
  };
  for (std::int64_t i = 0; i + 1 < n; ++i) offer(i, i + 1);
  while (!best.empty()) {
    const candidate c = best.top();
    best.pop();
    node& left = nodes[c.left];
    node& right = nodes[c.right];
    if (left.id != c.a || right.id != c.b || left.after != c.right) continue;  // one of them has changed since
    left.id = c.id, left.after = right.after, right.id = -1;
    if (left.after < n) nodes[left.after].before = c.left;
    offer(left.before, c.left);
    offer(c.left, left.after);
  }
  ids.clear();
  for (std::int64_t i = 0; i < n; i = nodes[i].after) ids.push_back(nodes[i].id);
}

}  // namespace supra::io
