// A real GGUF file: its keys, and every tensor's checksums by a reader of its own in numpy.
#include "smollm2.hpp"

#include "supra/io/json.hpp"
#include "supra/io/model_file.hpp"

using namespace supra;

BOOST_AUTO_TEST_CASE(keys_are_the_goldens) {
  if (supra_test::smollm2_left_out("SmolLM2's keys")) return;
  const io::gguf_file file(supra_test::smollm2_file());
  const auto golden = io::read_json(supra_test::smollm2_goldens() / "smollm2.json").at("gguf");
  const auto& m = file.metadata();
  BOOST_TEST(m.values().size() == golden.at("kv").size() + golden.at("arrays").size());
  for (auto& [key, value] : golden.at("kv").items()) {
    if (value.is_string())
      BOOST_TEST(m.text(key) == value.get<std::string>(), key);
    else if (value.is_boolean())
      BOOST_TEST(m.flag(key) == value.get<bool>(), key);
    else if (value.is_number_integer())
      BOOST_TEST(m.integer(key) == value.get<std::int64_t>(), key);
    else
      BOOST_TEST(static_cast<float>(m.number(key)) == static_cast<float>(value.get<double>()), key);
  }
  for (auto& [key, length] : golden.at("arrays").items()) BOOST_TEST(m.length(key) == length.get<std::uint64_t>(), key);
  BOOST_TEST(m.strings("tokenizer.ggml.tokens")[2] == "<|im_end|>");
  BOOST_TEST(m.integers("tokenizer.ggml.token_type")[2] == 3);

  const auto c = io::config_from_gguf(file);
  BOOST_TEST((c.layers == 30 && c.dim == 576 && c.hidden == 1536 && c.heads == 9 && c.kv_heads == 3 && c.head_dim == 64));
  BOOST_TEST(
      (c.vocab == 49152 && c.max_length == 8192 && c.bos == 1 && c.eos == 2 && c.tied && !c.attention_bias && !c.linear));
  BOOST_TEST((c.rope_theta == 1e5 && c.norm_eps == 1e-5 && c.scaling.kind == "none" && c.sliding_window == 0));
}

// Dequantising is exact but for one rounding, which float32 does everywhere alike; only the sums' order is not given.
BOOST_AUTO_TEST_CASE(every_tensor_has_the_goldens_checksums) {
  if (supra_test::smollm2_left_out("SmolLM2's tensors")) return;
  const io::gguf_file file(supra_test::smollm2_file());
  const auto model = io::model_from_gguf<float>(file);
  const model::parameter_layout layout(model.config);
  BOOST_TEST(layout.count() == 134515008);
  const auto golden = io::read_json(supra_test::smollm2_goldens() / "smollm2.json").at("tensors");
  BOOST_TEST(golden.size() == layout.tensors().size());
  for (auto& [name, g] : golden.items()) {
    const auto& stored = file.at(name);
    BOOST_TEST(io::info(stored.type).name == g.at("type").get<std::string>(), name);
    BOOST_TEST(stored.begin == g.at("offset").get<std::uint64_t>(), name);
    const auto& t = layout.at(g.at("hf_name").get<std::string>());
    const float* x = model.values.data() + t.offset;
    double sum = 0, size = 0, probe = 0, probed = 0;
    for (std::int64_t i = 0; i < t.size; ++i) {
      const double y = x[i], w = static_cast<double>(i % 1021 + 1);
      sum += y, size += std::abs(y), probe += y * w, probed += std::abs(y) * w;
    }
    // n terms in double, by whatever order: n 2^-53 of the sum of sizes each
    const double rounding = static_cast<double>(t.size) * 0x1p-52;
    BOOST_TEST(std::abs(size - g.at("abs_sum").get<double>()) <= rounding * size, name);
    BOOST_TEST(std::abs(sum - g.at("sum").get<double>()) <= rounding * size, name);
    BOOST_TEST(std::abs(probe - g.at("probe_hf").get<double>()) <= rounding * probed, name);
    BOOST_TEST(x[0] == static_cast<float>(g.at("first").get<double>()), name);
    BOOST_TEST(x[t.size - 1] == static_cast<float>(g.at("last").get<double>()), name);
  }
}
