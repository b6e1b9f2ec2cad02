#include "test.hpp"

#include "io/hugging_face_json.hpp"
#include "temporary.hpp"

using namespace supra;
using io::json;
using supra_test::llama, supra_test::read, supra_test::says, supra_test::with;

namespace {

void check_same(const model::config& a, const model::config& b) {
  BOOST_TEST((a.vocab == b.vocab && a.dim == b.dim && a.layers == b.layers && a.heads == b.heads && a.kv_heads == b.kv_heads));
  BOOST_TEST((a.head_dim == b.head_dim && a.hidden == b.hidden && a.max_length == b.max_length));
  BOOST_TEST((a.sliding_window == b.sliding_window && a.norm_eps == b.norm_eps && a.rope_theta == b.rope_theta));
  BOOST_TEST((a.norm == b.norm && a.tied == b.tied && a.attention_bias == b.attention_bias && a.linear == b.linear));
  BOOST_TEST((a.bos == b.bos && a.eos == b.eos && a.more_eos == b.more_eos && a.scaling.kind == b.scaling.kind));
  BOOST_TEST(a.scaling.factor == b.scaling.factor);
  if (a.linear || a.scaling.kind == "llama3")
    BOOST_TEST(
        (a.scaling.low_freq_factor == b.scaling.low_freq_factor && a.scaling.high_freq_factor == b.scaling.high_freq_factor));
  if (a.linear || a.scaling.kind == "llama3" || a.scaling.kind == "yarn")
    BOOST_TEST(a.scaling.original_length == b.scaling.original_length);
  if (a.linear || a.scaling.kind == "yarn") {
    BOOST_TEST((a.scaling.beta_fast == b.scaling.beta_fast && a.scaling.beta_slow == b.scaling.beta_slow));
    BOOST_TEST(a.scaling.attention_factor == b.scaling.attention_factor);
  }
  if (!a.linear) return;
  const auto &x = a.attention, &y = b.attention;
  BOOST_TEST((x.feature == y.feature && x.position == y.position && x.decay == y.decay && x.normalizer == y.normalizer));
  BOOST_TEST((x.map == y.map && x.shared_map == y.shared_map && x.qk_norm == y.qk_norm && x.decay_start == y.decay_start));
  BOOST_TEST((x.map_depth == y.map_depth && x.map_width == y.map_width));
  BOOST_TEST((x.output_gate == y.output_gate && x.window == y.window));
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_not_given_has_the_formats_default) {
  const auto c = read(llama());
  BOOST_TEST(
      (c.kv_heads == 4 && c.head_dim == 16 && c.norm_eps == 1e-6 && c.rope_theta == 1e4 && !c.tied && c.max_length == 2048));
  BOOST_TEST((c.sliding_window == 0 && c.bos == 1 && c.eos == 2 && !c.linear));
  const auto m = read(with(with(llama(), "architectures", json::array({"MistralForCausalLM"})), "num_attention_heads", 8));
  BOOST_TEST((m.kv_heads == 8 && m.sliding_window == 4096));
  const auto q = read(with(with(llama(), "architectures", json::array({"Qwen2ForCausalLM"})), "num_attention_heads", 32));
  BOOST_TEST((q.kv_heads == 32 && q.attention_bias && q.sliding_window == 0 && q.max_length == 32768));
  BOOST_TEST((q.bos == -1 && q.eos == -1));
  BOOST_TEST(read(with(with(llama(), "architectures", json::array({"MistralForCausalLM"})), "num_attention_heads", 8).patch(
    json::array({{{"op", "add"}, {"path", "/sliding_window"}, {"value", nullptr}}}))).sliding_window == 0);
}

BOOST_AUTO_TEST_CASE(token_ids_may_be_lists_or_none) {
  const auto c = read(with(llama(), "eos_token_id", json::array({7, 8})));
  BOOST_TEST((c.eos == 7 && c.more_eos == std::vector<std::int64_t>{8}));
  BOOST_TEST(read(with(llama(), "bos_token_id", nullptr)).bos == -1);
  BOOST_CHECK_EXCEPTION(read(with(llama(), "eos_token_id", "x")), io::error, says("must be an integer"));
  BOOST_CHECK_EXCEPTION(read(with(llama(), "eos_token_id", json::array({7, 100}))), io::error, says("each of several eos"));
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_refused_by_name) {
  const auto refused = [](const std::string& key, const json& value, const char* why) {
    BOOST_TEST_CONTEXT(key) BOOST_CHECK_EXCEPTION(read(with(llama(), key, value)), io::error, says(why));
  };
  refused("architectures", json::array({"Qwen2MoeForCausalLM"}), "Qwen2MoeForCausalLM");
  refused("architectures", json::array(), "list of one name");
  refused("architectures", nullptr, "is missing");
  refused("hidden_act", "gelu", "gelu");
  refused("hidden_size", 66, "not a multiple");
  refused("hidden_size", "64", "must be an integer");
  refused("hidden_size", nullptr, "is missing");
  refused("num_attention_heads", 0, "not a multiple");
  refused("num_key_value_heads", 3, "must be a multiple of kv_heads");
  refused("head_dim", 15, "must be even");
  refused("vocab_size", -1, "vocab");
  refused("vocab_size", 4294967296, "vocab");
  refused("rms_norm_eps", "small", "finite number");
  refused("architectures", json::array({"SupraForCausalLM"}), "\"supra\" is missing");
  BOOST_CHECK_EXCEPTION(read(json::array()), io::error, says("expected a JSON object"));
}

BOOST_AUTO_TEST_CASE(every_configuration_comes_back) {
  model::config c;
  c.vocab = 97, c.dim = 48, c.layers = 3, c.heads = 6, c.kv_heads = 2, c.head_dim = 10, c.hidden = 80, c.max_length = 333;
  c.norm_eps = 1.234567890123e-5, c.rope_theta = 123456.789, c.bos = -1, c.eos = 0, c.more_eos = {5, 3};
  c.attention.shared_map = false;
  for (bool linear : {false, true})
    for (bool flag : {false, true})
      for (std::string kind : {"none", "linear", "llama3", "yarn"})
        for (std::int64_t window : {0, 17})
          for (auto norm : {model::norm_kind::rms, model::norm_kind::layer_gain}) {
            c.linear = linear, c.tied = flag, c.attention_bias = flag, c.sliding_window = window, c.norm = norm;
            c.scaling = {};
            c.scaling.kind = kind;
            if (kind != "none") c.scaling.factor = 3.3;
            if (kind == "llama3")
              c.scaling.low_freq_factor = 1.7, c.scaling.high_freq_factor = 3.9, c.scaling.original_length = 777;
            if (kind == "yarn")
              c.scaling.beta_fast = 31, c.scaling.beta_slow = 1.5, c.scaling.attention_factor = flag ? 1.1 : 0;
            const auto text = io::config_to_hugging_face(c, io::dtype::f32).dump();
            check_same(c, read(io::parse_json(text, "f")));
          }
}

BOOST_AUTO_TEST_CASE(every_linear_attention_comes_back) {
  model::config c;
  c.vocab = 97, c.dim = 48, c.layers = 3, c.heads = 4, c.kv_heads = 4, c.head_dim = 12, c.hidden = 80, c.linear = true;
  for (auto map : {model::map_kind::none, model::map_kind::dense, model::map_kind::per_head}) {
    auto& a = c.attention;
    a = {"hedgehog", "xpos", "learned", "rms_norm_gain", map, map == model::map_kind::dense, true, 0.123456789012345,
         map == model::map_kind::none};
    c.scaling = {"none", 2, 3, 5, 7, 11, 13, 17};
    check_same(c, read(io::parse_json(io::config_to_hugging_face(c, io::dtype::bf16).dump(), "f")));
    BOOST_TEST(!io::config_to_hugging_face(c, io::dtype::f32)["supra"].contains("map_depth"));  // as before it had a name
    BOOST_TEST(!io::config_to_hugging_face(c, io::dtype::f32)["supra"].contains("window"));  // likewise
    a.window = 77;
    check_same(c, read(io::parse_json(io::config_to_hugging_face(c, io::dtype::bf16).dump(), "f")));
    if (map == model::map_kind::none) continue;
    a.map_depth = 3, a.map_width = 4.0 / 3;
    check_same(c, read(io::parse_json(io::config_to_hugging_face(c, io::dtype::bf16).dump(), "f")));
  }
  auto j = io::config_to_hugging_face(c, io::dtype::f32);
  j["supra"]["version"] = 2;
  BOOST_CHECK_EXCEPTION(read(j), io::error, says("version 2 is not known"));
  j["supra"]["version"] = 1, j["supra"]["map"] = "sparse";
  BOOST_CHECK_EXCEPTION(read(j), io::error, says("sparse"));
  j["supra"]["map"] = "dense", j["supra"]["map_depth"] = 4;
  BOOST_CHECK_EXCEPTION(read(j), io::error, says("map_depth must be from 1 to 3, found 4"));
  j["supra"]["map_depth"] = 2, j["supra"]["map_width"] = 1.03;
  BOOST_CHECK_EXCEPTION(read(j), io::error, says("map_width times head_dim (12) must be an even number"));
  j["supra"]["map_width"] = 1, j["supra"]["window"] = -3;
  BOOST_CHECK_EXCEPTION(read(j), io::error, says("window must be from 0 (none) to 1048576 tokens, found -3"));
  j["supra"]["window"] = 1.5;
  BOOST_CHECK_EXCEPTION(read(j), io::error, says("must be an integer"));
  j["supra"]["window"] = 8, j["supra"]["linear"] = false;
  BOOST_CHECK_EXCEPTION(read(j), io::error, says("this model's is softmax"));
  j["supra"]["linear"] = true, j["supra"]["norm"] = "batch";
  BOOST_CHECK_EXCEPTION(read(j), io::error, says("batch"));
}
