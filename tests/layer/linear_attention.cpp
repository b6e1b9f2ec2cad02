// The student's attention: what it gives, from plain maps, norms and the oracle of the composed core; one token after another;
// and every gradient, of inputs, gates and each of its tensors, against central differences in double.
#include "supra/layer/linear_attention.hpp"

#include "gradients.hpp"
#include "supra/decay/learned.hpp"
#include "supra/decay/per_token.hpp"
#include "supra/feature/exp.hpp"
#include "supra/feature/softmax_temperature.hpp"
#include "supra/normalizer/rms_norm_gain.hpp"
#include "supra/normalizer/sum.hpp"
#include "supra/position/none.hpp"
#include "supra/reference/oracle.hpp"

using namespace supra;
using model::map_kind;
using supra_test::numbers;
using layer_type = layer::linear_attention_layer<eigen_backend, double>;
template <class P>
using tensors = layer::linear_attention_tensors<P>;

namespace {

using paper = linear_attention<elementwise<relu>, rope, slope_decay, group_norm>;
using behind_norm = linear_attention<elementwise<identity>, rope, slope_decay, group_norm>;
using learned = linear_attention<elementwise<exponential>, no_position, learned_decay, sum_norm>;
using gated = linear_attention<softmax_temperature, rope, per_token_decay, rms_norm_gain>;

const model::attention_registry<eigen_backend, double>& registry() {
  static const auto r = [] {
    model::attention_registry<eigen_backend, double> r;
    r.add<paper>("relu/rope/slopes/group_norm"), r.add<behind_norm>("identity/rope/slopes/group_norm");
    r.add<learned>("exp/none/learned/sum"), r.add<gated>("softmax_temperature/rope/per_token/rms_norm_gain");
    r.add<linear_attention<elementwise<identity>, rope, per_token_decay, rms_norm_gain>>(
        "identity/rope/per_token/rms_norm_gain");
    return r;
  }();
  return r;
}

constexpr std::int64_t count = 2, length = 7, n = count * length;
constexpr std::size_t d = 4;

model::config base(int kv_heads, map_kind map = map_kind::none) {
  model::config c;
  c.heads = 4, c.kv_heads = kv_heads, c.head_dim = d, c.linear = true;
  c.attention.map = map, c.attention.shared_map = kv_heads == 4;
  return c;
}
model::config of(model::config c, const char* feature, const char* position, const char* decay, const char* normalizer) {
  c.attention.feature = feature, c.attention.position = position, c.attention.decay = decay,
  c.attention.normalizer = normalizer;
  return c;
}
model::config with_norm(model::config c, model::norm_kind kind) {
  c.attention.qk_norm = true, c.norm = kind;
  return c;
}
model::config chain(model::config c, std::int64_t depth, double width) {
  c.attention.map_depth = depth, c.attention.map_width = width;
  return c;
}
std::vector<std::pair<std::string, model::config>> kinds() {
  const auto gates = of(base(2, map_kind::dense), "softmax_temperature", "rope", "per_token", "rms_norm_gain");
  auto apart = base(4, map_kind::dense);
  apart.attention.shared_map = false;
  return {{"no map", base(4)},
          {"no map, grouped", base(2)},
          {"one dense map", base(4, map_kind::dense)},
          {"two dense maps", apart},
          {"two dense maps, grouped", base(2, map_kind::dense)},
          {"a map for each head", base(2, map_kind::per_head)},
          {"qk-norm, grouped", with_norm(base(2, map_kind::dense), model::norm_kind::rms)},
          {"qk-norm, grouped, layer norm, no map", with_norm(base(2), model::norm_kind::layer_gain)},
          {"qk-norm, one map", with_norm(base(4, map_kind::dense), model::norm_kind::rms)},
          {"learned decay, sum", of(base(2, map_kind::per_head), "exp", "none", "learned", "sum")},
          {"one chain of two dense maps, wide", chain(base(4, map_kind::dense), 2, 2)},
          {"two chains of dense maps, narrow", chain(apart, 3, 0.5)},
          {"a wide map for each head", chain(base(2, map_kind::per_head), 1, 4)},
          {"a chain for each head, grouped", chain(base(2, map_kind::per_head), 3, 1.5)},
          {"a chain, qk-norm, grouped", with_norm(chain(base(2, map_kind::dense), 2, 2), model::norm_kind::rms)},
          {"a chain, learned decay, sum", of(chain(base(2, map_kind::per_head), 2, 2), "exp", "none", "learned", "sum")},
          {"gates, temperature, gain, narrow chain", chain(gates, 2, 0.5)},
          {"gates, temperature, gain", gates},
          {"gates, temperature, gain, qk-norm", with_norm(gates, model::norm_kind::rms)}};
}

// All that the layer reads, end to end in one array: where each tensor lies, and how many numbers it has (0: it has none).
struct places {
  // q, k, v, gates, then the tensors in their order: weight and bias of each map of q, of each of k, and the others
  static constexpr std::size_t links = model::most_maps, map_q = 4, map_k = map_q + 2 * links, others = map_k + 2 * links,
                               parts = others + 6;
  std::size_t size[parts] = {}, at[parts] = {}, all = 0;
  explicit places(const model::config& c) {
    const auto& a = c.attention;
    const std::size_t H = 4, G = static_cast<std::size_t>(c.kv_heads), r = static_cast<std::size_t>(model::mapped_width(c)),
                      tokens = n;
    const bool two = a.map == map_kind::per_head || (a.map == map_kind::dense && !a.shared_map),
               temperature = a.feature == "softmax_temperature";
    size[0] = tokens * H * d, size[1] = size[2] = tokens * G * d, size[3] = a.decay == "per_token" ? tokens * H : 0;
    const auto chain = [&](std::size_t from, std::size_t heads) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(a.map_depth); ++i)
        size[from + 2 * i] = heads * r * (i == 0 ? d : r) * (a.map == map_kind::dense ? heads : 1),
                        size[from + 2 * i + 1] = heads * r;
    };
    if (a.map != map_kind::none) chain(map_q, H);
    if (two) chain(map_k, G);
    const std::size_t more[] = {a.qk_norm ? H * r : 0,
                                a.qk_norm ? H * r : 0,
                                temperature ? H : 0,
                                temperature ? G : 0,
                                a.normalizer == "rms_norm_gain" ? H * d : 0,
                                a.decay == "learned" ? H : 0};
    std::copy(std::begin(more), std::end(more), size + others);
    for (std::size_t i = 0; i < parts; ++i) at[i] = all, all += size[i];
  }
  template <class P>
  P* in(P* x, std::size_t i) const {
    return size[i] ? x + at[i] : nullptr;
  }
  template <class P>
  tensors<P> own(P* x) const {
    tensors<P> t;
    for (std::size_t i = 0; i < links; ++i)
      t.map_q[i] = {in(x, map_q + 2 * i), in(x, map_q + 2 * i + 1)},
      t.map_k[i] = {in(x, map_k + 2 * i), in(x, map_k + 2 * i + 1)};
    t.q_norm = in(x, others), t.k_norm = in(x, others + 1), t.feature_q = in(x, others + 2), t.feature_k = in(x, others + 3),
    t.normalizer = in(x, others + 4), t.decay = in(x, others + 5);
    return t;
  }
  numbers part(const numbers& x, std::size_t i) const {
    return {x.begin() + static_cast<std::ptrdiff_t>(at[i]), x.begin() + static_cast<std::ptrdiff_t>(at[i] + size[i])};
  }
  numbers random(std::uint64_t seed = 3) const {
    auto x = supra_test::random(all, seed);
    for (std::size_t i = map_q; i < others; i += 2)
      for (std::size_t j = 0; j < size[i]; ++j) x[at[i] + j] *= 0.4;
    for (std::size_t i = others; i < others + 5; ++i)
      for (std::size_t j = 0; j < size[i]; ++j) x[at[i] + j] = 1 + 0.2 * x[at[i] + j];
    return x;
  }
};

// A chain of maps, relu between: w (groups, out, in) on x (n, groups in); one group is a dense map. `nearest` becomes the
// smallest number that a relu may see, if it is smaller.
numbers mapped(numbers x, const places& p, const numbers& all, std::size_t from, std::size_t groups, double& nearest) {
  for (std::size_t l = 0; l < places::links; ++l) {
    const numbers w = p.part(all, from + 2 * l), bias = p.part(all, from + 2 * l + 1);
    if (w.empty()) break;
    const std::size_t rows = bias.size(), in = w.size() / rows, out = rows / groups;
    numbers y;
    for (std::size_t t = 0; t < n; ++t)
      for (std::size_t r = 0; r < rows; ++r) {
        double s = bias[r];
        for (std::size_t i = 0; i < in; ++i) {
          const double before = x[t * groups * in + r / out * in + i];
          s += w[r * in + i] * (l > 0 ? std::max(before, 0.0) : before);
        }
        y.push_back(s), nearest = std::min(nearest, std::abs(s));
      }
    x = y;
  }
  return x;
}
struct mapped_rows {
  double nearest = INFINITY;
  numbers q, k;
  mapped_rows(const model::config& c, const places& p, const numbers& x) {
    const bool dense = c.attention.map == map_kind::dense, two = p.size[places::map_k] > 0;
    q = mapped(p.part(x, 0), p, x, places::map_q, dense ? 1 : 4, nearest);
    const auto groups = dense ? 1 : static_cast<std::size_t>(c.kv_heads);
    k = mapped(p.part(x, 1), p, x, two ? places::map_k : places::map_q, groups, nearest);
  }
};
// No relu changes sides by steps of 1e-5.
numbers for_differences(const model::config& c, const places& p) {
  for (std::uint64_t seed = 3;; ++seed)
    if (const auto x = p.random(seed); mapped_rows(c, p, x).nearest > 3e-4) return x;
}

numbers forward(layer_type& l, layer_type::saved& s, eigen_backend& b, const places& p, const numbers& x) {
  auto o = supra_test::nans(p.size[0]);
  l.forward(b, n, {count, length}, p.in(x.data(), 0), p.in(x.data(), 1), p.in(x.data(), 2), p.in(x.data(), 3), p.own(x.data()),
            s, o.data());
  return o;
}

void check_gradients(const model::config& c) {
  eigen_backend b;
  layer_type l(c, registry());
  auto s = l.allocate(b, n);
  const places p(c);
  const auto x = for_differences(c, p), d_o = supra_test::random(p.size[0], 4), o = forward(l, s, b, p, x);
  numbers g = supra_test::nans(p.all);
  for (std::size_t i = p.at[4]; i < p.all; ++i) g[i] = 0.5;  // the tensors' gradients are added to what is there
  l.backward(b, n, {count, length}, p.in(x.data(), 0), p.in(x.data(), 1), p.in(x.data(), 2), p.in(x.data(), 3), p.own(x.data()),
             s, o.data(), d_o.data(), p.in(g.data(), 0), p.in(g.data(), 1), p.in(g.data(), 2), p.in(g.data(), 3),
             p.own(g.data()));
  for (std::size_t i = p.at[4]; i < p.all; ++i) g[i] -= 0.5;
  auto f = [&](const numbers& y) { return supra_test::dot(d_o, forward(l, s, b, p, y)); };
  for (std::size_t i = 0; i < places::parts; ++i) {  // each tensor by its own scale
    if (p.size[i] == 0) continue;
    auto moved = [&](const numbers& part) {
      auto y = x;
      std::copy(part.begin(), part.end(), y.begin() + static_cast<std::ptrdiff_t>(p.at[i]));
      return f(y);
    };
    const auto r = testing::check_gradients(moved, p.part(x, i), p.part(g, i), 1e-6, 1e-5);
    BOOST_TEST(r.ok(), "part " << i << ": " << r.sentence());
  }
}

numbers to_all_heads(const numbers& x, std::size_t kv_heads) {
  numbers y;
  const std::size_t d = x.size() / n / kv_heads;
  for (std::size_t t = 0; t < n; ++t)
    for (std::size_t h = 0; h < 4; ++h)
      for (std::size_t i = 0; i < d; ++i) y.push_back(x[(t * kv_heads + h / (4 / kv_heads)) * d + i]);
  return y;
}
numbers relu_and_norm(numbers x, const numbers& gain, const model::config& c) {
  const std::size_t d = gain.size() / 4;
  for (std::size_t t = 0; t < n; ++t) {
    double* row = &x[t * 4 * d];
    double mean = 0, square = 0;
    for (std::size_t i = 0; i < 4 * d; ++i) row[i] = std::max(row[i], 0.0), mean += row[i] / (4 * d);
    if (c.norm == model::norm_kind::rms) mean = 0;
    for (std::size_t i = 0; i < 4 * d; ++i) square += (row[i] - mean) * (row[i] - mean) / (4 * d);
    for (std::size_t i = 0; i < 4 * d; ++i) row[i] = (row[i] - mean) / std::sqrt(square + c.norm_eps) * gain[i];
  }
  return x;
}
template <class Composition>
numbers oracle(const model::config& c, const reference::oracle_inputs& in) {
  const int kv = c.attention.qk_norm ? 4 : static_cast<int>(c.kv_heads);
  return reference::oracle<Composition>({n, 4, kv, static_cast<int>(model::mapped_width(c)), d}, {count, length})(
             in, reference::form::quadratic).y;
}
numbers plain(const model::config& c, const places& p, const numbers& x) {
  constexpr std::size_t others = places::others;
  reference::oracle_inputs in;
  const mapped_rows rows(c, p, x);
  in.q = rows.q, in.k = rows.k;
  in.v = p.part(x, 2), in.decay = p.part(x, p.size[3] ? 3 : others + 5);
  in.feature_q = p.part(x, others + 2), in.feature_k = p.part(x, others + 3), in.normalizer = p.part(x, others + 4);
  if (c.attention.feature == "exp") return oracle<learned>(c, in);
  if (c.attention.feature == "softmax_temperature") return oracle<gated>(c, in);
  if (!c.attention.qk_norm) return oracle<paper>(c, in);
  const auto kv = static_cast<std::size_t>(c.kv_heads);
  in.q = relu_and_norm(in.q, p.part(x, others), c), in.k = relu_and_norm(to_all_heads(in.k, kv), p.part(x, others + 1), c),
  in.v = to_all_heads(in.v, kv);
  return oracle<behind_norm>(c, in);
}

}  // namespace

BOOST_AUTO_TEST_CASE(outputs_are_the_definitions) {
  for (auto& [name, c] : kinds()) BOOST_TEST_CONTEXT(name) {
      if (c.attention.qk_norm && c.attention.feature != "relu") continue;  // its map is not written here once more
      eigen_backend b;
      layer_type l(c, registry());
      auto s = l.allocate(b, n);
      const places p(c);
      const auto x = p.random(), found = forward(l, s, b, p, x), wanted = plain(c, p, x);
      double worst = 0, most = 0;
      for (std::size_t i = 0; i < found.size(); ++i) {
        BOOST_REQUIRE(std::isfinite(found[i]));
        worst = std::max(worst, std::abs(found[i] - wanted[i])), most = std::max(most, std::abs(wanted[i]));
      }
      BOOST_TEST(worst <= 1e-11 * most);
    }
}

BOOST_AUTO_TEST_CASE(every_gradient) {
  for (auto& [name, c] : kinds()) BOOST_TEST_CONTEXT(name) check_gradients(c);
}

// Step by step from a zero state, and from a state halfway: the same outputs and the same last state.
BOOST_AUTO_TEST_CASE(token_by_token) {
  for (auto& [name, c] : kinds()) BOOST_TEST_CONTEXT(name) {
      eigen_backend b;
      layer_type l(c, registry());
      const places p(c);
      const auto x = p.random();
      auto s = l.allocate(b, n), one = l.allocate(b, count);
      const auto states = static_cast<std::size_t>(count * 4 * l.w.features * l.w.state_columns);
      auto o = supra_test::nans(p.size[0]), last = supra_test::nans(states);
      l.forward(b, n, {count, length}, p.in(x.data(), 0), p.in(x.data(), 1), p.in(x.data(), 2), p.in(x.data(), 3),
                p.own(x.data()), s, o.data(), nullptr, last.data());
      numbers state(states, 0.0);
      for (std::size_t t = 0; t < length; ++t) {
        numbers row[4];  // token t of both sequences
        for (std::size_t i = 0; i < 4; ++i) {
          const auto part = p.part(x, i);
          const std::size_t width = part.size() / n;
          for (std::size_t q = 0; q < count; ++q)
            row[i].insert(row[i].end(), part.begin() + static_cast<std::ptrdiff_t>((q * length + t) * width),
                          part.begin() + static_cast<std::ptrdiff_t>((q * length + t + 1) * width));
        }
        const std::int64_t position[count] = {static_cast<std::int64_t>(t), static_cast<std::int64_t>(t)};
        auto out = supra_test::nans(count * 4 * d);
        l.step(b, count, position, row[0].data(), row[1].data(), row[2].data(), row[3].empty() ? nullptr : row[3].data(),
               p.own(x.data()), one, state.data(), out.data());
        for (std::size_t q = 0; q < count; ++q)
          for (std::size_t i = 0; i < 4 * d; ++i)
            BOOST_REQUIRE(std::abs(out[q * 4 * d + i] - o[(q * length + t) * 4 * d + i]) <=
                          1e-11 * (1 + std::abs(out[q * 4 * d + i])));
      }
      for (std::size_t i = 0; i < states; ++i) BOOST_REQUIRE(std::abs(state[i] - last[i]) <= 1e-11 * (1 + std::abs(last[i])));
    }
}
