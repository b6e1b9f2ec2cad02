#include "test.hpp"

#include <array>
#include <limits>
#include <tuple>

#include "supra/io/llama2c.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::as_bytes;
using supra_test::says;

namespace {

// dim 8, hidden 3, 2 layers, 2 heads of 4, 1 kv head, length 5; value i of the file is i.
std::string model_bytes(std::int32_t vocab, std::array<std::int32_t, 7> h = {8, 3, 2, 2, 1, 0, 5}) {
  std::string bytes;
  h[5] = vocab;
  for (auto x : h) supra_test::put(bytes, x);
  const int layer = 2 * 8 + 2 * 64 + 2 * 32 + 3 * 24, count = std::abs(vocab) * 8 * (vocab < 0 ? 2 : 1) + 2 * layer + 8 + 5 * 4;
  for (int i = 0; i < count; ++i) supra_test::put(bytes, static_cast<float>(i));
  return bytes;
}

}  // namespace

BOOST_AUTO_TEST_CASE(tensors_lie_where_the_file_says) {
  for (bool tied : {true, false}) {
    const auto m = io::parse_llama2c<double>(as_bytes(model_bytes(tied ? 6 : -6)), "f");
    const model::parameter_layout layout(m.config);
    BOOST_TEST(m.config.tied == tied);
    BOOST_TEST(m.config.max_length == 5);
    auto first = [&](const std::string& name) { return m.values[static_cast<std::size_t>(layout.at(name).offset)]; };
    BOOST_TEST(first("model.embed_tokens.weight") == 0);
    BOOST_TEST(first("model.layers.1.input_layernorm.weight") == 48 + 8);
    BOOST_TEST(first("model.layers.0.self_attn.q_proj.weight") == 64);
    BOOST_TEST(first("model.layers.1.self_attn.k_proj.weight") == 64 + 128 + 32);
    BOOST_TEST(first("model.layers.0.self_attn.v_proj.weight") == 256);
    BOOST_TEST(first("model.layers.1.self_attn.o_proj.weight") == 320 + 64);
    BOOST_TEST(first("model.layers.0.post_attention_layernorm.weight") == 448);
    BOOST_TEST(first("model.layers.0.mlp.gate_proj.weight") == 464);
    BOOST_TEST(first("model.layers.0.mlp.down_proj.weight") == 512);
    BOOST_TEST(first("model.layers.1.mlp.up_proj.weight") == 560 + 24);
    BOOST_TEST(first("model.norm.weight") == 608);
    if (!tied) BOOST_TEST(first("lm_head.weight") == 616 + 20);
  }
}

BOOST_AUTO_TEST_CASE(rows_of_queries_and_keys_go_from_neighbours_to_halves) {
  const auto m = io::parse_llama2c<float>(as_bytes(model_bytes(6)), "f");
  const model::parameter_layout layout(m.config);
  for (auto [name, start, rows] :
       {std::tuple{"model.layers.0.self_attn.q_proj.weight", 64, 8}, {"model.layers.1.self_attn.k_proj.weight", 224, 4}}) {
    const auto* values = m.values.data() + layout.at(name).offset;
    for (int r = 0; r < rows; ++r) {
      const int old = std::array{0, 2, 1, 3}[static_cast<std::size_t>(r % 4)] + r / 4 * 4;
      for (int c = 0; c < 8; ++c) BOOST_TEST(values[r * 8 + c] == static_cast<float>(start + old * 8 + c));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_size_is_refused) {
  const std::string good = model_bytes(6);
  for (std::size_t n : {std::size_t{0}, std::size_t{27}, std::size_t{28}, good.size() - 1, good.size() - 4})
    BOOST_CHECK_THROW(io::parse_llama2c<float>(as_bytes(good.substr(0, n)), "f"), io::error);
  BOOST_CHECK_EXCEPTION(io::parse_llama2c<float>(as_bytes(good + "x"), "f"), io::error,
                        says("by its header the file must have"));
}

BOOST_AUTO_TEST_CASE(headers_that_cannot_be_are_refused) {
  constexpr auto most = std::numeric_limits<std::int32_t>::max(), least = std::numeric_limits<std::int32_t>::min();
  using header = std::array<std::int32_t, 7>;
  for (const header h : {header{most, most, most, 1, 1, most, most},
                         {most - 1, most, most, 1, 1, least, most},
                         {0, 3, 2, 2, 1, 6, 5},
                         {-8, 3, 2, 2, 1, 6, 5},
                         {8, 3, 2, 0, 1, 6, 5},
                         {8, 3, 2, 3, 1, 6, 5},
                         {8, 3, 2, 2, 0, 6, 5},
                         {8, 3, 2, 2, 4, 6, 5},
                         {8, 3, least, 2, 1, 6, 5},
                         {8, 0, 2, 2, 1, 6, 5},
                         {8, 3, 2, 2, 1, 0, 5},
                         {8, 3, 2, 2, 1, 6, -5},
                         {8, 3, 2, 8, 8, 6, 5},
                         {2, 1, most, 1, 1, 1, 1}}) {
    std::string bytes;
    for (auto x : h) supra_test::put(bytes, x);
    bytes.resize(4000);
    BOOST_CHECK_THROW(io::parse_llama2c<float>(as_bytes(bytes), "f"), io::error);
  }
  std::string later;
  supra_test::put(later, 0x616b3432);
  later.resize(256);
  BOOST_CHECK_EXCEPTION(io::parse_llama2c<float>(as_bytes(later), "f"), io::error, says("only the legacy version"));
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite_are_refused_by_name) {
  std::string bytes = model_bytes(6);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(bytes.data() + 28 + 4 * (64 + 128 + 33), &nan, 4);
  BOOST_CHECK_EXCEPTION(io::parse_llama2c<float>(as_bytes(bytes), "f"), io::error,
                        says("model.layers.1.self_attn.k_proj.weight"));
}

BOOST_AUTO_TEST_CASE(public_models_are_read) {
  if (supra_test::left_out("the two llama2.c models")) return;
  const std::string folder = supra_test::data_dir() + "/weights/";
  const auto small = io::load_llama2c<float>(folder + "stories260K.bin");
  BOOST_TEST((small.config.vocab == 512 && small.config.dim == 64 && small.config.heads == 8 && small.config.kv_heads == 4));
  const auto characters = io::load_llama2c<float>(folder + "babyllama_tok105_936K.bin");
  BOOST_TEST((characters.config.vocab == 105 && characters.config.dim == 128 && characters.config.layers == 5));
}
