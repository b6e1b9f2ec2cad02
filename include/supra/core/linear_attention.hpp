// Composition: four stages make a linear attention, and `attention` runs it on a backend.
//   using mine = linear_attention<hedgehog, rope, retnet_decay, sum_norm>;
//   attention<mine, eigen_backend, float> layer;   layer.forward(backend, shape, sequences, inputs, outputs);
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "supra/core/backward_decay.hpp"
#include "supra/core/backward_keys.hpp"
#include "supra/core/backward_normalizer.hpp"
#include "supra/core/backward_queries.hpp"
#include "supra/core/check.hpp"
#include "supra/core/parts.hpp"
#include "supra/core/rows.hpp"
#include "supra/core/step.hpp"
#include "supra/core/value_slices.hpp"

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

// A schedule of constants, to kernels: numbers in an array.
struct known_decay {
  static constexpr decay_kind kind = decay_kind::constant;
  double log_gamma(int, int) const { return 0; }
};
// What kernels are compiled for: compositions that differ in a schedule of constants alone share them.
template <class C>
using kernel_stages = std::conditional_t<
    C::decay_stage::kind == decay_kind::constant,
    linear_attention<typename C::feature_map, typename C::position_stage, known_decay, typename C::normalizer_stage>, C>;
template <class C>
kernel_stages<C> stages_for_kernels(const C& c) {
  if constexpr (C::decay_stage::kind == decay_kind::constant)
    return {c.feature, c.position, {}, c.normalizer};
  else
    return c;
}

template <class Composition, class B, class T>
class attention final : public any_attention<B, T> {
 public:
  using A = accumulator_t<T>;
  using composition = Composition;
  using team = typename B::team;
  using kernels = kernel_stages<Composition>;
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
    auto call = make<attention_call<kernels, T>>(b, shape, seq, in);
    if constexpr (may_be_sliced)
      if (sliced(b, shape)) return slices_->forward(b, call, out);
    cut(b, call), call.angles = angles(b, shape, seq);
    auto run = [&](const attention_outputs<T>& to) {
      launch(b, seq.count * shape.heads * call.parts.count, forward_kernel<kernels, T>{call, to});
    };
    if (call.parts.all == 1) return run(out);
    by_parts<direction::forward>(b, call, in.initial_state, out.final_state, [&] { run({out.o, out.saved, nullptr}); });
  }

  void backward(B& b, const attention_shape& shape, const sequences& seq, const attention_inputs<T>& in,
                const attention_gradients<T>& grad) override {
    check_given(shape, grad);
    auto call = make<backward_call<kernels, T>>(b, shape, seq, in);
    call.grad = grad;
    if constexpr (may_be_sliced)
      if (sliced(b, shape)) return normalizer_gradient(b, call, true), slices_->backward(b, call);  // such rows are no walk's
    normalizer_gradient(b, call);
    cut(b, call), call.angles = angles(b, shape, seq);
    const std::int64_t n = seq.count, parts = call.parts.all, pf = parameters_of<feature_map>(shape.d);
    if (kind != decay_kind::constant && grad.d_decay) {
      call.work.decay = room(b, decay_, shape.tokens * shape.heads);
      call.work.last = room(b, last_, n * shape.heads);
    }
    if (pf > 0)
      call.work.feature_q = room(b, feature_q_, n * shape.heads * parts * pf),
      call.work.feature_k = room(b, feature_k_, n * shape.kv_heads * parts * pf);
    // q . dq and k . dk nearly cancel, so both must round alike: where dk is left to plain teams (one_by_one), dq is, too.
    const bool plain = kind != decay_kind::constant && plain_keys(call);
    auto run_q = [&] {
      launch(b, n * shape.heads * call.parts.count, backward_q_kernel<kernels, T>{by_query_heads(b, call)}, plain);
    };
    auto run_kv = [&] {
      if (!one_by_one(b, call)) launch(b, n * shape.kv_heads * call.parts.count, backward_kv_kernel<kernels, T>{call});
    };
    if (parts == 1) {
      run_q(), run_kv();
    } else {
      by_parts<direction::forward>(b, call, in.initial_state, nullptr, run_q);
      call.grad.d_initial_state = nullptr;
      by_parts<direction::reverse>(b, call, grad.d_final_state, grad.d_initial_state, run_kv);
    }
    add_up(b, call.work.feature_q, grad.d_feature_q, n, parts, pf, shape.heads);
    add_up(b, call.work.feature_k, grad.d_feature_k, n, parts, pf, shape.kv_heads, direction::reverse);
    if constexpr (kind != decay_kind::constant)
      if (call.work.decay) add_up_decay(b, call);
  }

  void step(B& b, const attention_shape& shape, std::int64_t count, const std::int64_t* position, const attention_inputs<T>& in,
            A* state, strided<T> o) override {
    sequences seq{count, 1, nullptr, nullptr, position};
    auto call = make<attention_call<kernels, T>>(b, shape, seq, in);
    const std::int64_t teams = count * shape.heads;
    using kernel = step_kernel<kernels, T>;
    if constexpr (requires(const kernel& k) { b.launch_step(teams, k); })
      if (b.launch_step(teams, kernel{call, state, o})) return;
    call.angles = step_angles(b, shape, seq);
    launch(b, teams, kernel{call, state, o});
  }

  void map(B& b, std::int64_t n, int heads, int d, strided<const T> x, const A* parameters, strided<T> y) override {
    probe(b, d, 0);
    for_rows(b, n * heads, map_rows<feature_map, T>{stages_.feature, heads, d, x, parameters, y});
  }
  void map_vjp(B& b, std::int64_t n, int heads, int d, strided<const T> x, const A* parameters, strided<const T> dy,
               strided<T> dx, A* d_parameters) override {
    probe(b, d, 0);
    const std::int64_t p = parameters_of<feature_map>(d);
    A* own = p > 0 ? room(b, feature_q_, n * heads * p) : nullptr;
    for_rows(b, n * heads, map_vjp_rows<feature_map, T>{stages_.feature, heads, d, x, parameters, dy, dx, own});
    add_up(b, own, d_parameters, n, 1, p, heads);
  }

 private:
  // Whether the backend may want v by slices of its columns (value_slices.hpp): any that has no column of its own beside them.
  static constexpr bool may_be_sliced =
      !normalizer_stage::wants_denominator && !std::is_same_v<normalizer_stage, unnormalized> &&
      requires(B& b, const attention_shape& s) { b.template value_slice<kernels, T>(s); };
  using slice = attention<linear_attention<feature_map, typename Composition::position_stage, typename Composition::decay_stage,
                                           unnormalized>,
                          B, T>;
  using slices = value_slices<kernels, slice, B, T>;
  struct whole {};

  bool sliced(B& b, const attention_shape& shape) {
    const int columns = b.template value_slice<kernels, T>(shape);
    if (columns > 0 && !(slices_ && slices_->columns() == columns))
      slices_ = std::make_unique<slices>(
          typename slice::composition{stages_.feature, stages_.position, stages_.decay, {}}, columns);
    return columns > 0;
  }

  using rows_of_angles = angle_rows<typename Composition::position_stage, A>;
  using buffer = decltype(std::declval<B&>().template allocate<A>(0));
  using table_buffer = decltype(std::declval<B&>().template allocate<double>(0));

  // A kernel's scratch on the host is what it lays out in its team's.
  template <class K>
  static void launch(B& b, std::int64_t teams, const K& kernel, bool plain = false) {
    if constexpr (requires {
                    requires K::role != walk_role::keys;
                    b.launch_walk(teams, kernel);
                  })
      if (!plain && b.launch_walk(teams, kernel)) return;
    b.launch(teams, scratch_bytes_of<typename K::template scratch<team>>(kernel.call), kernel);
  }
  // Sums of a map's own numbers over query heads that share keys: only plain teams make them.
  static bool plain_keys(const backward_call<kernels, T>& call) {
    return call.shape.heads != call.shape.kv_heads && call.work.feature_k != nullptr;
  }
  // Where dv and dk are made apart and several query heads read a key head, each has rows of its own first. dq is told of them
  // too: what they are aligned for decides which teams make it.
  backward_call<kernels, T> by_query_heads(B& b, backward_call<kernels, T> call) {
    using values = backward_kv_kernel<kernels, T, keys_part::values>;
    using keys = backward_kv_kernel<kernels, T, keys_part::keys>;
    if constexpr (requires { b.launch_walk_pair(1, values{call}, keys{call}); }) {
      const attention_shape& s = call.shape;
      if (s.heads != s.kv_heads && !plain_keys(call)) {
        call.grad.dk = dense(room(b, head_dk_, s.tokens * s.heads * s.d), s.heads, s.d);
        call.grad.dv = dense(room(b, head_dv_, s.tokens * s.heads * s.e), s.heads, s.e);
      }
    }
    return call;
  }
  // dv and dk apart, on teams whose walks keep one state; false where there are none.
  bool one_by_one(B& b, const backward_call<kernels, T>& call) {
    using values = backward_kv_kernel<kernels, T, keys_part::values>;
    using keys = backward_kv_kernel<kernels, T, keys_part::keys>;
    if constexpr (requires { b.launch_walk_pair(1, values{call}, keys{call}); }) {
      const attention_shape& s = call.shape;
      const std::int64_t teams = call.seq.count * s.heads * call.parts.count;
      const bool grouped = s.heads != s.kv_heads;
      if (plain_keys(call)) return false;
      const auto own = by_query_heads(b, call);
      if (!b.launch_walk_pair(teams, values{own}, keys{own})) return false;
      if (grouped && call.parts.first == 0) {  // parts are walked from the last
        const auto add_up_heads = [&](strided<T> from, strided<T> to, int width) {
          const add_heads<T> add{from, to, call.seq, s.tokens, call.group(), s.kv_heads, width};
          b.launch(add.blocks().teams(), 0, add);
        };
        add_up_heads(own.grad.dk, call.grad.dk, s.d), add_up_heads(own.grad.dv, call.grad.dv, s.e);
      }
      return true;
    }
    return false;
  }
  template <class Call>
  Call make(B& b, const attention_shape& shape, const sequences& seq, const attention_inputs<T>& in) {
    check(shape, seq), check_given<Composition>(shape, in);
    probe(b, shape.d, shape.e), prepare(b, shape);
    Call c{};
    c.stages = stages_for_kernels(stages_), c.shape = shape, c.seq = seq, c.in = in, c.log_gamma = log_gamma_.data(),
    c.table = table_.data();
    return c;
  }
  // Widths, where they are first seen. e 0: the feature map alone.
  void probe(B& b, int d, int e) {
    if (d == probed_d_ && (e == probed_e_ || e == 0)) return;
    probe_widths<Composition>(b, d, e);
    probed_d_ = d, probed_e_ = e;
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
  // Where sequences begin at position 0 and are not too long to remember; else null.
  const A* angles(B& b, const attention_shape& shape, const sequences& seq) {
    constexpr std::int64_t most = std::int64_t{1} << 22;  // numbers
    const std::int64_t longest = seq.begin ? shape.tokens : seq.length, f = feature_map::out_dim(shape.d);
    if (IsIdentity<typename Composition::position_stage> || seq.position || longest == 0 || longest * f > most) return nullptr;
    if (angles_.size() < longest * f) {
      A* const to = room(b, angles_, longest * f);
      for_rows(b, longest, rows_of_angles{stages_.position, table_.data(), to, static_cast<int>(f)});
    }
    return angles_.data();
  }
  // (count, F), of the one token of each sequence: once for all heads.
  const A* step_angles(B& b, const attention_shape& shape, const sequences& seq) {
    if (IsIdentity<typename Composition::position_stage>) return nullptr;
    const int f = feature_map::out_dim(shape.d);
    A* const to = room(b, step_angles_, seq.count * f);
    for_rows(b, seq.count, rows_of_angles{stages_.position, table_.data(), to, f, false, seq.position});
    return to;
  }
  void add_up(B& b, const A* from, A* to, std::int64_t count, std::int64_t parts, std::int64_t width, std::int64_t heads,
              direction order = direction::forward) {
    if (from && to) for_rows(b, heads * width, sum_over_sequences<A>{from, to, count, parts, width, heads * width, order});
  }

  void normalizer_gradient(B& b, backward_call<kernels, T>& call, bool plain = false) {
    if constexpr (std::is_base_of_v<unnormalized, normalizer_stage>) {
      call.d = call.grad.d_o;
    } else {
      using kernel = normalizer_gradient_kernel<kernels, T>;
      const attention_shape& s = call.shape;
      const std::int64_t n = call.seq.count, p = parameters_of<normalizer_stage>(s.e), pieces = kernel::pieces_of(call);
      const strided<T> d = dense(room(b, d_sums_, s.tokens * s.heads * s.e), s.heads, s.e);
      A* const partial = p > 0 && call.grad.d_normalizer ? room(b, normalizer_, n * s.heads * pieces * p) : nullptr;
      if (normalizer_stage::wants_denominator) call.work.denominator = room(b, d_denominator_, s.tokens * s.heads);
      call.d = d;
      launch(b, n * s.heads * pieces, kernel{call, d, pieces, partial}, plain);
      add_up(b, partial, call.grad.d_normalizer, n, pieces, p, s.heads);
    }
  }
  void add_up_decay(B& b, const backward_call<kernels, T>& call) {
    using call_type = backward_call<kernels, T>;
    const std::int64_t n = call.seq.count, heads = call.shape.heads;
    decay_blocks<A> blocks(call.seq.begin ? call.shape.tokens : call.seq.length);
    blocks.sums = room(b, decay_sums_, 2 * n * blocks.count * heads), blocks.after = blocks.sums + n * blocks.count * heads;
    A* const partial = kind == decay_kind::learned ? room(b, partial_, n * blocks.count * heads) : nullptr;
    for_rows(b, n * blocks.count, decay_block_sums<call_type>{call, blocks});
    for_rows(b, n * blocks.count, decay_gradient_of_blocks<call_type>{call, blocks, partial});
    add_up(b, partial, call.grad.d_decay, n, blocks.count, 1, heads);
  }

  // The states before each part of a group of parts, then run() on them, group after group: a group is long enough for its
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
      call.parts = {first, std::min(group, all - first), all, call.parts.length, states, totals};
      launch(b, rows * call.parts.count, contribution_kernel<Dir, Call>{call});
      const scan_kernel<Dir, A> scan{call.parts, carry, size};
      b.launch(rows * scan.blocks(), scan.scratch_bytes(), scan);
      run();
    }
  }
  // Into how many parts of which length sequences are cut; one: they are walked whole.
  static void cut(B& b, attention_call<kernels, T>& call) {
    const std::int64_t longest = call.seq.begin ? call.shape.tokens : call.seq.length, rows = call.seq.count * call.shape.heads;
    if (rows >= 2 * teams_of(b) || longest <= call.shape.chunk || rows == 0) return;
    std::int64_t& length = call.parts.length;
    length = call.shape.chunk;
    const int features = call.features();
    if constexpr (requires { b.part_length(longest, rows, features); }) length = b.part_length(longest, rows, features);
    call.parts.all = (longest + length - 1) / length;
  }

  Composition stages_;
  int heads_ = 0, d_ = 0, probed_d_ = 0, probed_e_ = 0;
  buffer log_gamma_, decay_, decay_sums_, last_, feature_q_, feature_k_, normalizer_, d_denominator_, partial_, states_,
      totals_, carry_, angles_, step_angles_;
  table_buffer table_;
  std::conditional_t<may_be_sliced, std::unique_ptr<slices>, whole> slices_;
  decltype(std::declval<B&>().template allocate<T>(0)) d_sums_, head_dk_, head_dv_;  // the last two where heads share keys
};

}  // namespace supra
