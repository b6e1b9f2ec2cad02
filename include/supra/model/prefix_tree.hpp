// Texts that begin alike, laid out so that what they share is computed once: a tree of segments, each after its parent.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace supra::model {

// Tokens that stand one after another in rows first .. first + rows - 1. Segments are sorted by depth: a parent comes before
// its children, and the rows of one depth are together.
struct prefix_segment {
  std::int64_t first = 0, rows = 0, position = 0;  // position: of its first token in the text
  std::int64_t parent = -1, depth = 0;
};

class prefix_tree {
 public:
  // A beginning that is shared by texts but shorter than `least` tokens is computed for each of them.
  explicit prefix_tree(std::span<const std::vector<std::int32_t>> texts, std::int64_t least = 4)
      : texts_(texts), least_(least), leaf_(texts.size(), -1) {
    std::vector<std::size_t> order(texts.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](auto x, auto y) { return texts[x] < texts[y]; });
    order.erase(std::remove_if(order.begin(), order.end(), [&](auto i) { return texts[i].empty(); }), order.end());
    split(order);
    lay_out();
  }

  const std::vector<prefix_segment>& segments() const { return segments_; }
  const std::vector<std::int32_t>& ids() const { return ids_; }              // of all rows
  const std::vector<std::int64_t>& positions() const { return positions_; }  // likewise
  std::int64_t depths() const { return segments_.empty() ? 0 : segments_.back().depth + 1; }
  // The row of a text's token.
  std::int64_t row(std::size_t text, std::int64_t token) const {
    std::int64_t s = leaf_[text];
    while (segments_[static_cast<std::size_t>(s)].position > token) s = segments_[static_cast<std::size_t>(s)].parent;
    return segments_[static_cast<std::size_t>(s)].first + token - segments_[static_cast<std::size_t>(s)].position;
  }

 private:
  using range = std::span<const std::size_t>;  // texts in lexicographic order
  const std::vector<std::int32_t>& text(std::size_t i) const { return texts_[i]; }
  std::int64_t length(std::size_t i) const { return static_cast<std::int64_t>(texts_[i].size()); }

  // Texts that agree in their first `agree` tokens; those before `begun` are in `parent` and what is before it. A list of what
  // is to be done, for a recursion would be as deep as texts are many.
  struct part {
    range texts;
    std::int64_t begun = 0, agree = 0, parent = -1, depth = 0;
  };
  void split(range texts) {
    std::vector<part> todo = {{texts}};
    while (!todo.empty()) {
      part p = todo.back();
      todo.pop_back();
      if (p.texts.empty()) continue;
      const auto &low = text(p.texts.front()), &high = text(p.texts.back());
      std::int64_t end = p.agree;  // sorted: what the first and the last share, all do
      const auto most = static_cast<std::int64_t>(std::min(low.size(), high.size()));
      while (end < most && low[static_cast<std::size_t>(end)] == high[static_cast<std::size_t>(end)]) ++end;
      const bool all_end = length(p.texts.back()) == end;  // then they are equal
      if (end > p.begun && (all_end || end - p.begun >= least_)) {
        p.parent = add(p.texts.front(), p.begun, end, p.parent, p.depth), ++p.depth, p.begun = end;
      }
      std::size_t i = 0;
      std::int64_t leaf = p.parent;  // of the texts that end here
      if (p.begun < end && length(p.texts[0]) == end) leaf = add(p.texts[0], p.begun, end, p.parent, p.depth);
      for (; i < p.texts.size() && length(p.texts[i]) == end; ++i) leaf_[p.texts[i]] = leaf;
      while (i < p.texts.size()) {
        std::size_t j = i + 1;
        const auto next = [&](std::size_t k) { return text(p.texts[k])[static_cast<std::size_t>(end)]; };
        while (j < p.texts.size() && next(j) == next(i)) ++j;
        todo.push_back({p.texts.subspan(i, j - i), p.begun, end, p.parent, p.depth}), i = j;
      }
    }
  }
  std::int64_t add(std::size_t of, std::int64_t from, std::int64_t to, std::int64_t parent, std::int64_t depth) {
    segments_.push_back({static_cast<std::int64_t>(of), to - from, from, parent, depth});  // first: a text's number as yet
    return static_cast<std::int64_t>(segments_.size()) - 1;
  }

  void lay_out() {
    std::vector<std::size_t> order(segments_.size()), place(segments_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](auto x, auto y) { return segments_[x].depth < segments_[y].depth; });
    std::vector<prefix_segment> sorted;
    for (auto i : order) {
      auto s = segments_[i];
      place[i] = sorted.size();
      const auto& of = text(static_cast<std::size_t>(s.first));
      s.first = static_cast<std::int64_t>(ids_.size());
      if (s.parent >= 0) s.parent = static_cast<std::int64_t>(place[static_cast<std::size_t>(s.parent)]);
      ids_.insert(ids_.end(), of.begin() + s.position, of.begin() + s.position + s.rows);
      for (std::int64_t t = 0; t < s.rows; ++t) positions_.push_back(s.position + t);
      sorted.push_back(s);
    }
    segments_ = std::move(sorted);
    for (auto& l : leaf_)
      if (l >= 0) l = static_cast<std::int64_t>(place[static_cast<std::size_t>(l)]);
  }

  std::span<const std::vector<std::int32_t>> texts_;
  std::int64_t least_;
  std::vector<std::int64_t> leaf_;  // the segment in which each text ends
  std::vector<prefix_segment> segments_;
  std::vector<std::int32_t> ids_;
  std::vector<std::int64_t> positions_;
};

}  // namespace supra::model
