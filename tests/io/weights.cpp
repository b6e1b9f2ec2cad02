#include "test.hpp"

#include <limits>

#include "supra/io/weights.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

BOOST_AUTO_TEST_CASE(a_configuration_larger_than_the_file_is_refused) {
  model::config c;
  c.vocab = 10, c.dim = 8, c.layers = 2, c.heads = 2, c.kv_heads = 2, c.head_dim = 4, c.hidden = 12, c.linear = true;
  BOOST_CHECK_NO_THROW(io::check_against_file(c, 1000, 30, "f"));
  BOOST_CHECK_NO_THROW(io::check_against_file(c, 1000, 12, "f"));
  BOOST_CHECK_NO_THROW(io::check_against_file(c, 1000, 6, "f"));  // one layer too many: the missing tensor is named later
  BOOST_CHECK_EXCEPTION(io::check_against_file(c, 1000, 5, "f"), io::error, says("2 layers"));
  BOOST_CHECK_EXCEPTION(io::check_against_file(c, 70, 30, "f"), io::error, says("the embedding"));
  constexpr std::int64_t most = (std::int64_t{1} << 31) - 2;
  for (auto field :
       {&model::config::vocab, &model::config::dim, &model::config::layers, &model::config::hidden, &model::config::head_dim}) {
    auto large = c;
    large.*field = most;
    BOOST_CHECK_THROW(io::check_against_file(large, 1000, 30, "f"), io::error);
  }
  for (auto map : {model::map_kind::dense, model::map_kind::per_head}) {
    auto wide = c;
    wide.attention.map = map, wide.attention.map_width = 4, wide.attention.map_depth = 2;
    const std::int64_t largest = map == model::map_kind::dense ? 32 * 32 : 32 * 16;
    BOOST_CHECK_NO_THROW(io::check_against_file(wide, largest, 30, "f"));
    BOOST_CHECK_EXCEPTION(io::check_against_file(wide, largest - 1, 30, "f"), io::error, says("a feature map"));
    wide.heads = wide.kv_heads = wide.dim = most, wide.head_dim = most;
    BOOST_CHECK_THROW(io::check_against_file(wide, std::numeric_limits<std::int64_t>::max(), 30, "f"), io::error);
  }
  c.heads = c.kv_heads = c.head_dim = c.dim = most;
  BOOST_CHECK_THROW(io::check_against_file(c, std::numeric_limits<std::int64_t>::max(), 30, "f"), io::error);
}

BOOST_AUTO_TEST_CASE(numbers_must_be_finite) {
  const std::vector<float> values = {1, std::numeric_limits<float>::quiet_NaN()};
  BOOST_CHECK_EXCEPTION(io::check_finite<float>(values, "f", "x"), io::error, says("tensor \"x\" holds nan at element 1"));
}
