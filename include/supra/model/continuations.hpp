// How likely a model finds continuations of texts: log-probabilities of tokens, summed, for many texts at once. What texts
// share at their beginning is computed once (prefix_tree.hpp): by a student from the state after it, by a teacher, and by a
// student's softmax branch, from its keys.
#pragma once

#include <tuple>

#include "supra/layer/softmax_tree.hpp"
#include "supra/model/decoder_rows.hpp"

namespace supra::model {

// Tokens from `first` on are predicted, each from those before it; first is at least 1.
struct continuation {
  std::vector<std::int32_t> ids;
  std::int64_t first = 1;
};
struct continuation_score {
  double log_likelihood = 0;  // nats, of all tokens predicted
  bool greedy = true;         // each of them is the likeliest
};

// state (F E) of segment i of a depth from that of its parent, of the depth before.
template <class A>
struct hand_over_states {
  const A* from;
  A* to;
  const std::int64_t* parent;
  std::int64_t rows;  // of a segment's states: H F
  int columns;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    const A* x = from + (parent[r / rows] * rows + r % rows) * columns;
    A* y = to + r * columns;
    lanes.each(columns, [&](auto i) { y[int(i)] = x[int(i)]; });
  }
};
template <class T>
struct pick_rows {
  const T* x;
  T* y;
  const std::int64_t* which;
  int width;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    lanes.each(width, [&, this](auto i) { y[r * width + int(i)] = x[which[r] * width + int(i)]; });
  }
};
// Of each row of logits the largest and the log of the sum of exponentials: stat (rows, 2).
template <class A>
struct logit_stats {
  const A* logits;
  A* stat;
  int vocab;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    const A* row = logits + r * vocab;
    const auto all = layer::exponentials_of(lanes, vocab, row);
    lanes.once([&, this] { stat[2 * r] = all.max, stat[2 * r + 1] = all.lse(); });
  }
};
// A target among a row's logits: its log-probability, and by how much the largest exceeds it.
template <class A>
struct target_scores {
  const A *logits, *stat;
  const std::int64_t* row;
  const std::int32_t* token;
  A* score;  // (targets, 2)
  std::int64_t first_row;
  int vocab;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
    lanes.once([&, this] {
      const std::int64_t r = row[i] - first_row;
      const A x = logits[r * vocab + token[i]];
      score[2 * i] = x - stat[2 * r + 1], score[2 * i + 1] = stat[2 * r] - x;
    });
  }
};

template <class B, class T>
class continuation_scores {
 public:
  using A = accumulator_t<T>;

  explicit continuation_scores(decoder<B, T>& weights) : rows_(weights), w(weights), c(w.c), b(w.b) {}

  // All together: one batch. Computes as many rows as the texts have different beginnings (rows_of).
  std::vector<continuation_score> operator()(std::span<const continuation> texts) {
    std::vector<std::vector<std::int32_t>> read;  // the last token is predicted, never read
    for (auto& t : texts) check(t), read.emplace_back(t.ids.begin(), t.ids.end() - 1);
    const prefix_tree tree(read);
    run(tree);
    std::vector<target> targets;
    for (std::size_t i = 0; i < texts.size(); ++i)
      for (auto t = texts[i].first; t < static_cast<std::int64_t>(texts[i].ids.size()); ++t)
        targets.push_back({tree.row(i, t - 1), texts[i].ids[static_cast<std::size_t>(t)], i});
    std::stable_sort(targets.begin(), targets.end(), [](auto& x, auto& y) { return x.row < y.row; });
    return sums(targets, texts.size());
  }

 private:
  template <class P>
  using buffer_of = typename decoder_rows<B, T>::template buffer_of<P>;
  struct target {
    std::int64_t row;
    std::int32_t token;
    std::size_t text;
  };
  void check(const continuation& t) const {
    const auto n = static_cast<std::int64_t>(t.ids.size());
    if (t.first < 1 || t.first > n || n < 1)
      throw std::invalid_argument("a continuation begins at token " + std::to_string(t.first) + " of " + std::to_string(n) +
                                  "; it must come after a first token, and not beyond the end");
    for (auto id : t.ids)
      if (id < 0 || id >= c.vocab)
        throw std::invalid_argument("token " + std::to_string(id) + " is outside the model's vocabulary of " +
                                    std::to_string(c.vocab));
  }
  template <class P>
  buffer_of<P> upload(const std::vector<P>& values) {
    auto to = b.template allocate<P>(static_cast<std::int64_t>(values.size()));
    b.upload(values.data(), to.data(), to.size());
    return to;
  }

  void run(const prefix_tree& tree) {
    if (tree.ids().empty()) return;
    const auto n = static_cast<std::int64_t>(tree.ids().size());
    const auto positions = upload(tree.positions());
    const auto segments = upload(tree.segments());
    std::vector<level> depths;
    if (c.linear) depths = upload_depths(tree);
    rows_.read(tree.ids());
    rows_.run([&](std::int64_t l) {
      if (rows_.turns()) rows_.turn(n, 0, positions.data());
      if (!c.linear) return attend(n, segments, c.sliding_window, rows_.o.data());
      if (rows_.runs(branches::linear)) recur(l, depths);
      if (!is_hybrid(c) || !rows_.runs(branches::window)) return;
      attend(n, segments, c.attention.window, rows_.window_o()), rows_.mix(l);
    });
  }
  void attend(std::int64_t n, const buffer_of<prefix_segment>& segments, std::int64_t window, T* o) {
    const int H = static_cast<int>(c.heads), G = static_cast<int>(c.kv_heads), d = static_cast<int>(c.head_dim);
    const layer::softmax_tree_kernel<T> kernel{
        {n, window, H, G, d, rows_.turned_q(), rows_.turned_k(), rows_.v.data(), nullptr}, segments.data(), o};
    b.launch(segments.size() * H, kernel.scratch_bytes(), kernel);
  }

  // The segments of one depth as packed sequences; rows count from the depth's first.
  struct level {
    std::int64_t first, rows, count;
    bool hands_over;
    buffer_of<std::int64_t> begin, end, position, parent;
  };
  std::vector<level> upload_depths(const prefix_tree& tree) {
    std::vector<level> all;
    const auto& s = tree.segments();
    std::size_t i = 0, before = 0;
    for (std::int64_t depth = 0; depth < tree.depths(); ++depth) {
      std::vector<std::int64_t> begin, end, position, parent;
      const std::size_t from = i;
      for (; i < s.size() && s[i].depth == depth; ++i) {
        begin.push_back(s[i].first - s[from].first), end.push_back(begin.back() + s[i].rows);
        position.push_back(s[i].position), parent.push_back(s[i].parent - static_cast<std::int64_t>(before));
      }
      all.push_back({s[from].first, end.back(), static_cast<std::int64_t>(i - from), depth + 1 < tree.depths(), upload(begin),
                     upload(end), upload(position), upload(parent)});
      before = from;
    }
    return all;
  }
  void recur(std::int64_t l, const std::vector<level>& depths) {
    const auto& own = w.tensors(l).own;
    const std::int64_t states = c.heads * w.attention->w.features, columns = w.attention->w.state_columns,
                       qs = c.heads * w.attention->d, ks = c.kv_heads * w.attention->d, vs = c.kv_heads * c.head_dim,
                       os = c.heads * c.head_dim;
    for (std::size_t i = 0; i < depths.size(); ++i) {
      const auto& d = depths[i];
      A* const initial = i > 0 ? room(b, initial_, d.count * states * columns) : nullptr;
      if (i > 0)
        for_rows(b, d.count * states,
                 hand_over_states<A>{final_.data(), initial, d.parent.data(), states, static_cast<int>(columns)});
      A* const final_state = d.hands_over ? room(b, final_, d.count * states * columns) : nullptr;
      const sequences seq{d.count, 0, d.begin.data(), d.end.data(), d.position.data()};
      w.attention->forward(b, d.rows, seq, rows_.q.data() + d.first * qs, rows_.k.data() + d.first * ks,
                           rows_.v.data() + d.first * vs, rows_.gates.data() + d.first * c.heads, own, rows_.saved,
                           rows_.o.data() + d.first * os, initial, final_state);
    }
  }

  // Targets sorted by row. Logits of the rows that predict something alone, some of them at a time.
  std::vector<continuation_score> sums(const std::vector<target>& targets, std::size_t texts) {
    std::vector<continuation_score> all(texts);
    std::vector<std::int64_t> rows, row_of;  // rows that predict; each target's among them
    std::vector<std::int32_t> tokens;
    for (auto& t : targets) {
      if (rows.empty() || rows.back() != t.row) rows.push_back(t.row);
      row_of.push_back(static_cast<std::int64_t>(rows.size()) - 1), tokens.push_back(t.token);
    }
    const auto n = static_cast<std::int64_t>(rows.size()), count = static_cast<std::int64_t>(targets.size());
    if (n == 0) return all;
    const std::int64_t at_once = std::int64_t{1} << (on_host<B>() ? 24 : 26),
                       most = std::max<std::int64_t>(1, std::min<std::int64_t>(n, at_once / c.vocab));
    const auto which = upload(rows), row = upload(row_of);
    const auto token = upload(tokens);
    auto hidden = b.template allocate<T>(n * c.dim);
    auto logits = b.template allocate<A>(most * c.vocab), stat = b.template allocate<A>(2 * most),
         score = b.template allocate<A>(2 * count);
    for_rows(b, n, pick_rows<T>{rows_.x.data(), hidden.data(), which.data(), static_cast<int>(c.dim)});
    rows_.final_norm(n, hidden.data());
    std::int64_t i = 0;
    for (std::int64_t r = 0; r < n; r += most) {
      const std::int64_t some = std::min(most, n - r), from = i;
      while (i < count && row_of[static_cast<std::size_t>(i)] < r + some) ++i;
      w.logits(some, rows_.h.data() + r * c.dim, logits.data());
      for_rows(b, some, logit_stats<A>{logits.data(), stat.data(), static_cast<int>(c.vocab)});
      for_rows(b, i - from,
               target_scores<A>{logits.data(), stat.data(), row.data() + from, token.data() + from, score.data() + 2 * from, r,
                                static_cast<int>(c.vocab)});
    }
    std::vector<A> host(static_cast<std::size_t>(2 * count));
    b.download(static_cast<const A*>(score.data()), host.data(), 2 * count);
    for (std::size_t j = 0; j < targets.size(); ++j) {
      auto& s = all[targets[j].text];
      s.log_likelihood += static_cast<double>(host[2 * j]), s.greedy = s.greedy && host[2 * j + 1] <= 0;
    }
    return all;
  }

  decoder_rows<B, T> rows_;
  decoder<B, T>& w;
  const config& c;
  B& b;
  buffer_of<A> initial_, final_;
};

}  // namespace supra::model
