#include "test.hpp"

#include "supra/io/pair_merge.hpp"

using namespace supra;

BOOST_AUTO_TEST_CASE(best_first_then_leftmost) {
  auto join = [](std::int32_t a, std::int32_t b) -> io::joined {
    if (a == 1 && b == 1) return {2, 0.f};
    if (a == 1 && b == 3) return {4, 1.f};
    if (a == 2 && b == 4) return {5, -3.f};
    return {};
  };
  std::vector<std::int32_t> ids = {1, 1, 1, 3, 1};
  io::merge_pairs(ids, -2.f, join);
  BOOST_TEST(ids == (std::vector<std::int32_t>{2, 4, 1}), boost::test_tools::per_element());
  io::merge_pairs(ids, -4.f, join);
  BOOST_TEST(ids == (std::vector<std::int32_t>{5, 1}), boost::test_tools::per_element());
  ids.clear();
  io::merge_pairs(ids, 0.f, join);
  BOOST_TEST(ids.empty());
}

BOOST_AUTO_TEST_CASE(a_megabyte_of_one_character_takes_seconds_not_hours) {
  std::vector<std::int32_t> ids(1 << 20, 0);
  io::merge_pairs(ids, -1.f, [](std::int32_t a, std::int32_t b) {
    return a == b && a < 4 ? io::joined{a + 1, 0.f} : io::joined{};
  });
  BOOST_TEST(ids.size() == (1u << 16));
}
