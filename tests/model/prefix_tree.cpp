// The tree of shared beginnings: every token of every text has its row, what is shared has one.
#include "supra/model/prefix_tree.hpp"

#include <random>
#include <set>

#include "test.hpp"

using supra::model::prefix_tree;
using texts = std::vector<std::vector<std::int32_t>>;

namespace {
// Each text can be read from the tree; segments follow their parents, depth after depth; rows are used once.
void check_tree(const texts& t, const prefix_tree& tree) {
  const auto& s = tree.segments();
  std::int64_t row = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    BOOST_TEST(s[i].first == row);
    BOOST_TEST(s[i].rows > 0);
    row += s[i].rows;
    if (i > 0) BOOST_TEST(s[i].depth >= s[i - 1].depth);
    if (s[i].parent < 0) {
      BOOST_TEST((s[i].depth == 0 && s[i].position == 0));
    } else {
      const auto& p = s[static_cast<std::size_t>(s[i].parent)];
      BOOST_TEST((p.depth + 1 == s[i].depth && p.position + p.rows == s[i].position));
    }
  }
  BOOST_TEST(row == static_cast<std::int64_t>(tree.ids().size()));
  BOOST_TEST(tree.depths() == (s.empty() ? 0 : s.back().depth + 1));
  for (std::size_t i = 0; i < t.size(); ++i)
    for (std::size_t at = 0; at < t[i].size(); ++at) {
      const auto r = static_cast<std::size_t>(tree.row(i, static_cast<std::int64_t>(at)));
      BOOST_TEST_REQUIRE(r < tree.ids().size());
      BOOST_TEST(tree.ids()[r] == t[i][at]);
      BOOST_TEST(tree.positions()[r] == static_cast<std::int64_t>(at));
    }
}
}  // namespace

BOOST_AUTO_TEST_CASE(choices_share_their_context) {
  const texts t = {{1, 2, 3, 4, 5, 9}, {1, 2, 3, 4, 5, 7, 8}, {1, 2, 3, 4, 5}};
  const prefix_tree tree(t);
  check_tree(t, tree);
  BOOST_TEST(tree.ids().size() == 8u);
  BOOST_TEST(tree.segments().size() == 3u);
  BOOST_TEST(tree.row(2, 4) == 4);
}
BOOST_AUTO_TEST_CASE(what_is_short_is_not_shared) {
  const texts t = {{1, 2, 3, 4, 5}, {1, 2, 3, 6}, {1, 2, 3}};
  BOOST_TEST(prefix_tree(t, 4).ids().size() == 12u);
  BOOST_TEST(prefix_tree(t, 3).ids().size() == 6u);
  check_tree(t, prefix_tree(t, 4)), check_tree(t, prefix_tree(t, 3));
}
BOOST_AUTO_TEST_CASE(equal_and_empty_texts) {
  const texts t = {{5, 6}, {}, {5, 6}, {5, 6}};
  const prefix_tree tree(t);
  check_tree(t, tree);
  BOOST_TEST(tree.ids().size() == 2u);
  check_tree({}, prefix_tree(texts{}));
  check_tree({{}}, prefix_tree(texts{{}}));
}
// Few kinds of tokens, so that texts share beginnings of all lengths; with `least` 1 each beginning has one row.
BOOST_AUTO_TEST_CASE(texts_of_chance) {
  std::mt19937_64 g(1);
  for (int round = 0; round < 200; ++round) {
    texts t(1 + g() % 12);
    std::set<std::vector<std::int32_t>> beginnings;
    for (auto& one : t) {
      one.resize(g() % 14);
      for (auto& id : one) id = static_cast<std::int32_t>(g() % 2);
      for (std::size_t n = 1; n <= one.size(); ++n)
        beginnings.emplace(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(n));
    }
    for (std::int64_t least : {1, 2, 4}) check_tree(t, prefix_tree(t, least));
    BOOST_TEST(prefix_tree(t, 1).ids().size() == beginnings.size());
  }
}
// As deep as texts are many.
BOOST_AUTO_TEST_CASE(a_long_chain) {
  texts t;
  for (std::int32_t n = 1; n < 600; ++n) t.emplace_back(static_cast<std::size_t>(n), 3);
  const prefix_tree tree(t, 1);
  check_tree({t.back(), t.front()}, prefix_tree(texts{t.back(), t.front()}, 1));
  BOOST_TEST(tree.ids().size() == 599u);
  BOOST_TEST(tree.depths() == 599);
}
