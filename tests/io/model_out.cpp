#include "test.hpp"

#include <fstream>

#include "instances/load_model.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

namespace {

model::config small_config() {
  model::config c;
  c.vocab = 11, c.dim = 8, c.layers = 2, c.heads = 2, c.kv_heads = 1, c.head_dim = 4, c.hidden = 12;
  return c;
}
template <class T>
std::vector<T> some_values(const model::config& c) {
  const model::parameter_layout layout(c);
  std::vector<T> values(static_cast<std::size_t>(layout.size()), T(0));
  for (auto& t : layout.tensors())
    for (std::int64_t i = 0; i < t.size; ++i)
      values[static_cast<std::size_t>(t.offset + i)] = static_cast<T>((t.offset + i) % 97) / 7 - 3;
  return values;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_saved_is_loaded) {
  std::vector<model::config> all(4, small_config());
  for (std::size_t i = 1; i < all.size(); ++i)
    all[i].linear = true, all[i].attention.shared_map = false, all[i].attention_bias = true;
  all[2].attention.map_depth = 3, all[2].attention.map_width = 0.5;
  all[3].attention.map = model::map_kind::per_head, all[3].attention.map_depth = 2, all[3].attention.map_width = 4;
  for (auto& c : all) {
    const auto values = some_values<double>(c);
    const supra_test::temporary_folder folder;
    io::save_model<double>(folder / "new/model", c, values, io::dtype::f64);
    BOOST_TEST((io::load_hugging_face<double>(folder / "new/model").values == values));
    io::save_model<double>(folder / "half", c, values, io::dtype::bf16);
    const auto half = io::load_hugging_face<double>(folder / "half").values;
    for (std::size_t i = 0; i < values.size(); ++i) BOOST_REQUIRE(std::abs(half[i] - values[i]) <= std::abs(values[i]) / 256);
    BOOST_CHECK_EXCEPTION(io::save_model<double>(folder / "half", c, values), io::error, says("exists already"));
    io::save_model<double>(folder / "half", c, values, io::dtype::f64, io::existing::overwrite);
    BOOST_TEST((io::load_hugging_face<double>(folder / "half").values == values));
  }
}

BOOST_AUTO_TEST_CASE(values_that_are_not_finite_are_not_written) {
  const auto c = small_config();
  auto values = some_values<float>(c);
  values[3] = std::numeric_limits<float>::infinity();
  const supra_test::temporary_folder folder;
  BOOST_CHECK_EXCEPTION(io::save_model<float>(folder / "m", c, values), io::error, says("model.embed_tokens.weight"));
  values.pop_back();
  BOOST_CHECK_EXCEPTION(io::save_model<float>(folder / "m", c, values), io::error, says("were given"));
}

// From files to files, tensor by tensor, in the types that they are stored in.
BOOST_AUTO_TEST_CASE(a_converted_folder_keeps_types_and_bits) {
  auto c = small_config();
  c.linear = true, c.attention.shared_map = false;
  const supra_test::temporary_folder folder;
  const io::python_module code{"modeling", "# a model\n"};
  for (auto type : {io::dtype::f64, io::dtype::f32, io::dtype::f16, io::dtype::bf16}) {
    const auto from = folder / io::info(type).name, to = folder / (std::string(io::info(type).name) + ".again");
    io::save_model<double>(from, c, some_values<double>(c), type, io::existing::refuse, code);
    io::save_model(to, io::open_model(from), {.code = code});
    for (auto name : {"model.safetensors", "config.json", "modeling.py"}) {
      const io::mapped_file a(from / name), b(to / name);
      BOOST_TEST(a.text() == b.text(), name);
    }
    const auto config = io::read_json(to / "config.json");
    BOOST_TEST(config["auto_map"]["AutoModelForCausalLM"] == "modeling.SupraForCausalLM");
    io::save_model(folder / "wide", io::open_model(to), {io::dtype::f64, io::existing::overwrite});
    BOOST_TEST((io::load_model<double>(folder / "wide").values == io::load_model<double>(from).values));
  }
  c.linear = false;
  io::save_model<double>(folder / "teacher", c, some_values<double>(c), io::dtype::f32, io::existing::refuse, code);
  BOOST_TEST(!std::filesystem::exists(folder / "teacher/modeling.py"));
}

BOOST_AUTO_TEST_CASE(nothing_is_written_before_all_numbers_are_read) {
  const auto c = small_config();
  const supra_test::temporary_folder folder;
  io::save_model<float>(folder / "m", c, some_values<float>(c));
  std::fstream file(folder / "m/model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-4, std::ios::end);
  file.write("\x00\x00\xc0\x7f", 4);
  file.close();
  BOOST_CHECK_EXCEPTION(io::save_model(folder / "new", io::open_model(folder / "m"), {}), io::error,
                        says("\"model.norm.weight\" holds nan at element 7"));
  BOOST_TEST(!std::filesystem::exists(folder / "new"));
}

// The paper's names and packing: what came in goes out with the same bytes, and reads as the same model.
BOOST_AUTO_TEST_CASE(the_papers_layout_comes_back_bit_for_bit) {
  for (const std::string name : {"supra_gqa_decay", "supra_mha_decay", "supra_no_decay", "supra_qknorm_retnet"}) {
    const std::filesystem::path golden = supra_test::golden_dir() + "/" + name + ".safetensors";
    const supra_test::temporary_folder folder;
    io::save_model(folder / "paper", io::open_model(golden), {.format = io::model_format::paper});
    const io::safetensors_file from(golden), to(folder / "paper/model.safetensors");
    std::size_t parameters = 0;
    for (auto& [tensor, entry] : from.tensors()) {
      if (!tensor.starts_with("param.")) continue;
      const std::string there = "model." + tensor.substr(6);
      BOOST_TEST(to.at(there).shape == entry.shape, boost::test_tools::per_element());
      BOOST_TEST((to.at(there).type == entry.type && std::ranges::equal(to.bytes(there), from.bytes(tensor))), tensor);
      ++parameters;
    }
    BOOST_TEST(to.tensors().size() == parameters);
    const auto a = io::load_model<double>(golden), b = io::load_model<double>(folder / "paper");
    BOOST_TEST((a.values == b.values));
    auto wanted = a.config;
    wanted.max_length = b.config.max_length;
    BOOST_TEST(io::config_to_hugging_face(wanted, io::dtype::f64).dump() ==
               io::config_to_hugging_face(b.config, io::dtype::f64).dump());
    // Through Hugging Face's layout and back.
    io::save_model(folder / "ours", io::open_model(folder / "paper"), {});
    io::save_model(folder / "back", io::open_model(folder / "ours"), {.format = io::model_format::paper});
    for (auto file : {"model.safetensors", "config.json"})
      BOOST_TEST(io::mapped_file(folder / "back" / file).text() == io::mapped_file(folder / "paper" / file).text());
  }
}

BOOST_AUTO_TEST_CASE(what_the_papers_layout_cannot_hold_is_refused) {
  auto c = small_config();
  const auto refused = [](const model::config& with, const char* why) {
    const supra_test::temporary_folder folder;
    io::save_model<float>(folder / "m", with, some_values<float>(with));
    BOOST_CHECK_EXCEPTION(io::save_model(folder / "new", io::open_model(folder / "m"), {.format = io::model_format::paper}),
                          io::error, says(why));
    BOOST_TEST(!std::filesystem::exists(folder / "new"));
  };
  auto t = c;
  t.attention_bias = true, refused(t, "biases");
  t = c, t.sliding_window = 3, refused(t, "a sliding window");
  t = c, t.scaling.kind = "linear", t.scaling.factor = 2, refused(t, "scaled rotary positions");
  t = c, t.head_dim = 6, refused(t, "heads of width 6");
  c.linear = true, c.attention.shared_map = false;
  t = c, t.attention.feature = "hedgehog", refused(t, "the feature map hedgehog");
  t = c, t.attention.map = model::map_kind::per_head, refused(t, "after a dense map");
  t = c, t.attention.map_depth = 2, refused(t, "a feature map of 2 learned maps");
  t = c, t.attention.map_width = 2, refused(t, "of 2 times a head's width");
  t = c, t.attention.normalizer = "sum", refused(t, "the normalizer sum");
  t = c, t.attention.decay = "per_token", refused(t, "the decay per_token");
  t = c, t.kv_heads = 2, refused(t, "a map of keys alone");
  t = c, t.attention.output_gate = true, refused(t, "a gate on the heads' output");
  t = c, t.attention.window = 6, refused(t, "softmax attention over a window");
}
