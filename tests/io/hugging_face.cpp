#include "test.hpp"

#include <array>
#include <fstream>

#include "supra/io/hugging_face.hpp"
#include "supra/io/safetensors_out.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

namespace {

model::config small_config() {
  model::config c;
  c.vocab = 11, c.dim = 8, c.layers = 2, c.heads = 2, c.kv_heads = 1, c.head_dim = 4, c.hidden = 12;
  return c;
}

// A folder whose weights are those of `c`, changed by `change`; config.json is c's.
struct changed_folder : supra_test::temporary_folder {
  template <class Change>
  changed_folder(const model::config& c, Change&& change) {
    std::vector<io::tensor_out> tensors;
    const model::parameter_layout layout(c);
    for (auto& t : layout.tensors()) tensors.push_back({t.name, io::dtype::f32, t.shape, {}});
    change(tensors);
    std::vector<std::vector<float>> values;
    for (auto& t : tensors) {
      std::size_t n = 1;
      for (auto s : t.shape) n *= static_cast<std::size_t>(s);
      values.emplace_back(n, 0.5f);
    }
    for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].bytes = std::as_bytes(std::span(values[i]));
    io::write_safetensors(path / "model.safetensors", tensors);
    io::write_file(path / "config.json", io::config_to_hugging_face(c, io::dtype::f32).dump());
  }
};

template <class Change>
void refused(const model::config& c, Change&& change, const char* why) {
  const changed_folder f(c, change);
  BOOST_CHECK_EXCEPTION(io::load_hugging_face<float>(f.path), io::error, says(why));
}

}  // namespace

BOOST_AUTO_TEST_CASE(golden_folders_are_read) {
  for (auto name : {"hf_llama_mha", "hf_llama_tied_gqa", "hf_mistral_gqa"}) {
    const std::filesystem::path folder = supra_test::golden_dir() + "/" + name;
    const auto m = io::load_hugging_face<float>(folder);
    const model::parameter_layout layout(m.config);
    const io::safetensors_file weights(folder / "model.safetensors"), golden(folder / "golden.safetensors");
    for (auto& t : layout.tensors()) {
      const auto values = weights.read<float>(t.name);
      BOOST_TEST(std::equal(values.begin(), values.end(), m.values.begin() + t.offset), t.name);
      BOOST_TEST(golden.shape("grad." + t.name) == t.shape, boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(tensors_and_configuration_must_agree) {
  auto c = small_config();
  refused(c, [](auto& t) { t.erase(t.begin() + 3); }, "must be there and are not: \"model.layers.0.self_attn.k_proj.weight\"");
  refused(c, [](auto& t) { t[2].name = "x"; }, "must be there and are not");
  refused(c, [](auto& t) { t.push_back({"extra", io::dtype::f32, {2}, {}}); }, "have no place in the model: \"extra\"");
  refused(c, [](auto& t) { t[0].shape = {8, 11}; }, "has shape (8, 11), by config.json it must be (11, 8)");
  refused(c, [](auto& t) { t[0].shape = {88}; }, "it must be (11, 8)");
  refused(c, [](auto& t) { t[1].type = io::dtype::i32; }, "F64, F32, F16 or BF16 was expected");
  c.linear = true, c.attention.shared_map = false;
  refused(c, [](auto& t) { std::erase_if(t, [](auto& x) { return x.name.ends_with("map_k.bias"); }); }, "map_k.bias");
  c.attention.map_depth = 2, c.attention.map_width = 2;
  refused(c, [](auto& t) { std::erase_if(t, [](auto& x) { return x.name.ends_with("0.self_attn.map_q.1.weight"); }); },
          "must be there and are not: \"model.layers.0.self_attn.map_q.1.weight\"");
  refused(c, [](auto& t) { t.push_back({"model.layers.0.self_attn.map_q.2.weight", io::dtype::f32, {16, 16}, {}}); },
          "have no place in the model: \"model.layers.0.self_attn.map_q.2.weight\"");
}

BOOST_AUTO_TEST_CASE(harmless_tensors_are_passed_over) {
  auto c = small_config();
  const changed_folder tied(c, [](auto& t) {
    t.push_back({"lm_head.weight", io::dtype::f32, {11, 8}, {}});
    t.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", io::dtype::f32, {2}, {}});
  });
  BOOST_TEST(io::load_hugging_face<float>(tied.path).values[0] == 0.5f);
  refused(c, [](auto& t) { t.push_back({"lm_head.weight", io::dtype::f32, {8, 8}, {}}); }, "tie_word_embeddings is true");
  c.attention_bias = true;
  refused(c, [](auto& t) { t.push_back({"model.layers.0.self_attn.o_proj.bias", io::dtype::f32, {8}, {}}); }, "an output bias");
}

BOOST_AUTO_TEST_CASE(shards_of_every_float_type) {
  const auto c = small_config();
  const model::parameter_layout layout(c);
  const supra_test::temporary_folder folder;
  io::write_file(folder / "config.json", io::config_to_hugging_face(c, io::dtype::f32).dump());
  io::json map;
  std::size_t shard = 0;
  for (auto& t : layout.tensors()) {                 // one tensor a shard, each type in turn
    const io::dtype type = std::array{io::dtype::f32, io::dtype::f16, io::dtype::bf16, io::dtype::f64}[shard % 4];
    const std::string name = "part-" + std::to_string(shard++) + ".safetensors";
    io::safetensors_writer out(folder / name, {{t.name, type, t.shape}});
    std::vector<float> values(static_cast<std::size_t>(t.size));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 9) / 8 - 0.5f;  // any holds these
    out.write(std::span<const float>(values));
    out.commit();
    map[t.name] = name;
  }
  io::write_file(folder / "model.safetensors.index.json", io::json{{"weight_map", map}}.dump());
  const auto files = io::open_hugging_face(folder.path);
  const auto m = files.load<float>();
  for (std::size_t i = 0; i < layout.tensors().size(); ++i) {
    const auto& t = layout.tensors()[i];
    for (std::int64_t j = 0; j < t.size; ++j)
      BOOST_REQUIRE(m.values[static_cast<std::size_t>(t.offset + j)] == static_cast<float>(j % 9) / 8 - 0.5f);
    float last = 0;
    files.read(i, t.size - 1, std::span(&last, 1));
    BOOST_TEST(last == m.values[static_cast<std::size_t>(t.offset + t.size - 1)]);
  }
  std::filesystem::remove(folder / "part-3.safetensors");
  BOOST_CHECK_EXCEPTION(io::load_hugging_face<float>(folder.path), io::error,
                        says("\"part-3.safetensors\" that it names is missing"));
}

BOOST_AUTO_TEST_CASE(a_configuration_of_another_size_asks_for_no_memory) {
  for (auto [key, value] : {std::pair{"num_hidden_layers", 2147483647},
                            {"vocab_size", 2147483647},
                            {"intermediate_size", 2147483647},
                            {"num_attention_heads", 2147483646},
                            {"head_dim", 2147483646}}) {
    const changed_folder f(small_config(), [](auto&) {});
    auto j = io::read_json(f / "config.json");
    j[key] = value;
    if (std::string(key) == "num_attention_heads") j["head_dim"] = 2147483646;
    io::write_file(f / "config.json", j.dump(), io::existing::overwrite);
    BOOST_TEST_CONTEXT(key) BOOST_CHECK_THROW(io::load_hugging_face<float>(f.path), io::error);
  }
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite_are_refused_by_name) {
  const changed_folder f(small_config(), [](auto&) {});
  std::fstream file(f / "model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-4, std::ios::end);
  file.write("\x00\x00\xc0\x7f", 4);
  file.close();
  BOOST_CHECK_EXCEPTION(io::load_hugging_face<float>(f.path), io::error, says("\"model.norm.weight\" holds nan at element 7"));
}

BOOST_AUTO_TEST_CASE(folders_without_a_model_are_refused) {
  const supra_test::temporary_folder folder;
  BOOST_CHECK_EXCEPTION(io::load_hugging_face<float>(folder.path), io::error, says("there is no config.json"));
}
