#include "test.hpp"

#include "io/hugging_face_json.hpp"
#include "temporary.hpp"

using namespace supra;
using io::json;
using supra_test::llama, supra_test::read, supra_test::says, supra_test::with;

BOOST_AUTO_TEST_CASE(rope_is_found_in_both_places) {
  BOOST_TEST(read(with(llama(), "rope_theta", 5e5)).rope_theta == 5e5);
  BOOST_TEST(read(with(llama(), "rope_parameters", {{"rope_theta", 5e5}, {"rope_type", "default"}})).rope_theta == 5e5);
  const auto c = read(with(llama(), "rope_scaling", {{"type", "linear"}, {"factor", 4}}));
  BOOST_TEST((c.scaling.kind == "linear" && c.scaling.factor == 4));
  const json three = {{"rope_type", "llama3"},
                      {"factor", 8},
                      {"low_freq_factor", 2},
                      {"high_freq_factor", 5},
                      {"original_max_position_embeddings", 4096}};
  const auto l = read(with(llama(), "rope_scaling", three)).scaling;
  BOOST_TEST((l.factor == 8 && l.low_freq_factor == 2 && l.high_freq_factor == 5 && l.original_length == 4096));
  const auto y = read(with(llama(), "rope_parameters",
                           {{"rope_type", "yarn"}, {"factor", 2}, {"beta_fast", 30}, {"mscale", 1}, {"mscale_all_dim", 1}}))
                     .scaling;
  BOOST_TEST((y.kind == "yarn" && y.beta_fast == 30 && y.attention_factor == 1 && y.original_length == 2048));
}

BOOST_AUTO_TEST_CASE(other_scalings_are_refused_by_name) {
  const auto refused = [](const std::string& key, const json& value, const char* why) {
    BOOST_TEST_CONTEXT(key) BOOST_CHECK_EXCEPTION(read(with(llama(), key, value)), io::error, says(why));
  };
  refused("rope_scaling", {{"rope_type", "dynamic"}, {"factor", 2}}, "dynamic");
  refused("rope_scaling", {{"type", "longrope"}, {"short_factor", {1, 2}}}, "\"short_factor\" is not known here");
  refused("rope_parameters", {{"full_attention", {{"rope_theta", 1e4}}}}, "\"full_attention\" is not known here");
  refused("rope_parameters", {{"partial_rotary_factor", 0.5}}, "part of the head");
  refused("rope_scaling", {{"rope_type", "yarn"}, {"truncate", false}}, "truncate");
  refused("rope_scaling", {{"rope_type", "linear"}, {"factor", -1}}, "must be positive");
  refused("rope_scaling", "linear", "expected a JSON object");
  refused("partial_rotary_factor", 0.5, "partial_rotary_factor");
}
