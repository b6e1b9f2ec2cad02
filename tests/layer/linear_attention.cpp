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
          {"gates, temperature, gain", gates},
          {"gates, temperature, gain, qk-norm", with_norm(gates, model::norm_kind::rms)}};
}

// All that the layer reads, end to end in one array: where each tensor lies, and how many numbers it has (0: it has none).
struct places {
  static constexpr std::size_t parts = 14;  // q, k, v, gates, then the tensors in their order
  std::size_t size[parts] = {}, at[parts] = {}, all = 0;
  explicit places(const model::config& c) {
    const auto& a = c.attention;
    const std::size_t H = 4, G = static_cast<std::size_t>(c.kv_heads), tokens = n;
    const bool dense = a.map == map_kind::dense, heads = a.map == map_kind::per_head,
               temperature = a.feature == "softmax_temperature";
    const bool two = heads || (dense && !a.shared_map);
    const std::size_t wanted[parts] = {tokens * H * d,
                                       tokens * G * d,
                                       tokens * G * d,
                                       a.decay == "per_token" ? tokens * H : 0,
                                       dense   ? H * d * H * d
                                       : heads ? H * d * d
                                               : 0,
                                       dense || heads ? H * d : 0,
                                       !two    ? 0
                                       : dense ? G * d * G * d
                                               : G * d * d,
                                       two ? G * d : 0,
                                       a.qk_norm ? H * d : 0,
                                       a.qk_norm ? H * d : 0,
                                       temperature ? H : 0,
                                       temperature ? G : 0,
                                       a.normalizer == "rms_norm_gain" ? H * d : 0,
                                       a.decay == "learned" ? H : 0};
    for (std::size_t i = 0; i < parts; ++i) at[i] = all, all += size[i] = wanted[i];
  }
  template <class P>
  P* in(P* x, std::size_t i) const {
    return size[i] ? x + at[i] : nullptr;
  }
  template <class P>
  tensors<P> own(P* x) const {
    return {{in(x, 4), in(x, 5)}, {in(x, 6), in(x, 7)}, in(x, 8), in(x, 9), in(x, 10), in(x, 11), in(x, 12), in(x, 13)};
  }
  numbers part(const numbers& x, std::size_t i) const {
    return {x.begin() + static_cast<std::ptrdiff_t>(at[i]), x.begin() + static_cast<std::ptrdiff_t>(at[i] + size[i])};
  }
  numbers random() const {
    auto x = supra_test::random(all, 3);
    for (std::size_t i : {4u, 6u})
      for (std::size_t j = 0; j < size[i]; ++j) x[at[i] + j] *= 0.4;
    for (std::size_t i : {8u, 9u, 10u, 11u, 12u})
      for (std::size_t j = 0; j < size[i]; ++j) x[at[i] + j] = 1 + 0.2 * x[at[i] + j];
    return x;
  }
};

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
  const auto x = p.random(), d_o = supra_test::random(p.size[0], 4), o = forward(l, s, b, p, x);
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
    const auto r =
        testing::check_gradients(moved, p.part(x, i), p.part(g, i), 1e-6, 1e-5);  // so short a step that no relu changes sides
    BOOST_TEST(r.ok(), "part " << i << ": " << r.sentence());
  }
}

// w (groups, out, in) on x (n, groups in): one group is a dense map.
numbers mapped(const numbers& x, const numbers& w, const numbers& bias, std::size_t groups) {
  if (w.empty()) return x;
  const std::size_t all = bias.size(), width = all / groups;
  numbers y;
  for (std::size_t t = 0; t < x.size() / all; ++t)
    for (std::size_t r = 0; r < all; ++r) {
      double s = bias[r];
      for (std::size_t i = 0; i < width; ++i) s += w[r * width + i] * x[t * all + r / width * width + i];
      y.push_back(s);
    }
  return y;
}
numbers to_all_heads(const numbers& x, std::size_t kv_heads) {
  numbers y;
  for (std::size_t t = 0; t < n; ++t)
    for (std::size_t h = 0; h < 4; ++h)
      for (std::size_t i = 0; i < d; ++i) y.push_back(x[(t * kv_heads + h / (4 / kv_heads)) * d + i]);
  return y;
}
numbers relu_and_norm(numbers x, const numbers& gain, const model::config& c) {
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
  return reference::oracle<Composition>({n, 4, kv, d, d}, {count, length})(in, reference::form::quadratic).y;
}
numbers plain(const model::config& c, const places& p, const numbers& x) {
  const bool dense = c.attention.map == map_kind::dense, two = p.size[6] > 0;
  reference::oracle_inputs in;
  in.q = mapped(p.part(x, 0), p.part(x, 4), p.part(x, 5), dense ? 1 : 4);
  in.k = mapped(p.part(x, 1), p.part(x, two ? 6 : 4), p.part(x, two ? 7 : 5), dense ? 1 : static_cast<std::size_t>(c.kv_heads));
  in.v = p.part(x, 2), in.decay = p.part(x, p.size[3] ? 3 : 13);
  in.feature_q = p.part(x, 10), in.feature_k = p.part(x, 11), in.normalizer = p.part(x, 12);
  if (c.attention.feature == "exp") return oracle<learned>(c, in);
  if (c.attention.feature == "softmax_temperature") return oracle<gated>(c, in);
  if (!c.attention.qk_norm) return oracle<paper>(c, in);
  const auto kv = static_cast<std::size_t>(c.kv_heads);
  in.q = relu_and_norm(in.q, p.part(x, 8), c), in.k = relu_and_norm(to_all_heads(in.k, kv), p.part(x, 9), c),
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
