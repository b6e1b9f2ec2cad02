// Composition: four stages make a linear attention, and `attention` runs it on a backend.
//   using mine = linear_attention<hedgehog, rope, retnet_decay, sum_norm>;
//   attention<mine, eigen_backend, float> layer;   layer.forward(backend, shape, sequences, inputs, outputs);
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "supra/core/parts.hpp"

namespace supra {

template <class Feature, class PositionStage, class Decay, class Norm>
struct linear_attention {
  static_assert(explain_feature_map<Feature>() && explain_position<PositionStage>());
  static_assert(explain_decay<Decay>() && explain_normalizer<Norm>());
  using feature_map = Feature;
  using position_stage = PositionStage;
  using decay_stage = Decay;
  using normalizer_stage = Norm;
  Feature feature{};
  PositionStage position{};
  Decay decay{};
  Norm normalizer{};
};

// Throws std::invalid_argument with a sentence for shapes that fit nothing.
inline void check(const attention_shape& s, const sequences& q) {
  const auto fail = [](const std::string& what) { throw std::invalid_argument("linear attention: " + what); };
  const auto number = [](std::int64_t n) { return std::to_string(n); };
  if (s.tokens < 0 || s.heads <= 0 || s.kv_heads <= 0 || s.d <= 0 || s.e <= 0)
    fail("tokens must not be negative, heads, kv_heads, d and e must be positive; found tokens " + number(s.tokens) +
         ", heads " + number(s.heads) + ", kv_heads " + number(s.kv_heads) + ", d " + number(s.d) + ", e " + number(s.e));
  if (s.heads % s.kv_heads != 0)
    fail("heads (" + number(s.heads) + ") must be a multiple of kv_heads (" + number(s.kv_heads) + ")");
  if (s.chunk <= 0) fail("the chunk length must be at least 1, found " + number(s.chunk));
  if (q.count < 0 || q.length < 0 || (q.begin == nullptr) != (q.end == nullptr))
    fail("sequences need a count, and either a length or both begin and end");
  if (!q.begin && q.count * q.length > s.tokens)
    fail(number(q.count) + " sequences of " + number(q.length) + " tokens do not fit into " + number(s.tokens) + " tokens");
}

// Throws std::invalid_argument with a sentence for arrays that the composition needs and was not given.
template <class Composition, class T>
void check_given(const attention_shape& s, const attention_inputs<T>& in) {
  auto need = [&](bool ok, const char* what) {
    if (!ok && s.tokens > 0) throw std::invalid_argument(std::string("linear attention: inputs.") + what);
  };
  using normalizer = typename Composition::normalizer_stage;
  need(in.q.data && in.k.data && in.v.data, "q, k and v must be given");
  need(Composition::decay_stage::kind == decay_kind::constant || in.decay,
       "decay must be given: the decay schedule is learned or per token");
  need(parameters_of<typename Composition::feature_map>(s.d) == 0 || (in.feature_q && in.feature_k),
       "feature_q and feature_k must be given: the feature map has learned numbers");
  need(parameters_of<normalizer>(s.e) == 0 || in.normalizer, "normalizer must be given: the normalizer has learned numbers");
}
template <class T>
void check_given(const attention_shape& s, const attention_gradients<T>& g) {
  if (s.tokens > 0 && !(g.o.data && g.d_o.data && g.saved && g.dq.data && g.dk.data && g.dv.data))
    throw std::invalid_argument(
        "linear attention: gradients need o, d_o, saved (the forward's outputs.saved), dq, dk and dv; one of them is not "
        "given");
}

template <class Composition, class B, class T>
class attention final : public any_attention<B, T> {
 public:
  using A = accumulator_t<T>;
  using team = typename B::team;
  using feature_map = typename Composition::feature_map;
  using normalizer_stage = typename Composition::normalizer_stage;
  static constexpr decay_kind kind = Composition::decay_stage::kind;

  explicit attention(Composition stages = {}) : stages_(stages) {}

  attention_widths widths(int d, int e) const override {
    return {feature_map::out_dim(d),
            e + (normalizer_stage::wants_denominator ? 1 : 0),
            1,
            parameters_of<feature_map>(d),
            parameters_of<normalizer_stage>(e),
            kind == decay_kind::learned,
            kind == decay_kind::per_token};
  }

  void forward(B& b, const attention_shape& shape, const sequences& seq, const attention_inputs<T>& in,
               const attention_outputs<T>& out) override {
    auto call = make<attention_call<Composition, T>>(b, shape, seq, in);
    auto run = [&](const attention_outputs<T>& to) {
      launch(b, seq.count * shape.heads * call.parts.count, forward_kernel<Composition, T>{call, to});
    };
    if (call.parts.all == 1) return run(out);
    by_parts<direction::forward>(b, call, in.initial_state, out.final_state, [&] { run({out.o, out.saved, nullptr}); });
  }

  void backward(B& b, const attention_shape& shape, const sequences& seq, const attention_inputs<T>& in,
                const attention_gradients<T>& grad) override {
    check_given(shape, grad);
    auto call = make<backward_call<Composition, T>>(b, shape, seq, in);
    call.grad = grad;
    const std::int64_t n = seq.count, parts = call.parts.all, pf = parameters_of<feature_map>(shape.d),
                       pn = parameters_of<normalizer_stage>(shape.e);
    if (kind != decay_kind::constant && grad.d_decay) {
      call.work.decay = room(b, decay_, shape.tokens * shape.heads);
      call.work.last = room(b, last_, n * shape.heads);
    }
    if (pf > 0)
      call.work.feature_q = room(b, feature_q_, n * shape.heads * parts * pf),
      call.work.feature_k = room(b, feature_k_, n * shape.kv_heads * parts * pf);
    if (pn > 0) call.work.normalizer = room(b, normalizer_, n * shape.heads * parts * pn);
    auto run_q = [&] { launch(b, n * shape.heads * call.parts.count, backward_q_kernel<Composition, T>{call}); };
    auto run_kv = [&] { launch(b, n * shape.kv_heads * call.parts.count, backward_kv_kernel<Composition, T>{call}); };
    if (parts == 1) {
      run_q(), run_kv();
    } else {
      by_parts<direction::forward>(b, call, in.initial_state, nullptr, run_q);
      call.grad.d_initial_state = nullptr;
      by_parts<direction::reverse>(b, call, grad.d_final_state, grad.d_initial_state, run_kv);
    }
    add_up(b, call.work.feature_q, grad.d_feature_q, n, parts, pf, shape.heads);
    add_up(b, call.work.feature_k, grad.d_feature_k, n, parts, pf, shape.kv_heads, direction::reverse);
    add_up(b, call.work.normalizer, grad.d_normalizer, n, parts, pn, shape.heads);
    if (call.work.decay) {
      A* partial = kind == decay_kind::learned ? room(b, partial_, n * shape.heads) : nullptr;
      b.launch(n * shape.heads, 0, backward_decay_kernel<Composition, T>{call, partial});
      add_up(b, partial, grad.d_decay, n, 1, 1, shape.heads);
    }
  }

  void step(B& b, const attention_shape& shape, std::int64_t count, const std::int64_t* position, const attention_inputs<T>& in,
            A* state, strided<T> o) override {
    sequences seq{count, 1, nullptr, nullptr, position};
    auto call = make<attention_call<Composition, T>>(b, shape, seq, in);
    call.angles = step_angles(b, shape, seq);
    launch(b, count * shape.heads, step_kernel<Composition, T>{call, state, o});
  }

  void map(B& b, std::int64_t n, int heads, int d, strided<const T> x, const A* parameters, strided<T> y) override {
    for_rows(b, n * heads, map_rows{stages_.feature, heads, d, x, parameters, y});
  }
  void map_vjp(B& b, std::int64_t n, int heads, int d, strided<const T> x, const A* parameters, strided<const T> dy,
               strided<T> dx, A* d_parameters) override {
    const std::int64_t p = parameters_of<feature_map>(d);
    A* own = p > 0 ? room(b, feature_q_, n * heads * p) : nullptr;
    for_rows(b, n * heads, map_vjp_rows{stages_.feature, heads, d, x, parameters, dy, dx, own});
    add_up(b, own, d_parameters, n, 1, p, heads);
  }

 private:
  using buffer = decltype(std::declval<B&>().template allocate<A>(0));
  using table_buffer = decltype(std::declval<B&>().template allocate<double>(0));

  struct map_rows {
    feature_map feature;
    int heads, d;
    strided<const T> x;
    const A* parameters;
    strided<T> y;
    template <class Lanes>
    SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
      const int h = static_cast<int>(i % heads), p = parameters_of<feature_map>(d);
      const place<A> at{0, h, false, p ? parameters + static_cast<std::int64_t>(h) * p : nullptr};
      feature.forward(lanes, at, memory_row<const T, A>{x.row(i / heads, h), d},
                      memory_row<T, A>{y.row(i / heads, h), feature_map::out_dim(d)});
    }
  };
  struct map_vjp_rows {
    feature_map feature;
    int heads, d;
    strided<const T> x;
    const A* parameters;
    strided<const T> dy;
    strided<T> dx;
    A* own;
    template <class Lanes>
    SUPRA_FN void operator()(Lanes lanes, std::int64_t i) const {
      const int h = static_cast<int>(i % heads), p = parameters_of<feature_map>(d);
      A* gradient = p ? own + i * p : nullptr;
      lanes.each(p, [&](auto j) { gradient[int(j)] = 0; });
      lanes.sync();
      const place<A> at{0, h, false, p ? parameters + static_cast<std::int64_t>(h) * p : nullptr, nullptr, gradient};
      feature.vjp(lanes, at, memory_row<const T, A>{x.row(i / heads, h), d},
                  memory_row<const T, A>{dy.row(i / heads, h), feature_map::out_dim(d)},
                  memory_row<T, A>{dx.row(i / heads, h), d});
    }
  };

  // A kernel's scratch on the host is what it lays out in its team's.
  template <class K>
  static void launch(B& b, std::int64_t teams, const K& kernel) {
    b.launch(teams, scratch_bytes_of<typename K::template scratch<team>>(kernel.call), kernel);
  }
  template <class Call>
  Call make(B& b, const attention_shape& shape, const sequences& seq, const attention_inputs<T>& in) {
    check(shape, seq), check_given<Composition>(shape, in);
    prepare(b, shape);
    Call c{};
    c.stages = stages_, c.shape = shape, c.seq = seq, c.in = in, c.log_gamma = log_gamma_.data(), c.table = table_.data();
    c.parts.all = parts_of(b, shape, seq);
    c.angles = angles(b, shape, seq);
    return c;
  }
  // The schedule's and the position's numbers, computed on the host when the shape is first seen.
  void prepare(B& b, const attention_shape& shape) {
    if (shape.heads == heads_ && shape.d == d_) return;
    if constexpr (kind == decay_kind::constant) {
      std::vector<A> g;
      for (int h = 0; h < shape.heads; ++h) g.push_back(static_cast<A>(stages_.decay.log_gamma(h, shape.heads)));
      log_gamma_ = b.template allocate<A>(shape.heads);
      b.upload(g.data(), log_gamma_.data(), shape.heads);
    }
    if constexpr (!IsIdentity<typename Composition::position_stage>) {
      const int f = feature_map::out_dim(shape.d), n = stages_.position.table_size(f);
      std::vector<double> t;
      for (int i = 0; i < n; ++i) t.push_back(stages_.position.table(f, i));
      table_ = b.template allocate<double>(n), angles_ = {};
      b.upload(t.data(), table_.data(), n);
    }
    heads_ = shape.heads, d_ = shape.d;
  }
  // One token's angles, for all heads and calls.
  struct angle_rows {
    typename Composition::position_stage position;
    const double* table;
    A* to;
    int features;
    const std::int64_t* first = nullptr;  // row t is of the token at first[t]; none: at t
    template <class Lanes>
    SUPRA_FN void operator()(Lanes lanes, std::int64_t t) const {
      if constexpr (!IsIdentity<typename Composition::position_stage>)
        position.prepare(lanes, place<A>{first ? first[t] : t, 0, false, nullptr, table}, memory_row<A, A>{to + t * features, features});
    }
  };
  // Where sequences begin at position 0 and are not too long to remember; else null.
  const A* angles(B& b, const attention_shape& shape, const sequences& seq) {
    constexpr std::int64_t most = std::int64_t{1} << 22;  // numbers
    const std::int64_t longest = seq.begin ? shape.tokens : seq.length, f = feature_map::out_dim(shape.d);
    if (IsIdentity<typename Composition::position_stage> || seq.position || longest == 0 || longest * f > most) return nullptr;
    if (angles_.size() < longest * f) {
      A* const to = room(b, angles_, longest * f);
      for_rows(b, longest, angle_rows{stages_.position, table_.data(), to, static_cast<int>(f)});
    }
    return angles_.data();
  }
  // (count, F), of the one token of each sequence: once for all heads.
  const A* step_angles(B& b, const attention_shape& shape, const sequences& seq) {
    if (IsIdentity<typename Composition::position_stage>) return nullptr;
    const int f = feature_map::out_dim(shape.d);
    A* const to = room(b, step_angles_, seq.count * f);
    for_rows(b, seq.count, angle_rows{stages_.position, table_.data(), to, f, seq.position});
    return to;
  }
  A* room(B& b, buffer& r, std::int64_t n) {
    if (r.size() < n || r.data() == nullptr) r = b.template allocate<A>(n > 0 ? n : 1);
    return r.data();
  }
  void add_up(B& b, const A* from, A* to, std::int64_t count, std::int64_t parts, std::int64_t width, std::int64_t heads,
              direction order = direction::forward) {
    if (from && to) for_rows(b, heads * width, sum_over_sequences<A>{from, to, count, parts, width, heads * width, order});
  }

  // The states before each chunk of a group of chunks, then run() on them, group after group: a group is long enough for its
  // three launches not to count, and the states of a long text are never all held. carry (null: not wanted) ends as the state
  // after the walk.
  template <direction Dir, class Call, class Run>
  void by_parts(B& b, Call& call, const A* from, A* carry, Run run) {
    const std::int64_t rows = call.seq.count * call.shape.heads, size = call.state_size(), all = call.parts.all;
    const std::int64_t group = std::min(all, (32 * teams_of(b) + rows - 1) / rows), groups = (all + group - 1) / group;
    A* const states = room(b, states_, rows * group * size);
    A* const totals = room(b, totals_, rows * group);
    if (carry == nullptr) carry = room(b, carry_, rows * size);
    if (carry != from) for_rows(b, rows * call.features(), begin_state<A>{from, carry, call.columns()});
    for (std::int64_t i = 0; i < groups; ++i) {
      const std::int64_t first = (Dir == direction::forward ? i : groups - 1 - i) * group;
      call.parts = {first, std::min(group, all - first), all, states, totals};
      launch(b, rows * call.parts.count, contribution_kernel<Dir, Call>{call});
      const scan_kernel<Dir, A> scan{call.parts, carry, call.features(), call.columns()};
      b.launch(rows * scan.blocks(), scan.scratch_bytes(), scan);
      run();
    }
  }
  // Chunks of a sequence that are walked for themselves; 1: sequences are walked whole.
  std::int64_t parts_of(B& b, const attention_shape& shape, const sequences& seq) const {
    const std::int64_t longest = seq.begin ? shape.tokens : seq.length, rows = seq.count * shape.heads;
    return rows < 2 * teams_of(b) && rows > 0 ? std::max<std::int64_t>(1, (longest + shape.chunk - 1) / shape.chunk) : 1;
  }

  Composition stages_;
  int heads_ = 0, d_ = 0;
  buffer log_gamma_, decay_, last_, feature_q_, feature_k_, normalizer_, partial_, states_, totals_, carry_, angles_,
      step_angles_;
  table_buffer table_;
};

}  // namespace supra
