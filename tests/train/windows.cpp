// Windows of a stream: each token is predicted once in a round, the order is the seed's, rounds repeat.
#include "supra/train/windows.hpp"

#include <set>

#include "test.hpp"

using supra::train::windows;

namespace {
std::vector<std::int32_t> stream(int n) {
  std::vector<std::int32_t> s(static_cast<std::size_t>(n));
  std::iota(s.begin(), s.end(), 0);
  return s;
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_round_predicts_every_token_once) {
  const windows w(stream(104), 10, 7);                   // 10 windows, 3 tokens are left over
  BOOST_TEST(w.size() == 10);
  const auto all = w.take(0, 10);
  std::set<std::int32_t> seen(all.targets.begin(), all.targets.end());
  BOOST_TEST(seen.size() == 100u);
  BOOST_TEST(*seen.begin() == 1);
  BOOST_TEST(*seen.rbegin() == 100);
  for (std::size_t i = 0; i < all.ids.size(); ++i) BOOST_TEST(all.targets[i] == all.ids[i] + 1);
  BOOST_TEST((w.take(10, 10).ids == all.ids));           // the second round
  BOOST_TEST((w.take(7, 5).ids == [&] {
    auto x = w.take(7, 3).ids;
    const auto y = w.take(0, 2).ids;
    x.insert(x.end(), y.begin(), y.end());
    return x;
  }()));
}

BOOST_AUTO_TEST_CASE(the_seed_gives_the_order) {
  const windows a(stream(1001), 10, 1), same(stream(1001), 10, 1), b(stream(1001), 10, 2);
  BOOST_TEST((a.take(0, 100).ids == same.take(0, 100).ids));
  BOOST_TEST((a.take(0, 100).ids != b.take(0, 100).ids));
  BOOST_TEST((a.in_order(0, 100, 100).ids != a.take(0, 100).ids));
  BOOST_TEST(a.in_order(3, 1, 100).ids.front() == 30);
  BOOST_TEST(a.in_order(3, 1, 4).ids.front() == 750);    // 4 windows spread over 100
}

BOOST_AUTO_TEST_CASE(a_text_shorter_than_a_window_is_refused) {
  BOOST_CHECK_THROW(windows(stream(10), 10, 1), std::invalid_argument);
  BOOST_CHECK_THROW(windows({}, 10, 1), std::invalid_argument);
  BOOST_TEST(windows(stream(11), 10, 1).size() == 1);
}
