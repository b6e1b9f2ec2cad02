#include "test.hpp"

#include "supra/io/paper_checkpoint.hpp"
#include "supra/io/safetensors_out.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

namespace {

const char* const goldens[] = {"supra_gqa_decay", "supra_mha_decay", "supra_no_decay", "supra_qknorm_retnet"};
std::filesystem::path golden(const std::string& name) { return supra_test::golden_dir() + "/" + name + ".safetensors"; }

// The parameters of a golden file under another prefix, without metadata.
void copy_parameters(const io::safetensors_file& from, const std::filesystem::path& to, const std::string& prefix,
                     const std::vector<std::string>& extra = {}) {
  std::vector<io::tensor_out> tensors;
  for (auto& [name, entry] : from.tensors())
    if (name.starts_with("param.")) tensors.push_back({prefix + name.substr(6), entry.type, entry.shape, from.bytes(name)});
  for (auto& name : extra) tensors.push_back({name, io::dtype::u8, {0}, {}});
  io::write_safetensors(to, tensors);
}

}  // namespace

BOOST_AUTO_TEST_CASE(golden_parameters_and_gradients_are_read) {
  for (auto name : goldens) {
    const io::safetensors_file file(golden(name));
    const auto m = io::load_paper<double>(golden(name));
    const model::parameter_layout layout(m.config);
    std::vector<double> gradients(m.values.size(), std::numeric_limits<double>::quiet_NaN());
    io::read_paper(file, "grad.", m.config, layout, std::span(gradients));
    for (auto& t : layout.tensors()) {
      const auto place = io::paper_place_of(m.config, t.name);
      const std::int64_t width = t.size / t.shape[0];
      for (auto [prefix, values] : {std::pair{"param.", &m.values}, {"grad.", &gradients}}) {
        const auto all = file.read<double>(prefix + place.name);
        BOOST_TEST(static_cast<std::int64_t>(all.size()) == place.of * width);
        BOOST_TEST(std::equal(all.begin() + place.first * width, all.begin() + (place.first + place.rows) * width,
                              values->begin() + t.offset), t.name);
      }
    }
    std::size_t there = 0;                           // every number of the file has its place
    for (auto& [tensor, entry] : file.tensors())
      there += tensor.starts_with("param.") ? static_cast<std::size_t>(entry.elements()) : 0;
    BOOST_TEST(there == static_cast<std::size_t>(layout.count()));
  }
}

BOOST_AUTO_TEST_CASE(the_configuration_is_the_files) {
  BOOST_TEST(io::load_paper<float>(golden("supra_no_decay")).config.attention.decay == "none");
  const auto c = io::load_paper<float>(golden("supra_qknorm_retnet")).config;
  BOOST_TEST((c.attention.decay == "retnet" && c.attention.qk_norm && c.norm == model::norm_kind::layer_gain));
  const auto g = io::load_paper<float>(golden("supra_gqa_decay")).config;
  BOOST_TEST((g.attention.decay == "slopes" && !g.attention.shared_map && g.kv_heads < g.heads));
}

BOOST_AUTO_TEST_CASE(other_prefixes_and_a_configuration_beside_the_file) {
  const io::safetensors_file from(golden("supra_gqa_decay"));
  const auto expected = io::load_paper<double>(golden("supra_gqa_decay"));
  for (std::string prefix : {"", "model.", "module."}) {
    const supra_test::temporary_folder folder;
    copy_parameters(from, folder / "m.safetensors", prefix);
    BOOST_CHECK_EXCEPTION(io::load_paper<double>(folder / "m.safetensors"), io::error, says("holds no configuration"));
    io::write_file(folder / "m.json", from.metadata().at("config"));
    BOOST_TEST((io::load_paper<double>(folder / "m.safetensors").values == expected.values));
  }
}

BOOST_AUTO_TEST_CASE(neighbouring_rotary_rows_become_halves) {
  auto j = io::json{{"dim", 8},
                    {"n_heads", 2},
                    {"n_layers", 1},
                    {"ffn_hidden", 4},
                    {"vocab_size", 5},
                    {"attn_name", "xformers_attn"},
                    {"positional_embedding_type", "llama_rotary"}};
  const auto c = io::config_from_paper(j, "f");
  const model::parameter_layout layout(c);
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (auto& t : layout.tensors()) {
    const auto p = io::paper_place_of(c, t.name);
    shapes[p.name] = t.shape, shapes[p.name][0] = p.of;
  }
  std::map<std::string, std::vector<float>> values;
  std::vector<io::tensor_out> tensors;
  for (auto& [name, shape] : shapes) {
    auto& v = values[name];
    v.resize(static_cast<std::size_t>(shape[0] * (shape.size() > 1 ? shape[1] : 1)));
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(i);
    tensors.push_back({name, io::dtype::f32, shape, std::as_bytes(std::span(v))});
  }
  const supra_test::temporary_folder folder;
  io::write_safetensors(folder / "m.safetensors", tensors, {{"config", j.dump()}});
  const auto m = io::load_paper<float>(folder / "m.safetensors");
  for (auto [name, first] : {std::pair{"q_proj", 0}, {"k_proj", 8}, {"v_proj", 16}}) {
    const auto* rows = m.values.data() + layout.at(std::string("model.layers.0.self_attn.") + name + ".weight").offset;
    for (int r = 0; r < 8; ++r) {
      const int old = first == 16 ? r : r / 4 * 4 + (r % 2) * 2 + (r % 4) / 2;   // 0 2 1 3 in each head of 4
      for (int k = 0; k < 8; ++k) BOOST_TEST(rows[r * 8 + k] == static_cast<float>((first + old) * 8 + k));
    }
  }
}

BOOST_AUTO_TEST_CASE(tensors_and_configuration_must_agree) {
  const io::safetensors_file from(golden("supra_mha_decay"));
  const supra_test::temporary_folder folder;
  copy_parameters(from, folder / "m.safetensors", "");
  auto j = io::parse_json(from.metadata().at("config"), "config");
  auto refused = [&](const char* key, const io::json& value, const char* why) {
    auto changed = j;
    changed[key] = value;
    io::write_file(folder / "m.json", changed.dump(), io::existing::overwrite);
    BOOST_TEST_CONTEXT(key) BOOST_CHECK_EXCEPTION(io::load_paper<float>(folder / "m.safetensors"), io::error, says(why));
  };
  refused("qk_norm", !j.value("qk_norm", false), j.value("qk_norm", false) ? "have no place" : "must be there and are not");
  const auto layers = j["n_layers"].get<int>(), vocab = j["vocab_size"].get<int>(), hidden = j["ffn_hidden"].get<int>();
  refused("n_layers", layers + 1, "must be there and are not");
  if (layers > 1) refused("n_layers", layers - 1, "have no place in the model");
  refused("n_layers", 2147483647, "configuration says");
  refused("vocab_size", vocab - 1, "has shape");
  refused("vocab_size", 2147483647, "larger than all the weights");
  refused("ffn_hidden", hidden - 1, "has shape");
  for (const std::string prefix : {"", "model."})
    for (const std::string extra : {"layers.0.extra", "model.layers.0.extra", "rogue.layers.0.wqkv.weight"}) {
      const std::string stem = prefix + "with-" + extra;
      const auto to = folder / (stem + ".safetensors");
      copy_parameters(from, to, prefix, {extra});
      io::write_file(folder / (stem + ".json"), j.dump());
      BOOST_CHECK_EXCEPTION(io::load_paper<float>(to), io::error, says("\"" + extra + "\""));
    }
}

// A tied model's file may name the embedding twice, and nothing else as its output matrix.
BOOST_AUTO_TEST_CASE(the_output_matrix_of_a_tied_model_is_its_embedding) {
  const supra_test::temporary_folder folder;
  const io::safetensors_file from(golden("supra_mha_decay"));
  auto j = io::parse_json(from.metadata().at("config"), "config");
  j["weight_tying"] = true;
  const std::string embedding = "param.tok_embeddings.weight", output = "model.output.weight";
  const auto bytes = from.bytes(embedding);
  std::vector<std::byte> other(bytes.begin(), bytes.end());
  other.back() ^= std::byte{1};
  for (bool same : {true, false}) {
    std::vector<io::tensor_out> tensors;
    for (auto& [name, entry] : from.tensors())
      if (const auto own = "model." + name.substr(name.find('.') + 1); name.starts_with("param.") && own != output)
        tensors.push_back({own, entry.type, entry.shape, from.bytes(name)});
    const auto& entry = from.at(embedding);
    tensors.push_back({output, entry.type, entry.shape, same ? bytes : std::span<const std::byte>(other)});
    const auto to = folder / (same ? "same.safetensors" : "other.safetensors");
    io::write_safetensors(to, tensors, {{"config", j.dump()}});
    if (same) BOOST_TEST(io::load_paper<float>(to).config.tied);
    else BOOST_CHECK_EXCEPTION(io::load_paper<float>(to), io::error, says("weight_tying is true, but model.output.weight"));
  }
}
