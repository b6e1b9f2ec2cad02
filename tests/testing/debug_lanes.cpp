#include "supra/testing/debug_lanes.hpp"

#include <atomic>
#include <set>

#include "test.hpp"

using namespace supra::testing;

namespace {
template <class X, class Y> concept adds = requires(X x, Y y) { x + y; };
template <class X> concept indexes = requires(X x, double* p) { p[x]; };
}  // namespace

BOOST_AUTO_TEST_CASE(slots_are_not_integers) {
  static_assert(!adds<strict_slot, int> && !indexes<strict_slot> && !std::is_convertible_v<strict_slot, int>);
  static_assert(!adds<memory_slot, int> && indexes<memory_slot>);
  BOOST_TEST(int(strict_slot(7)) == 7);
}

BOOST_AUTO_TEST_CASE(a_feature_has_one_owner_in_every_verb) {
  debug_crew crew;
  for (int n : {12, 24, 36}) {
    std::vector<int> owner(static_cast<std::size_t>(2 * n), -1);
    std::atomic<int> moved = 0;
    crew.run([&](int lane) {
      const debug_lanes<strict_slot> lanes{&crew, lane};
      auto mine = [&](auto i) { moved += owner[static_cast<std::size_t>(int(i))] != lane; };
      lanes.each(2 * n, [&](auto i) { owner[static_cast<std::size_t>(int(i))] = lane; });
      lanes.each(n, mine);
      for (int width : {n, 2 * n}) {
        lanes.each_half(width, [&](auto i, auto k) { mine(i), mine(k); });
        lanes.each_pair(width, [&](auto i, auto k) { mine(i), mine(k); });
      }
    });
    BOOST_TEST(moved == 0);
    BOOST_TEST((std::set<int>(owner.begin(), owner.end()) == std::set<int>{0, 1, 2}));
  }
}

BOOST_AUTO_TEST_CASE(reductions_are_the_same_on_every_lane) {
  debug_crew crew;
  crew.disturb = true;
  for (int n : {0, 1, 2, 7, 64}) {
    double sum[debug_threads], max[debug_threads];
    int once = 0;
    crew.run([&](int lane) {
      const debug_lanes<strict_slot> lanes{&crew, lane};
      sum[lane] = lanes.sum(n, [](auto i) { return double(int(i)); });
      max[lane] = lanes.max(n, [](auto i) { return float(int(i)); });
      lanes.once([&] { ++once; });
    });
    BOOST_TEST(once == 1);
    for (double s : sum) BOOST_TEST(s == n * (n - 1) / 2);
    for (double m : max) BOOST_TEST(m == (n > 0 ? n - 1 : -std::numeric_limits<double>::infinity()));
  }
}
