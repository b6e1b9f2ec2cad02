// Rows by token ids, and their gradient: repeated tokens add up, in the order of the tokens, onto what is there.
#include "supra/layer/embedding.hpp"

#include <tuple>
#include <vector>

#include "supra/core/serial.hpp"
#include "supra/eigen/backend.hpp"
#include "test.hpp"

using namespace supra;
using backends = std::tuple<serial_backend, eigen_backend>;

BOOST_AUTO_TEST_CASE_TEMPLATE(rows_and_their_gradient, B, backends) {
  B b;
  const std::vector<std::int32_t> ids{4, 0, 4, 2, 4, 0};
  const auto n = static_cast<std::int64_t>(ids.size());
  for (int dim : {1, 127, 128, 129, 260}) {
    const auto w = static_cast<std::size_t>(dim);
    std::vector<double> table(5 * w), y(ids.size() * w, std::numeric_limits<double>::quiet_NaN()), dy(y.size()),
        gradient(table.size(), 0.5), wanted = gradient;
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<double>(i) + 0.25;
    for (std::size_t i = 0; i < dy.size(); ++i) dy[i] = 1.0 / static_cast<double>(i + 3);
    for_rows(b, n, layer::embedding_forward<double>{ids.data(), table.data(), y.data(), dim});
    layer::token_places<B> places;
    places.upload(b, std::vector<std::int32_t>(9, 3)), places.upload(b, ids);  // what was there before is gone
    layer::embedding_gradient(b, places, ids.data(), static_cast<const double*>(dy.data()), dim,
                              gradient.data());
    for (std::size_t t = 0; t < ids.size(); ++t)
      for (std::size_t i = 0; i < w; ++i) {
        const std::size_t at = static_cast<std::size_t>(ids[t]) * w + i;
        BOOST_REQUIRE(y[t * w + i] == table[at]);
        wanted[at] += dy[t * w + i];
      }
    BOOST_TEST(gradient == wanted);  // to the bit: the same order of sums
  }
}
