// Generation token by token: what a model remembers of the text so far. A student keeps one state per layer, sequence and head,
// of constant size, and its softmax branch, where it has one, the keys and values of a window (key_ring.hpp); a teacher keeps
// its keys and values, with a sliding window only those still in sight.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "supra/layer/draw.hpp"
#include "supra/model/decoder_rows.hpp"
#include "supra/model/key_ring.hpp"

namespace supra::model {

// A memory on the host: to go back to, to copy, to store. Student: states (layers, count, H, F, E). Teacher: keys, then values,
// each (layers, count, filled, G d); a student with a softmax branch has them after its states. A: what sums are kept in, in
// which a key is exact too.
template <class A> struct state_snapshot {
  std::int64_t count = 0, position = 0, filled = 0;
  std::vector<A> numbers;
};

// The last row of each of so many sequences.
template <class T> struct last_rows {
  const T* x;
  T* y;
  std::int64_t length;
  int width;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t s) const {
    lanes.each(width, [&, this](auto i) { y[s * width + int(i)] = x[((s + 1) * length - 1) * width + int(i)]; });
  }
};

// 1 where a row's target is its likeliest token, of equals too, else 0.
template <class A> struct likeliest_rows {
  const A* logits;
  const std::int32_t* targets;
  A* hits;
  int vocab;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    const A* row = logits + r * vocab;
    const A m = max_of(lanes, vocab, [](A x) { return x; }, row);
    lanes.once([&, this] { hits[r] = targets[r] >= 0 && row[targets[r]] >= m ? A(1) : A(0); });
  }
};

template <class B, class T> class generation {
 public:
  using A = accumulator_t<T>;
  static constexpr std::int64_t piece = 256;            // tokens of a prompt that are taken at once

  generation(transformer<B, T>& model, std::int64_t count)
      : generation(std::make_unique<plain_decoder<B, T>>(model), nullptr, count) {}
  // On weights in another form (packed_decoder.hpp), which must live as long.
  generation(decoder<B, T>& weights, std::int64_t count) : generation(nullptr, &weights, count) {}

  std::int64_t count() const { return count_; }
  std::int64_t position() const { return position_; }   // tokens seen so far
  // Bytes of what is remembered.
  std::int64_t bytes() const {
    if (!c.linear) return numbers(filled_) * std::int64_t{sizeof(T)};
    return c.layers * state_size() * std::int64_t{sizeof(A)} + (ring_ ? ring_->bytes() : 0);
  }

  // The next `length` tokens of each sequence, ids (count, length) -> logits (count, vocab) after the last of them.
  const std::vector<A>& feed(std::span<const std::int32_t> ids, std::int64_t length) {
    take(ids, length);
    const A* const last = last_logits();
    logits_.resize(static_cast<std::size_t>(count_ * c.vocab));
    b.download(last, logits_.data(), count_ * c.vocab);
    return logits_;
  }
  // The same, for the sum of the cross-entropies (nats) of targets (count, length; below 0: not predicted).
  // `each`, where given, becomes one for each target; `likeliest` whether it is the likeliest token (0 or 1).
  double score(std::span<const std::int32_t> ids, std::span<const std::int32_t> targets, std::int64_t length,
               std::vector<double>* each = nullptr, std::vector<char>* likeliest = nullptr) {
    check_tokens(ids, length);
    double sum = 0;
    if (each) each->assign(targets.size(), 0);
    if (likeliest) likeliest->assign(targets.size(), 0);
    each_piece(length, [&](std::int64_t t, std::int64_t n) {
      run(part(ids, length, t, n), n);
      const auto wanted = part(targets, length, t, n);
      if (std::ranges::all_of(wanted, [](auto y) { return y < 0; })) return;  // a long text of which the end is asked for
      std::vector<A> hits;
      const auto losses = cross_entropies(wanted, likeliest ? &hits : nullptr);
      for (A x : losses) sum += static_cast<double>(x);
      for (std::size_t i = 0; i < losses.size(); ++i) {
        const auto from = static_cast<std::int64_t>(i);
        const auto to = static_cast<std::size_t>(from / n * length + t + from % n);
        if (each) (*each)[to] = static_cast<double>(losses[i]);
        if (likeliest) (*likeliest)[to] = hits[i] != A(0);
      }
    });
    return sum;
  }
  const std::vector<A>& step(std::span<const std::int32_t> ids) { return feed(ids, 1); }
  // A step whose logits stay where they are: what is drawn of them for `uniforms`, numbers in [0, 1), one a sequence. A token
  // below `words` each, or -1 where logits are not finite (layer/draw.hpp).
  std::vector<std::int32_t> draw(std::span<const std::int32_t> ids, std::span<const double> uniforms, std::int64_t words) {
    if (static_cast<std::int64_t>(uniforms.size()) != count_ || words < 1 || words > c.vocab)
      throw std::invalid_argument("generation: " + std::to_string(uniforms.size()) + " numbers to draw " +
                                  std::to_string(words) + " words with; expected one for each of " + std::to_string(count_) +
                                  " sequences, and 1 to " + std::to_string(c.vocab) + " words");
    take(ids, 1), logits_.clear();
    return draws_(b, last_logits(), c.vocab, words, uniforms);
  }
  const std::vector<A>& logits() const { return logits_; }  // after the last token; none where one was drawn

  state_snapshot<A> snapshot() {
    state_snapshot<A> s{count_, position_, filled_, {}};
    s.numbers.resize(static_cast<std::size_t>(numbers(filled_)));
    if (c.linear) {
      b.download(static_cast<const A*>(states_.data()), s.numbers.data(), states_.size());
      if (ring_) ring_->download(position_, s.numbers.data() + states_.size());
      return s;
    }
    each_part(filled_, [&](T* memory, std::int64_t at, std::int64_t n) {
      std::vector<T> part(static_cast<std::size_t>(n));
      b.download(static_cast<const T*>(memory), part.data(), n);
      std::transform(part.begin(), part.end(), s.numbers.begin() + at, [](T x) { return A(x); });
    });
    return s;
  }
  // `logits`: those after the state's last token, for a caller that goes on from them.
  void restore(const state_snapshot<A>& s, std::vector<A> logits = {}) {
    if (c.linear && s.position >= 0 && s.filled != seen(s.position))
      throw std::invalid_argument("this state holds the keys of " + std::to_string(s.filled) + " tokens after " +
                                  std::to_string(s.position) + "; the model's window of " +
                                  std::to_string(c.attention.window) + " keeps " + std::to_string(seen(s.position)));
    if (s.count != count_ || s.position < 0 || s.filled < 0 || s.filled > s.position ||
        static_cast<std::int64_t>(s.numbers.size()) != numbers(s.filled))
      throw std::invalid_argument("this state is of another model or another number of sequences: " + std::to_string(s.count) +
                                  " sequences, " + std::to_string(s.numbers.size()) + " numbers; expected " +
                                  std::to_string(count_) + " and " + std::to_string(numbers(s.filled)));
    position_ = s.position, filled_ = 0, logits_ = std::move(logits);
    if (c.linear) {
      filled_ = s.filled;
      b.upload(s.numbers.data(), states_.data(), states_.size());
      if (ring_) ring_->upload(position_, s.numbers.data() + states_.size());
      return;
    }
    reserve(s.filled);
    filled_ = s.filled;
    each_part(filled_, [&](T* memory, std::int64_t at, std::int64_t n) {
      std::vector<T> part(static_cast<std::size_t>(n));
      std::transform(s.numbers.begin() + at, s.numbers.begin() + at + n, part.begin(), [](A x) { return T(x); });
      b.upload(part.data(), memory, n);
    });
  }

  // Every sequence goes on from the only one of `text`, a generation of the same model on the same backend: a text that was
  // read once goes on in many ways.
  void spread(const generation& text) {
    if (text.count_ != 1 || &text.w != &w || text.numbers(text.filled_) * count_ != numbers(text.filled_))
      throw std::invalid_argument("what is spread over " + std::to_string(count_) +
                                  " sequences must be one text of the same model on the same backend; this is " +
                                  std::to_string(text.count_) + " sequences of " +
                                  std::to_string(text.numbers(text.filled_)) + " numbers");
    position_ = text.position_, filled_ = 0, logits_.clear();
    for (std::int64_t s = 0; s < count_; ++s) logits_.insert(logits_.end(), text.logits_.begin(), text.logits_.end());
    const auto copy = [&]<class P>(const P* from, P* to, std::int64_t rows, std::int64_t from_rows, std::int64_t to_rows,
                                   std::int64_t width) {
      for_rows(b, c.layers * count_ * rows,
               copy_to_memory<P>{from, to, rows, from_rows, to_rows, 0, static_cast<int>(width), count_});
    };
    if (c.linear) {
      const std::int64_t columns = w.attention->w.state_columns, rows = state_size() / count_ / columns;
      copy(static_cast<const A*>(text.states_.data()), states_.data(), rows, rows, rows, columns);
      filled_ = text.filled_;
      if (ring_) ring_->spread(*text.ring_);
    } else {
      reserve(text.filled_);
      filled_ = text.filled_;
      copy(static_cast<const T*>(text.keys_.data()), keys_.data(), filled_, text.capacity_, capacity_, width());
      copy(static_cast<const T*>(text.values_.data()), values_.data(), filled_, text.capacity_, capacity_, width());
    }
    b.fence();
  }

  const config& model() const { return c; }
  decoder<B, T>& weights() const { return w; }

 private:
  generation(std::unique_ptr<decoder<B, T>> own, decoder<B, T>* other, std::int64_t count)
      : own_(std::move(own)), w(other ? *other : *own_), c(w.c), b(w.b), rows_(w), count_(count) {
    if (count < 1)
      throw std::invalid_argument("generation needs at least one sequence, " + std::to_string(count) + " were asked for");
    if (c.linear) states_ = b.template allocate<A>(c.layers * state_size());
    if (is_hybrid(c)) ring_.emplace(b, c, count);
  }
  template <class P> using buffer_of = typename transformer<B, T>::template buffer_of<P>;
  using buffer = buffer_of<T>;
  void check_tokens(std::span<const std::int32_t> ids, std::int64_t length) const {
    if (length < 1 || static_cast<std::int64_t>(ids.size()) != count_ * length)
      throw std::invalid_argument("generation: " + std::to_string(count_) + " sequences of " + std::to_string(length) +
                                  " tokens expected, " + std::to_string(ids.size()) + " tokens given");
    for (auto t : ids)
      if (t < 0 || t >= c.vocab)
        throw std::invalid_argument("token " + std::to_string(t) + " is outside the model's vocabulary of " +
                                    std::to_string(c.vocab));
  }
  // The next `length` tokens of each sequence.
  void take(std::span<const std::int32_t> ids, std::int64_t length) {
    check_tokens(ids, length);
    each_piece(length, [&](std::int64_t t, std::int64_t n) { run(part(ids, length, t, n), n); });
  }
  // f(first, number) of each piece of `length` tokens.
  template <class F> static void each_piece(std::int64_t length, F f) {
    for (std::int64_t t = 0; t < length; t += piece) f(t, std::min(piece, length - t));
  }
  // Tokens t .. t + n - 1 of each sequence.
  std::vector<std::int32_t> part(std::span<const std::int32_t> ids, std::int64_t length, std::int64_t t, std::int64_t n) const {
    std::vector<std::int32_t> some;
    for (std::int64_t s = 0; s < count_; ++s)
      some.insert(some.end(), ids.begin() + s * length + t, ids.begin() + s * length + t + n);
    return some;
  }
  std::int64_t width() const { return c.kv_heads * c.head_dim; }
  std::int64_t state_size() const {
    return count_ * c.heads * w.attention->w.features * w.attention->w.state_columns;
  }  // of a layer
  std::int64_t numbers(std::int64_t filled) const {
    return (c.linear ? c.layers * state_size() : 0) + 2 * c.layers * count_ * filled * width();
  }
  template <class F> void each_part(std::int64_t filled, F f) {
    std::int64_t at = 0;
    if (filled == 0) return;
    for (buffer* memory : {&keys_, &values_})
      for (std::int64_t i = 0; i < c.layers * count_; ++i, at += filled * width())
        f(memory->data() + i * capacity_ * width(), at, filled * width());
  }

  // Room for n more tokens; those out of the window's sight go.
  void reserve(std::int64_t n) {
    if (filled_ + n <= capacity_) return;
    const std::int64_t keep = c.sliding_window > 0 ? std::min(filled_, c.sliding_window - 1) : filled_;
    const std::int64_t rows = c.sliding_window > 0 ? std::max(keep + n, std::min(2 * c.sliding_window, 2 * capacity_))
                                                   : std::max(keep + n, 2 * capacity_);
    for (buffer* memory : {&keys_, &values_}) {
      auto next = b.template allocate<T>(c.layers * count_ * rows * width());
      if (keep > 0)
        for_rows(b, c.layers * count_ * keep,
                 copy_to_memory<T>{memory->data() + (filled_ - keep) * width(), next.data(), keep, capacity_, rows, 0,
                                   static_cast<int>(width())});
      *memory = std::move(next);
    }
    capacity_ = rows, filled_ = keep;
  }
  void run(const std::vector<std::int32_t>& ids, std::int64_t length) {
    const std::vector<std::int64_t> positions(static_cast<std::size_t>(count_), position_);
    if (positions_.size() == 0) positions_ = b.template allocate<std::int64_t>(count_);
    b.upload(positions.data(), positions_.data(), count_);
    if (!c.linear) reserve(length);
    length_ = length;
    rows_.read(ids);
    // a student's step is the same each time: it reads its position where the kernels are
    step_(b, c.linear && length == 1,
          [&] { rows_.run([&](std::int64_t l) { c.linear ? recur(l, length) : attend(l, length); }); });
    position_ += length;
    filled_ = c.linear ? seen(position_) : filled_ + length;
  }
  // Of a student: earlier tokens whose keys the one at `position` sees.
  std::int64_t seen(std::int64_t position) const { return ring_ ? ring_->seen(position) : 0; }
  void attend(std::int64_t l, std::int64_t length) {
    const std::int64_t n = count_ * length, layer_rows = l * count_ * capacity_ * width();
    const int H = static_cast<int>(c.heads), G = static_cast<int>(c.kv_heads), d = static_cast<int>(c.head_dim);
    auto &q = rows_.q, &k = rows_.k;
    rows_.turn(length, position_);
    T *keys = keys_.data() + layer_rows, *values = values_.data() + layer_rows;
    for_rows(b, n, copy_to_memory<T>{k.data(), keys, length, length, capacity_, filled_, static_cast<int>(width())});
    for_rows(b, n, copy_to_memory<T>{rows_.v.data(), values, length, length, capacity_, filled_, static_cast<int>(width())});
    const layer::softmax_call<T> call{length, c.sliding_window, H, G, d, q.data(), keys, values, nullptr, filled_, capacity_};
    layer::softmax_forward(b, count_, call, rows_.o.data());
  }
  void recur(std::int64_t l, std::int64_t length) {
    auto& r = rows_;
    if (r.turns()) r.turn(length, position_, length == 1 ? positions_.data() : nullptr);
    if (r.runs(branches::linear)) linear_heads(l, length);
    if (!ring_ || !r.runs(branches::window)) return;
    ring_->attend(l, length, position_, positions_.data(), r.turned_q(), r.turned_k(), r.v.data(), r.window_o());
    r.mix(l);
  }
  void linear_heads(std::int64_t l, std::int64_t length) {
    const auto& own = w.tensors(l).own;
    const std::int64_t n = count_ * length;
    auto& r = rows_;
    A* const state = states_.data() + l * state_size();
    if (length == 1)
      w.attention->step(b, n, positions_.data(), r.q.data(), r.k.data(), r.v.data(), r.gates.data(), own, r.saved, state,
                        r.o.data());
    else
      w.attention->forward(b, n, {count_, length, nullptr, nullptr, positions_.data()}, r.q.data(), r.k.data(), r.v.data(),
                           r.gates.data(), own, r.saved, r.o.data(), state, state);
  }
  const A* last_logits() {
    const int dim = static_cast<int>(c.dim);
    if (out_.size() == 0)
      out_ = b.template allocate<A>(count_ * c.vocab), last_ = b.template allocate<T>(count_ * c.dim);
    for_rows(b, count_, last_rows<T>{rows_.x.data(), last_.data(), length_, dim});
    rows_.final_norm(count_, last_.data());
    w.logits(count_, rows_.h.data(), out_.data());
    return out_.data();
  }

  // Of the tokens that ran last; some rows of logits at a time. hits, where given: whether each is the likeliest.
  std::vector<A> cross_entropies(const std::vector<std::int32_t>& targets, std::vector<A>* hits) {
    const auto n = static_cast<std::int64_t>(targets.size());
    const std::int64_t most = std::max<std::int64_t>(1, std::min<std::int64_t>(n, (std::int64_t{1} << 22) / c.vocab));
    auto wanted = b.template allocate<std::int32_t>(n);
    auto rows = b.template allocate<A>(most * c.vocab);
    auto losses = b.template allocate<A>(n), found = b.template allocate<A>(hits ? n : 1);
    b.upload(targets.data(), wanted.data(), n);
    rows_.final_norm(n, rows_.x.data());
    for (std::int64_t r = 0; r < n; r += most) {
      const std::int64_t some = std::min(most, n - r);
      w.logits(some, rows_.h.data() + r * c.dim, rows.data());
      if (hits)
        for_rows(b, some,
                 likeliest_rows<A>{rows.data(), wanted.data() + r, found.data() + r, static_cast<int>(c.vocab)});
      for_rows(b, some,
               layer::cross_entropy_rows<A>{rows.data(), wanted.data() + r, losses.data() + r, static_cast<int>(c.vocab), A(0),
                                            A(0), false});
    }
    std::vector<A> host(targets.size());
    b.download(static_cast<const A*>(losses.data()), host.data(), n);
    if (hits) hits->resize(targets.size()), b.download(static_cast<const A*>(found.data()), hits->data(), n);
    return host;
  }

  std::unique_ptr<decoder<B, T>> own_;
  decoder<B, T>& w;
  const config& c;
  B& b;
  decoder_rows<B, T> rows_;
  std::int64_t count_, position_ = 0, filled_ = 0, capacity_ = 0, length_ = 0;
  buffer_of<A> states_, out_;
  buffer keys_, values_, last_;
  std::optional<key_ring<B, T>> ring_;
  buffer_of<std::int64_t> positions_;
  std::vector<A> logits_;
  layer::row_draws<B, A> draws_;
  repeated<B> step_;
};

}  // namespace supra::model
