#include "supra/evaluate/positions.hpp"

#include "test.hpp"

using supra::evaluate::losses_by_position;

BOOST_AUTO_TEST_CASE(bins_cover_all_positions_and_grow) {
  for (std::int64_t length : {2, 3, 16, 17, 100, 4096, 131072}) {
    const losses_by_position l(length);
    std::int64_t from = 1;
    for (auto& b : l.bins()) {
      BOOST_TEST((b.from == from && b.to > b.from));
      from = b.to;
    }
    BOOST_TEST(from == length);
  }
  BOOST_TEST(losses_by_position(4096).bins().size() == 17u);  // one below 16, two for each of eight powers
  BOOST_TEST(losses_by_position(1).bins().empty());
}
BOOST_AUTO_TEST_CASE(means_and_their_errors) {
  losses_by_position l(64, 1);
  for (std::int64_t position = 1; position < 64; ++position) l.add(position, static_cast<double>(position % 2));
  l.add(0, 100), l.add(64, 100);  // of no bin: 0 is counted to none, 64 is beyond
  BOOST_TEST(l.bins().size() == 3u);
  BOOST_TEST(l.bins()[1].predictions == 16);
  BOOST_TEST(l.bins()[1].mean() == 0.5);
  BOOST_TEST(l.bins()[1].error() == std::sqrt(0.25 / 15), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(l.bins()[2].predictions == 32);
}
