// A configuration that contradicts itself is refused with a sentence that names the number.
#include "supra/model/config.hpp"

#include "test.hpp"

using namespace supra::model;

namespace {

config good() {
  config c;
  c.vocab = 32, c.dim = 24, c.layers = 2, c.heads = 4, c.kv_heads = 2, c.head_dim = 6, c.hidden = 40;
  return c;
}
template <class Change>
void refused(const std::string& part, Change change) {
  auto c = good();
  change(c);
  BOOST_CHECK_EXCEPTION(check(c), std::invalid_argument, [&](const std::exception& e) {
    BOOST_TEST_MESSAGE(e.what());
    return std::string(e.what()).starts_with("model configuration: ") && std::string(e.what()).find(part) != std::string::npos;
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(good_ones_pass) {
  BOOST_CHECK_NO_THROW(check(good()));
  auto c = good();
  c.linear = true, c.attention.shared_map = false;
  BOOST_CHECK_NO_THROW(check(c));
  c.kv_heads = 4, c.attention.shared_map = true;
  BOOST_CHECK_NO_THROW(check(c));
  c.kv_heads = 2, c.attention.map = map_kind::none;  // no map, so none is shared
  BOOST_CHECK_NO_THROW(check(c));
}

BOOST_AUTO_TEST_CASE(special_tokens_are_of_the_vocabulary) {
  refused("bos", [](config& c) { c.bos = 32; });
  refused("eos", [](config& c) { c.eos = 1000000000; });
  refused("bos", [](config& c) { c.bos = -2; });
  for (std::int64_t id : {-1, 32}) refused("several eos", [&](config& c) { c.more_eos = {3, id}; });
  refused("several eos", [](config& c) { c.eos = -1, c.more_eos = {3}; });
  auto c = good();
  c.bos = c.eos = -1;
  BOOST_CHECK_NO_THROW(check(c));
}

BOOST_AUTO_TEST_CASE(a_text_ends_at_each_of_its_ends_and_at_the_next_ones_begin) {
  auto c = good();
  c.bos = 4, c.eos = 7, c.more_eos = {9, 5};
  BOOST_CHECK_NO_THROW(check(c));
  for (std::int64_t id = 0; id < c.vocab; ++id)
    BOOST_TEST(supra::model::ends_text(c, id) == (id == 4 || id == 5 || id == 7 || id == 9));
}

BOOST_AUTO_TEST_CASE(counts_are_positive_and_below_2_to_31) {
  const std::pair<const char*, std::int64_t config::*> counts[] = {
      {"vocab", &config::vocab},       {"dim", &config::dim},
      {"layers", &config::layers},     {"heads", &config::heads},
      {"kv_heads", &config::kv_heads}, {"head_dim", &config::head_dim},
      {"hidden", &config::hidden},     {"max_length", &config::max_length}};
  for (auto& [name, member] : counts)
    for (std::int64_t wrong : {std::int64_t{0}, std::int64_t{-3}, std::int64_t{1} << 31})
      refused(std::string(name) + " must be from 1 to 2^31-1, found " + std::to_string(wrong),
              [&, m = member](config& c) { c.*m = wrong; });
}

BOOST_AUTO_TEST_CASE(contradictions) {
  refused("heads (4) must be a multiple of kv_heads (3)", [](config& c) { c.kv_heads = 3; });
  refused("head_dim must be even", [](config& c) { c.head_dim = 5; });
  refused("sliding_window must not be negative, found -1", [](config& c) { c.sliding_window = -1; });
  refused("as many kv_heads as heads", [](config& c) { c.linear = true; });
}

BOOST_AUTO_TEST_CASE(learned_maps) {
  auto student = [](auto change) {
    return [change](config& c) { c.linear = true, c.attention.shared_map = false, change(c.attention); };
  };
  for (std::int64_t depth : {0, -1, 4})
    refused("map_depth must be from 1 to 3, found " + std::to_string(depth), student([&](auto& a) { a.map_depth = depth; }));
  for (double width : {0.4, 4.5, -1.0, std::numeric_limits<double>::quiet_NaN()})
    refused("map_width must be from 0.5 to 4", student([&](auto& a) { a.map_width = width; }));
  for (double width : {0.5, 1.2, 1.5})               // 3, 7.2 and 9 numbers
    refused("map_width times head_dim (6) must be an even number", student([&](auto& a) { a.map_width = width; }));
  refused("there is none", student([](auto& a) { a.map = map_kind::none, a.map_depth = 2; }));
  refused("there is none", student([](auto& a) { a.map = map_kind::none, a.map_width = 2; }));
  for (double width : {1.0 / 3 * 2, 4.0 / 3, 1.0, 4.0})
    for (std::int64_t depth : {1, 2, 3}) {
      auto c = good();
      student([&](auto& a) { a.map_depth = depth, a.map_width = width; })(c);
      BOOST_CHECK_NO_THROW(check(c));
      BOOST_TEST(mapped_width(c) == std::lround(6 * width));
    }
}

BOOST_AUTO_TEST_CASE(a_window_stands_beside_linear_attention) {
  for (std::int64_t wrong : {std::int64_t{-1}, std::int64_t{1048577}, std::int64_t{1} << 62})
    refused("window must be from 0 (none) to 1048576 tokens, found " + std::to_string(wrong),
            [&](config& c) { c.linear = true, c.attention.shared_map = false, c.attention.window = wrong; });
  refused("this model's is softmax, which has sliding_window; found 5", [](config& c) { c.attention.window = 5; });
  for (std::int64_t window : {0, 1, 1048576}) {
    auto c = good();
    c.linear = true, c.attention.shared_map = false, c.attention.window = window;
    BOOST_CHECK_NO_THROW(check(c));
    BOOST_TEST(supra::model::is_hybrid(c) == (window > 0));
  }
}

BOOST_AUTO_TEST_CASE(numbers_that_are_no_numbers) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  for (double x : {-1e-6, 1.0, nan}) refused("norm_eps must be in [0, 1)", [&](config& c) { c.norm_eps = x; });
  for (double x : {1.0, -5.0, nan, infinity})
    refused("rope_theta must be above 1 and finite", [&](config& c) { c.rope_theta = x; });
}
