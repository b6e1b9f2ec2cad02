#include "test.hpp"

#include <map>

#include "io/hugging_face_json.hpp"
#include "temporary.hpp"

using namespace supra;
using io::json;
using supra_test::llama, supra_test::read, supra_test::says, supra_test::with;

BOOST_AUTO_TEST_CASE(keys_that_change_the_meaning_are_refused_by_name) {
  const auto refused = [](const std::string& key, const json& value) {
    BOOST_TEST_CONTEXT(key) BOOST_CHECK_EXCEPTION(read(with(llama(), key, value)), io::error, says("\"" + key + "\" is"));
  };
  refused("mlp_bias", true), refused("quantization_config", {{"bits", 4}}), refused("logits_scaling", 8);
  refused("final_logit_softcapping", 30.0), refused("num_local_experts", 8), refused("no_rope_layers", {1, 0});
  refused("pruned_heads", {{"0", {1}}}), refused("use_qk_norm", true), refused("mlp_bias", "\xff");
  for (auto& [key, value] : std::map<std::string, json>{{"mlp_bias", nullptr},
                                                        {"pruned_heads", json::object()},
                                                        {"logits_scaling", 1.0},
                                                        {"quantization_config", nullptr},
                                                        {"attention_dropout", 0.1},
                                                        {"use_cache", true}})
    BOOST_CHECK_NO_THROW(read(with(llama(), key, value)));
}

BOOST_AUTO_TEST_CASE(one_window_for_all_layers) {
  const auto named = [](const char* kind) {
    return with(with(llama(), "architectures", json::array({kind})), "num_key_value_heads", 4);
  };
  const auto qwen2 = named("Qwen2ForCausalLM"), mistral = named("MistralForCausalLM");
  const json sliding = {"sliding_attention", "sliding_attention"}, full = {"full_attention", "full_attention"};
  const auto window = [&](json j, std::initializer_list<std::pair<const char*, json>> more) {
    for (auto& [key, value] : more) j[key] = value;
    return read(j).sliding_window;
  };
  BOOST_TEST(window(qwen2, {{"sliding_window", 7}}) == 0);
  BOOST_TEST(window(qwen2, {{"sliding_window", 7}, {"use_sliding_window", true}}) == 0);  // from layer 28 on, of 2
  BOOST_TEST(window(qwen2, {{"sliding_window", 7}, {"use_sliding_window", true}, {"max_window_layers", 0}}) == 7);
  BOOST_TEST(window(qwen2, {{"sliding_window", nullptr}, {"use_sliding_window", true}, {"max_window_layers", 1}}) == 0);
  BOOST_TEST(window(qwen2, {{"sliding_window", 7}, {"use_sliding_window", true}, {"layer_types", sliding}}) == 7);
  BOOST_TEST(window(qwen2, {{"sliding_window", 7}, {"use_sliding_window", true}, {"layer_types", full}}) == 0);
  BOOST_TEST(window(mistral, {{"sliding_window", 7}}) == 7);
  BOOST_TEST(window(mistral, {{"sliding_window", 7}, {"layer_types", full}}) == 0);
  const auto refused = [&](const json& j, std::initializer_list<std::pair<const char*, json>> more, const char* why) {
    BOOST_CHECK_EXCEPTION(window(j, more), io::error, says(why));
  };
  refused(qwen2, {{"use_sliding_window", true}, {"max_window_layers", 1}}, "in some layers only");
  refused(mistral, {{"layer_types", {"full_attention", "sliding_attention"}}}, "different kinds of attention");
  refused(mistral, {{"layer_types", {"chunked_attention", "chunked_attention"}}}, "chunked_attention");
  refused(mistral, {{"layer_types", {"full_attention"}}}, "each of the 2 layers");
  refused(mistral, {{"layer_types", sliding}, {"sliding_window", nullptr}}, "there is no \"sliding_window\"");
}
