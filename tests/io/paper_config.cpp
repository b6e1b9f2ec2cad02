#include "test.hpp"

#include "supra/io/paper_config.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

namespace {

io::json small(const std::string& key = "", const io::json& value = nullptr) {
  io::json j = {{"hidden_dim", 64}, {"n_layers", 2}, {"n_heads", 4}, {"vocab_size", 100}, {"attn_name", "linear_attn"}};
  if (!key.empty()) j[key] = value;
  return j;
}
model::config read(const io::json& j) { return io::config_from_paper(j, "f"); }

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_not_given_has_the_codes_default) {
  const auto c = read(small());
  BOOST_TEST((c.linear && c.kv_heads == 4 && c.head_dim == 16 && c.hidden == 256 && c.norm == model::norm_kind::layer_gain &&
              !c.tied));
  BOOST_TEST((c.attention.decay == "none" && c.attention.shared_map && !c.attention.qk_norm && c.max_length == 2048));
  BOOST_TEST(read(small("hidden_dim", 4096)).hidden == 11008);
  BOOST_TEST(!read(small("attn_name", "xformers_attn")).linear);
  BOOST_TEST(!read(small("n_heads_kv", 2)).attention.shared_map);
  BOOST_TEST(read(small("use_decay", true)).attention.decay == "slopes");
  BOOST_TEST(read(small("positional_embedding_type", "none")).attention.position == "none");
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_refused) {
  for (auto [key, value, why] : std::initializer_list<std::tuple<const char*, io::json, const char*>>{
           {"post_embed_norm", true, "post_embed_norm"},
           {"ffn_type", "gelu", "gelu"},
           {"model_norm", "layer_norm", "layer_norm"},
           {"positional_embedding_type", "head_rotary", "head_rotary"},
           {"positional_embedding_type", "llama_rotary", "interleaved"},
           {"qk_head_dim", 32, "qk_head_dim"},
           {"ssm_cfg", io::json::object(), "Mamba"},
           {"n_heads", 0, "multiple of n_heads"},
           {"n_heads_kv", 3, "multiple of kv_heads"},
           {"hidden_dim", 9223372036854775807, "multiple of n_heads"},
           {"n_layers", "two", "must be an integer"},
           {"vocab_size", -5, "vocab"},
           {"moe_freq", 1, "experts"}})
    BOOST_TEST_CONTEXT(key) BOOST_CHECK_EXCEPTION(read(small(key, value)), io::error, says(why));
  BOOST_CHECK_EXCEPTION(read({{"n_layers", 1}}), io::error, says("is missing"));
}

BOOST_AUTO_TEST_CASE(published_configurations_are_read) {
  if (supra_test::left_out("the paper's model_configs")) return;
  const std::string folder = supra_test::data_dir() + "/supra_model_configs/";
  auto named = [&](const std::string& name) { return read(io::read_json(folder + name + ".json")); };
  const auto m = named("mistral_7b_linear");
  BOOST_TEST((m.linear && m.kv_heads == 8 && m.hidden == 14336 && !m.attention.shared_map && m.attention.decay == "slopes"));
  BOOST_TEST((named("linear_1b").attention.qk_norm && named("linear_1b").norm == model::norm_kind::layer_gain));
  BOOST_TEST((named("llama2_7b").hidden == 11008 && !named("llama2_7b").linear));
  BOOST_TEST(io::paper_rope_interleaved(io::read_json(folder + "llama2_7b.json"), "f"));
  BOOST_TEST(named("linear_7b").bos == 0);
  for (auto name : {"linear_tiny", "mistral_7b", "open_lm_1b", "open_lm_test_tiny"}) BOOST_CHECK_NO_THROW(named(name));
  BOOST_CHECK_EXCEPTION(named("mamba_1b"), io::error, says("Mamba"));
}
