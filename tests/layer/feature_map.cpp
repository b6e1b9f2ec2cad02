// Chains of learned maps of every depth, width and kind: what they give from plain loops, and every gradient against central
// differences in double.
#include "supra/layer/feature_map.hpp"

#include "gradients.hpp"

using namespace supra;
using model::map_kind;
using supra_test::numbers;
using map_type = layer::feature_map<eigen_backend, double>;

namespace {

constexpr std::size_t d = 4, n = 5;

model::config of(map_kind kind, std::int64_t depth, double width) {
  model::config c;
  c.head_dim = d, c.attention.map = kind, c.attention.map_depth = depth, c.attention.map_width = width;
  return c;
}

// The rows x, then weight and bias of each map, end to end.
struct places {
  std::size_t depth, heads, r, groups;               // groups of heads that a map's matrix mixes: all, or each alone
  std::vector<std::size_t> at, size;
  places(const model::config& c, std::size_t heads)
      : depth(static_cast<std::size_t>(c.attention.map_depth)), heads(heads),
        r(static_cast<std::size_t>(model::mapped_width(c))),
        groups(c.attention.map == map_kind::dense ? 1 : heads) {
    add(n * heads * d);
    for (std::size_t i = 0; i < depth; ++i) add(heads * r * in(i)), add(heads * r);
  }
  void add(std::size_t s) { at.push_back(at.empty() ? 0 : at.back() + size.back()), size.push_back(s); }
  std::size_t in(std::size_t i) const { return (i == 0 ? d : r) * heads / groups; }  // columns of a matrix
  std::size_t all() const { return at.back() + size.back(); }
  template <class P>
  layer::map_tensors<P> own(P* x) const {
    layer::map_tensors<P> t;
    for (std::size_t i = 0; i < depth; ++i) t[i] = {x + at[2 * i + 1], x + at[2 * i + 2]};
    return t;
  }
  numbers part(const numbers& x, std::size_t i) const {
    return {x.begin() + static_cast<std::ptrdiff_t>(at[i]), x.begin() + static_cast<std::ptrdiff_t>(at[i] + size[i])};
  }
};

numbers plain(const places& p, const numbers& all) {
  numbers x = p.part(all, 0);
  for (std::size_t l = 0; l < p.depth; ++l) {
    const numbers w = p.part(all, 2 * l + 1), bias = p.part(all, 2 * l + 2);
    const std::size_t rows = p.heads * p.r, in = p.in(l), out = rows / p.groups;
    numbers y;
    for (std::size_t t = 0; t < n; ++t)
      for (std::size_t r = 0; r < rows; ++r) {
        y.push_back(bias[r]);
        for (std::size_t i = 0; i < in; ++i) y.back() += w[r * in + i] * x[t * p.groups * in + r / out * in + i];
      }
    if (l + 1 < p.depth)
      for (auto& one : y) one = std::max(one, 0.0);
    x = y;
  }
  return x;
}

numbers forward(map_type& m, eigen_backend& b, const places& p, const numbers& x) {
  const double* const y = m.forward(b, n, x.data(), p.own(x.data()));
  return {y, y + n * p.heads * p.r};
}

void check(const model::config& c, std::size_t heads) {
  eigen_backend b;
  map_type m(c, static_cast<std::int64_t>(heads));
  const places p(c, heads);
  auto x = supra_test::random(p.all(), 3);
  for (std::size_t i = 0; i < p.depth; ++i)
    for (std::size_t j = 0; j < p.size[2 * i + 1]; ++j) x[p.at[2 * i + 1] + j] /= std::sqrt(static_cast<double>(p.in(i)));
  const auto wanted = plain(p, x), before = supra_test::random(p.all(), 9);
  forward(m, b, p, before);                          // what another call left changes nothing
  const auto found = forward(m, b, p, x);
  for (std::size_t i = 0; i < found.size(); ++i)
    BOOST_REQUIRE(std::abs(found[i] - wanted[i]) <= 1e-13 * (1 + std::abs(wanted[i])));

  const auto dy = supra_test::random(found.size(), 4);
  const numbers& given = x;
  numbers g(p.all(), 0.5);                           // gradients are added to what is there
  std::fill_n(g.begin(), p.size[0], std::numeric_limits<double>::quiet_NaN());
  std::copy(dy.begin(), dy.end(), m.gradient(b, n, g.data()));
  m.backward(b, n, given.data(), p.own(given.data()), g.data(), p.own(g.data()));
  for (std::size_t i = p.size[0]; i < g.size(); ++i) g[i] -= 0.5;
  for (std::size_t i = 0; i < p.at.size(); ++i) {    // each tensor by its own scale
    auto moved = [&](const numbers& part) {
      auto y = x;
      std::copy(part.begin(), part.end(), y.begin() + static_cast<std::ptrdiff_t>(p.at[i]));
      return supra_test::dot(dy, forward(m, b, p, y));
    };
    const auto r =
        testing::check_gradients(moved, p.part(x, i), p.part(g, i), 1e-6, 1e-5);  // so short a step that no relu changes sides
    BOOST_TEST(r.ok(), "part " << i << ": " << r.sentence());
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_depth_width_and_kind) {
  for (auto kind : {map_kind::dense, map_kind::per_head})
    for (std::int64_t depth : {1, 2, 3})
      for (double width : {0.5, 1.0, 1.5, 2.0, 4.0})
        for (std::size_t heads : {1u, 3u})
          BOOST_TEST_CONTEXT((kind == map_kind::dense ? "dense" : "per head")
                             << ", depth " << depth << ", width " << width << ", " << heads << " heads")
          check(of(kind, depth, width), heads);
}

BOOST_AUTO_TEST_CASE(without_a_map_rows_stay_where_they_are) {
  eigen_backend b;
  map_type m(of(map_kind::none, 1, 1), 3);
  numbers x(n * 3 * d, 1.0), dx = x;
  BOOST_TEST(m.forward(b, n, x.data(), {}) == x.data());
  BOOST_TEST(m.gradient(b, n, dx.data()) == dx.data());
  m.backward(b, n, x.data(), {}, dx.data(), {});
  BOOST_TEST(dx == x, boost::test_tools::per_element());
}

// A value that is not a number stays one through the relus between the maps.
BOOST_AUTO_TEST_CASE(nan_stays) {
  eigen_backend b;
  const auto c = of(map_kind::per_head, 3, 1);
  map_type m(c, 3);
  const places p(c, 3);
  auto x = supra_test::random(p.all(), 3);
  x[0] = std::numeric_limits<double>::quiet_NaN();
  const auto y = forward(m, b, p, x);
  for (std::size_t i = 0; i < y.size(); ++i) BOOST_TEST(std::isnan(y[i]) == (i < d));  // of the first head and token
}
