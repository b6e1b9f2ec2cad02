// check_composition: what must hold of every linear attention, for one composition, backend, storage type and shape, as
// sentences of failure.
#pragma once

#include <array>
#include <cstdio>

#include "supra/core/serial.hpp"
#include "supra/reference/oracle.hpp"
#include "supra/testing/check_attention.hpp"
#include "supra/testing/gradients_in_double.hpp"
#include "supra/testing/rounding_backend.hpp"

namespace supra::testing {

// Largest difference over the largest value; NaN counts as infinite.
inline double relative_difference(const std::vector<double>& x, const std::vector<double>& y) {
  double top = 0, worst = 0;
  if (x.size() != y.size()) return std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double d = std::abs(x[i] - y[i]);
    if (!(d < std::numeric_limits<double>::infinity())) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, d), top = std::max(top, std::abs(y[i]));
  }
  return top > 0 ? worst / top : worst;
}

// A sum of n terms rounds at most n times, in random directions about sqrt(n); a normalizer divides by what may have cancelled:
// allow 64 times that. Outputs are stored with one rounding of T.
template <class T>
double attention_tolerance(const attention_case& c) {
  const double n = static_cast<double>(c.length) + c.d * c.d;
  return 64 * std::sqrt(n) * unit_roundoff<accumulator_t<T>> + 4 * unit_roundoff<T>;
}

template <class Composition, class B, class T>
class composition_check {
 public:
  using run_type = attention_run<B, T>;
  using values = typename run_type::values;
  using result = typename run_type::result;

  composition_check(B& b, const attention_case& c, Composition stages = {})
      : stages(stages), layer(stages), run(b, layer, c), c(c), x(run.random()) {
    gradient_limits.fill(2 * attention_tolerance<T>(c));
  }

  attention_report check() {
    const sequences seq{c.count, c.length};
    whole = run.forward(x, seq, run.tokens());
    oracle(seq);
    if (c.length > 0) expect("recurrent", run.recurrent(x));
    chunks(seq), halves(), packed(), causal(seq), gates(seq);
    if constexpr (std::is_same_v<T, double>)
      gradients(seq);
    else
      gradients_as_in_double(seq);
    if (c.e > 1) packed_gradients();
    return report;
  }
  const result& output() const { return whole; }
  const values& inputs() const { return x; }
  run_type& runner() { return run; }

 private:
  void expect(const std::string& what, const result& y) {
    expect(what + ": outputs", y.o, whole.o), expect(what + ": final states", y.state, whole.state);
  }
  void expect(const std::string& what, const std::vector<double>& found, const std::vector<double>& wanted, double limit = -1) {
    if (limit < 0) limit = attention_tolerance<T>(c);
    const double d = relative_difference(found, wanted);
    if (d <= limit) return;
    char s[160];
    std::snprintf(s, sizeof s, ": relative difference %.3g, at most %.3g expected", d, limit);
    report.failures.push_back(what + s);
  }
  // The definition, row by row in double, written without the chunk algorithm.
  void oracle(const sequences& seq) {
    const reference::oracle_inputs in{x.q, x.k, x.v, x.decay, x.feature_q, x.feature_k, x.normalizer, x.state};
    const auto wanted = reference::oracle<Composition>(run.shape(run.tokens()), seq, stages)(in, reference::form::quadratic);
    expect("oracle: outputs", whole.o, wanted.y), expect("oracle: final states", whole.state, wanted.state);
  }
  void chunks(const sequences& seq) {
    for (int n : {1, 7, 16, 64}) {
      run.c.chunk = n;
      expect("chunks of " + std::to_string(n), run.forward(x, seq, run.tokens()));
    }
    run.c.chunk = c.chunk;
  }
  // Only for one sequence: its tokens are contiguous.
  void halves() {
    if (c.count != 1 || c.length < 2) return;
    const std::int64_t m = c.length / 3 + 1, rest = c.length - m;
    auto position = run.template up<std::int64_t>(std::vector<std::int64_t>{m});
    const auto a = run.forward(x, {1, m}, m);
    values y = x;
    y.state = a.state;
    sequences second{1, rest};
    second.position = position.data();
    auto b = run.forward(y, second, rest, m);
    b.o.insert(b.o.begin(), a.o.begin(), a.o.end());
    expect("cut in two", b);
  }
  // The same sequences through begin and end; then with the last tokens of each taken as padding.
  void packed() {
    std::vector<std::int64_t> begin, end, shorter;
    for (std::int64_t s = 0; s < c.count; ++s) {
      begin.push_back(s * c.length), end.push_back((s + 1) * c.length),
          shorter.push_back(s * c.length + std::max<std::int64_t>(c.length - 2 - s, 0));
    }
    auto b = run.template up<std::int64_t>(begin), e = run.template up<std::int64_t>(end),
         p = run.template up<std::int64_t>(shorter);
    expect("packed", run.forward(x, {c.count, 0, b.data(), e.data()}, run.tokens()));
    const auto padded = run.forward(x, {c.count, 0, b.data(), p.data()}, run.tokens());
    std::vector<double> found, wanted;
    const std::int64_t m = c.heads * c.e;
    for (std::int64_t s = 0; s < c.count; ++s)
      for (std::int64_t i = s * c.length * m; i < (s + 1) * c.length * m; ++i) {
        const bool inside = i < shorter[static_cast<std::size_t>(s)] * m;
        if (inside)
          found.push_back(padded.o[static_cast<std::size_t>(i)]), wanted.push_back(whole.o[static_cast<std::size_t>(i)]);
        else if (!std::isnan(padded.o[static_cast<std::size_t>(i)]))
          return report.failures.push_back("padded: an output outside all sequences was written");
      }
    expect("padded: outputs", found, wanted);
  }
  // Later tokens become huge: earlier outputs keep their bits.
  void causal(const sequences& seq) {
    if (c.length < 2) return;
    const std::int64_t m = c.length / 2;
    values y = x;
    for (std::int64_t s = 0; s < c.count; ++s)
      for (auto [to, width] :
           {std::pair{&y.q, c.heads * c.d}, std::pair{&y.k, c.kv_heads * c.d}, std::pair{&y.v, c.kv_heads * c.e}})
        for (std::int64_t i = (s * c.length + m) * width; i < (s + 1) * c.length * width; ++i)
          (*to)[static_cast<std::size_t>(i)] = 3;
    if (run.w.decay_per_token)
      for (std::int64_t s = 0; s < c.count; ++s)
        for (std::int64_t i = (s * c.length + m) * c.heads; i < (s + 1) * c.length * c.heads; ++i)
          y.decay[static_cast<std::size_t>(i)] = -3;
    const auto z = run.forward(y, seq, run.tokens());
    for (std::int64_t s = 0; s < c.count; ++s)
      for (std::int64_t i = s * c.length * c.heads * c.e; i < (s * c.length + m) * c.heads * c.e; ++i)
        if (z.o[static_cast<std::size_t>(i)] != whole.o[static_cast<std::size_t>(i)])
          return report.failures.push_back("causality: an output changed with a later token");
  }
  // Gates that forget everything stand between others that forget little: the state is thrown away, not the digits.
  void gates(const sequences& seq) {
    if (!run.w.decay_per_token || c.length == 0) return;
    values y = x;
    const double strong[] = {-50, -1e4, -1e30};
    for (std::size_t i = 0; i < y.decay.size(); i += 5) y.decay[i] = strong[i / 5 % 3];
    const reference::oracle_inputs in{y.q, y.k, y.v, y.decay, y.feature_q, y.feature_k, y.normalizer, y.state};
    const auto wanted = reference::oracle<Composition>(run.shape(run.tokens()), seq, stages)(in, reference::form::recurrent);
    const auto found = run.forward(y, seq, run.tokens());
    expect("strong gates: outputs", found.o, wanted.y), expect("strong gates: final states", found.state, wanted.state);
  }
  // <grad, u> against (L(x + h u) - L(x - h u)) / 2h for L = <o, a> + <S_T, b>, one random direction u for each input and
  // repeat.
  void gradients(const sequences& seq) {
    std::mt19937_64 g(c.seed + 7);
    auto noise = [&](std::size_t n) { return random_numbers(g, n); };
    const auto a = noise(whole.o.size()), b = noise(whole.state.size());
    auto dot = [](const std::vector<double>& p, const std::vector<double>& q) {
      double s = 0;
      for (std::size_t i = 0; i < p.size(); ++i) s += p[i] * q[i];
      return s;
    };
    const values d = run.backward(x, seq, run.tokens(), whole, a, b);
    const double h = 1e-5;
    for (int part = 0; part < 8; ++part)
      for (int repeat = 0; repeat < 3 && !x.all[part]->empty(); ++repeat) {
        const auto u = noise(x.all[part]->size());
        auto loss = [&](double step) {
          values y = x;
          for (std::size_t i = 0; i < u.size(); ++i) (*y.all[part])[i] += step * u[i];
          const auto r = run.forward(y, seq, run.tokens());
          return dot(r.o, a) + dot(r.state, b);
        };
        // Richardson: the error of central differences falls with h^4
        const double coarse = (loss(2 * h) - loss(-2 * h)) / (4 * h), fine = (loss(h) - loss(-h)) / (2 * h);
        const double wanted = fine + (fine - coarse) / 3, found = dot(*d.all[part], u);
        const double size = std::sqrt(dot(*d.all[part], *d.all[part])) + 1e-3;  // a typical <grad, u>
        expect("gradient of " + std::string(names[part]), {found / size}, {wanted / size},
               1e-6 / std::min(1.0, std::abs(wanted) / size + 1e-300));
      }
  }

  // Against the plain backend in double, whose gradients `gradients` holds against differences. Each gradient is about twice as
  // long a sum as the output. A sum may cancel (a learned decay's: q . dq - k . dk over all tokens): what rounding every input
  // once more moves in double, times four for the roundings inside, is allowed too; and so is what rounding every operand of
  // every product moves, which shows where sums that cancel run over many chunks (asked only when needed, for it takes long).
  void gradients_as_in_double(const sequences& seq) {
    if (c.e == 1) return;  // norms of one number have gradients that cancel to nothing but rounding
    std::mt19937_64 g(c.seed + 7);
    auto noise = [&](std::size_t n) {
      auto r = random_numbers(g, n);
      for (auto& y : r) y = static_cast<double>(accumulator_t<T>(T(accumulator_t<T>(y))));
      return r;
    };
    const auto a = noise(whole.o.size()), b = noise(whole.state.size());
    const auto wanted = gradients_in_double<serial_backend>(c, stages, x, a, b, 0),
               moved = gradients_in_double<serial_backend>(c, stages, x, a, b, unit_roundoff<T>);
    const auto found = run.backward(x, seq, run.tokens(), whole, a, b);
    for (std::size_t i = 0; i < 8; ++i) {
      double& limit = gradient_limits[i];
      limit = std::max(limit, 4 * relative_difference(*moved.all[i], *wanted.all[i]));
      if (!(relative_difference(*found.all[i], *wanted.all[i]) <= limit)) {
        const auto rounded = gradients_in_double<rounding_backend<T>>(c, stages, x, a, b, 0);
        limit = std::max(limit, relative_difference(*rounded.all[i], *wanted.all[i]));
      }
      expect("gradient of " + std::string(names[i]) + " as in double", *found.all[i], *wanted.all[i], limit);
    }
  }

  // Sequences of several lengths in one call, with padding after each, against each of them in a call of its own: gradients of
  // tokens and of initial states one by one, those of what is learned summed. Both are as far from what is exact as
  // gradients_as_in_double allows, so from each other at most twice that. Padding is NaN, which would show wherever it is read.
  void packed_gradients() {
    std::mt19937_64 g(c.seed + 13);
    const auto d_o = random_numbers(g, whole.o.size()), d_state = random_numbers(g, whole.state.size());
    const std::int64_t of_o = c.heads * c.e, of_state = run.state_size();
    std::vector<std::int64_t> begin, end;
    for (std::int64_t s = 0; s < c.count; ++s)
      begin.push_back(s * c.length), end.push_back(begin.back() + std::max<std::int64_t>(c.length - 1 - 2 * s, 0));
    const auto first = run.template up<std::int64_t>(begin), last = run.template up<std::int64_t>(end);
    const sequences seq{c.count, 0, first.data(), last.data()};
    values padded = x;
    auto d_padded = d_o;
    for (std::size_t s = 0; s < begin.size(); ++s) {
      const auto pad = [&](std::vector<double>& y, std::int64_t width) {
        std::fill(y.begin() + end[s] * width, y.begin() + (begin[s] + c.length) * width, std::nan(""));
      };
      pad(d_padded, of_o);
      for (std::size_t i = 0; i < 4; ++i) pad(*padded.all[i], of_token(i));
    }
    const values found = run.backward(padded, seq, run.tokens(), run.forward(padded, seq, run.tokens()), d_padded, d_state);
    values packed, alone;
    for (std::size_t s = 0; s < begin.size(); ++s) {
      const std::int64_t n = end[s] - begin[s], at = static_cast<std::int64_t>(s);
      const values own = of_sequence(x, at, begin[s], n), own_found = of_sequence(found, at, begin[s], n);
      const values d = run.backward(own, {1, n}, n, run.forward(own, {1, n}, n), rows(d_o, begin[s], n, of_o),
                                    rows(d_state, at, 1, of_state));
      for (std::size_t i = 0; i < 8; ++i)
        if (of_token(i) > 0 || d.all[i] == &d.state)
          append(*packed.all[i], *own_found.all[i]), append(*alone.all[i], *d.all[i]);
        else
          *packed.all[i] = *found.all[i], add(*alone.all[i], *d.all[i]);
    }
    for (std::size_t i = 0; i < 8; ++i) {
      const std::string what = "packed gradient of " + std::string(names[i]);
      expect(what, *packed.all[i], *alone.all[i], 2 * gradient_limits[i]);
      const auto written = std::ranges::count_if(*found.all[i], [](double y) { return !std::isnan(y); });
      if (written > static_cast<std::int64_t>(packed.all[i]->size())) report.failures.push_back(what + ": written in padding");
    }
  }
  // How many numbers of an input are each token's; 0: they are of all tokens.
  std::int64_t of_token(std::size_t i) const {
    const std::int64_t widths[] = {c.heads * c.d, c.kv_heads * c.d, c.kv_heads * c.e, run.w.decay_per_token ? c.heads : 0};
    return i < std::size(widths) ? widths[i] : 0;
  }
  // What of y is of sequence s alone, whose n tokens begin at `first`.
  values of_sequence(const values& y, std::int64_t s, std::int64_t first, std::int64_t n) const {
    values own = y;
    for (std::size_t i = 0; i < 4; ++i)
      if (of_token(i) > 0) *own.all[i] = rows(*y.all[i], first, n, of_token(i));
    own.state = rows(y.state, s, 1, run.state_size());
    return own;
  }
  static std::vector<double> rows(const std::vector<double>& y, std::int64_t first, std::int64_t n, std::int64_t width) {
    return {y.begin() + first * width, y.begin() + (first + n) * width};
  }
  static void append(std::vector<double>& to, const std::vector<double>& y) { to.insert(to.end(), y.begin(), y.end()); }
  static void add(std::vector<double>& to, const std::vector<double>& y) {
    to.resize(y.size());
    for (std::size_t i = 0; i < y.size(); ++i) to[i] += y[i];
  }
  static std::vector<double> random_numbers(std::mt19937_64& g, std::size_t n) {
    std::normal_distribution<double> normal;
    std::vector<double> r(n);
    for (auto& y : r) y = normal(g);
    return r;
  }
  static constexpr const char* names[] = {"q",
                                          "k",
                                          "v",
                                          "decay",
                                          "feature map's parameters (q)",
                                          "feature map's parameters (k)",
                                          "normalizer's parameters",
                                          "initial state"};

  Composition stages;
  attention<Composition, B, T> layer;
  run_type run;
  attention_case c;
  values x;
  result whole;
  std::array<double, 8> gradient_limits;  // each gradient's largest relative difference to what is exact
  attention_report report;
};

template <class Composition, class B, class T>
attention_report check_composition(B& b, const attention_case& c, Composition stages = {}) {
  return composition_check<Composition, B, T>(b, c, stages).check();
}

}  // namespace supra::testing
