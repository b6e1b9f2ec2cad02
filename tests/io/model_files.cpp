#include "test.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "supra/io/model_file.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

namespace {

// A safetensors file of this header whose data is a hole: it takes no room on the disk. Returns where the data begins.
std::uint64_t make_hollow(const std::filesystem::path& path, const std::string& header, std::uint64_t data) {
  const std::string bytes = supra_test::safetensors_bytes(header);
  io::write_file(path, bytes);
  std::filesystem::resize_file(path, bytes.size() + data);
  return bytes.size();
}

// The paper's 7B model (Mistral's shape) as Hugging Face's copies have it: bf16, in three shards. Holes but for what is
// written.
struct hollow_7b : supra_test::temporary_folder {
  static constexpr std::int64_t dim = 4096, hidden = 14336, keys = 1024, layers = 32, vocab = 32000;
  struct place {
    std::string file;
    std::uint64_t at;  // byte
  };
  std::map<std::string, place> places;

  hollow_7b() {
    io::json index;
    for (int shard = 0; shard < 3; ++shard) {
      const std::string file = "model-0000" + std::to_string(shard + 1) + "-of-00003.safetensors";
      std::map<std::string, std::vector<std::int64_t>> shapes;
      if (shard == 0) shapes["tok_embeddings.weight"] = {vocab, dim};
      for (std::int64_t l = shard * layers / 3; l < (shard + 1) * layers / 3; ++l) add_layer(shapes, l);
      if (shard == 2) shapes["norm.weight"] = {dim}, shapes["output.weight"] = {vocab, dim};
      std::uint64_t at = 0;
      io::json header;
      for (auto& [name, shape] : shapes) {
        std::uint64_t bytes = 2;
        for (auto n : shape) bytes *= static_cast<std::uint64_t>(n);
        header["model." + name] = {{"dtype", "BF16"}, {"shape", shape}, {"data_offsets", {at, at + bytes}}};
        index["model." + name] = file, places["model." + name] = {file, at};
        at += bytes;
      }
      const auto data = make_hollow(path / file, header.dump(), at);
      for (auto& [name, p] : places)
        if (p.file == file) p.at += data;
    }
    io::write_file(path / "model.safetensors.index.json", io::json{{"weight_map", index}}.dump());
    const io::json arguments = {{"dim", dim},
                                {"intermediate_dim_ffn", hidden},
                                {"n_layers", layers},
                                {"n_heads", 32},
                                {"n_heads_kv", 8},
                                {"seq_len", 2048},
                                {"vocab_size", vocab},
                                {"model_norm", "rms_norm"},
                                {"attn_name", "linear_attn"},
                                {"use_decay", true},
                                {"ffn_type", "swiglu"}};
    io::write_file(path / "config.json", io::json{{"model_type", "openlm"}, {"params_args_dict", arguments}}.dump());
  }
  static void add_layer(std::map<std::string, std::vector<std::int64_t>>& shapes, std::int64_t l) {
    const std::string layer = "layers." + std::to_string(l) + ".", a = layer + "attention.", f = layer + "feed_forward.";
    shapes[layer + "attention_norm.weight"] = shapes[layer + "ffn_norm.weight"] = {dim};
    shapes[a + "in_proj.weight"] = {dim + 2 * keys, dim}, shapes[a + "out_proj.weight"] = {dim, dim};
    shapes[a + "_totrain_embed.weight"] = {dim, dim}, shapes[a + "_totrain_embed.bias"] = {dim};
    shapes[a + "_totrain_embed_kv.weight"] = {keys, keys}, shapes[a + "_totrain_embed_kv.bias"] = {keys};
    shapes[f + "w12.weight"] = {2 * hidden, dim}, shapes[f + "w3.weight"] = {dim, hidden};
  }
  // A number into a tensor that is a hole.
  void put(const std::string& name, std::int64_t element, float x) const {
    const auto& p = places.at("model." + name);
    const std::uint16_t bits = io::to_bf16(x);
    std::fstream file(path / p.file, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(p.at) + 2 * element);
    file.write(reinterpret_cast<const char*>(&bits), 2);
  }
};

// Bytes of this process' memory that no file stands behind.
std::int64_t own_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (std::int64_t kilobytes = 0; word == "RssAnon:" && status >> kilobytes) return 1024 * kilobytes;
  return 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_7b_model_needs_memory_for_a_piece) {
  const hollow_7b folder;
  const std::string attention = "layers.17.attention.", map = "model.layers.17.self_attn.";
  folder.put(attention + "in_proj.weight", (4096 + 5) * 4096 + 7, 1.5f);         // key row 5
  folder.put(attention + "in_proj.weight", (4096 + 1024) * 4096, -2.5f);         // value row 0
  folder.put("layers.17.feed_forward.w12.weight", 14336LL * 4096 + 4095, 3.5f);  // up's first row, its end
  folder.put("output.weight", 32000LL * 4096 - 1, -0.5f);
  const auto before = own_memory();
  const auto m = io::open_model(folder.path);
  BOOST_TEST(m.layout.count() == 7812321280LL);
  BOOST_TEST(
      (m.config.linear && m.config.kv_heads == 8 && m.config.attention.decay == "slopes" && !m.config.attention.shared_map));
  std::vector<double> room(static_cast<std::size_t>(io::piece_elements));
  std::map<std::string, double> found;
  std::int64_t read = 0, most = 0;
  const auto look = [&](std::size_t i, std::int64_t from, std::int64_t to) {
    const auto& t = m.layout.tensors()[i];
    io::in_pieces(to - from, [&](std::int64_t first, std::int64_t count) {
      m.read(i, from + first, std::span(room).first(static_cast<std::size_t>(count)));
      for (std::int64_t j = 0; j < count; ++j)
        if (const double x = room[static_cast<std::size_t>(j)]; x != 0)
          found[t.name + " " + std::to_string(from + first + j)] = x;
      read += count, most = std::max(most, own_memory());
    });
  };
  for (std::size_t i = 0; i < m.layout.tensors().size(); ++i) {
    const auto& t = m.layout.tensors()[i];
    BOOST_TEST_REQUIRE((m.stored(i) == io::dtype::bf16));
    if (t.name.starts_with("model.layers.17.")) look(i, 0, t.size);
    if (t.name == "lm_head.weight") look(i, t.size - 1000, t.size);
  }
  const std::map<std::string, double> wanted = {{map + "k_proj.weight " + std::to_string(5 * 4096 + 7), 1.5},
                                                {map + "v_proj.weight 0", -2.5},
                                                {"model.layers.17.mlp.up_proj.weight 4095", 3.5},
                                                {"lm_head.weight " + std::to_string(32000LL * 4096 - 1), -0.5}};
  BOOST_TEST((found == wanted));
  BOOST_TEST(read > 200'000'000);
  BOOST_TEST(most - before < (std::int64_t{16} << 20), most - before << " bytes");
}

BOOST_AUTO_TEST_CASE(a_7b_model_that_lacks_a_part) {
  const hollow_7b folder;
  std::filesystem::remove(folder / "model-00002-of-00003.safetensors");
  BOOST_CHECK_EXCEPTION(io::open_model(folder.path), io::error,
                        says("model-00002-of-00003.safetensors\" that it names is missing"));
  auto config = io::read_json(folder / "config.json");
  make_hollow(folder / "model-00002-of-00003.safetensors", "{}", 0);
  BOOST_CHECK_EXCEPTION(io::open_model(folder.path), io::error, says("is not in \"model-00002-of-00003.safetensors"));
}

// Rows of a rope of neighbours, read in pieces that begin and end anywhere, are those of the whole.
BOOST_AUTO_TEST_CASE(pieces_are_parts_of_the_whole) {
  model::config c;
  c.vocab = 5, c.dim = 12, c.layers = 1, c.heads = 2, c.kv_heads = 1, c.head_dim = 6, c.hidden = 4, c.tied = false;
  const model::parameter_layout layout(c);
  const supra_test::temporary_folder folder;
  std::vector<io::tensor_place> places;
  std::vector<std::vector<float>> values;
  std::vector<io::tensor_out> tensors;
  for (auto& t : layout.tensors()) {
    places.push_back(
        {t.name, t.shape, 0, t.name.ends_with("q_proj.weight") || t.name.ends_with("k_proj.weight") ? c.head_dim : 0});
    values.emplace_back(static_cast<std::size_t>(t.size));
    for (std::size_t i = 0; i < values.back().size(); ++i) values.back()[i] = static_cast<float>(i);
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    tensors.push_back({places[i].name, io::dtype::f32, places[i].shape, std::as_bytes(std::span(values[i]))});
  io::write_safetensors(folder / "f", tensors);
  const auto none = [](const std::string&) { return false; };
  const io::model_files files(c, "a test", io::safetensors_file(folder / "f"), places, "the test", none);
  const auto whole = files.load<double>().values;
  for (std::size_t i = 0; i < layout.tensors().size(); ++i) {
    const auto& t = layout.tensors()[i];
    for (std::int64_t first = 0; first < t.size; ++first)
      for (std::int64_t n = 1; n <= std::min<std::int64_t>(31, t.size - first); n += 5) {
        std::vector<double> part(static_cast<std::size_t>(n));
        files.read(i, first, std::span(part));
        BOOST_REQUIRE(std::equal(part.begin(), part.end(), whole.begin() + t.offset + first));
      }
  }
  const double* q = whole.data() + layout.at("model.layers.0.self_attn.q_proj.weight").offset;
  for (int r = 0; r < 12; ++r)
    BOOST_TEST(q[12 * r] == 12 * (r / 6 * 6 + 2 * (r % 3) + r % 6 / 3));  // rows 0 2 4 1 3 5 of each head
  places[0].name = "other";
  BOOST_CHECK_EXCEPTION(io::model_files(c, "a test", io::safetensors_file(folder / "f"), places, "the test", none), io::error,
                        says("by the test these tensors must be there and are not: \"other\""));
}
