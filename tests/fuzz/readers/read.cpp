#include "readers.hpp"

#include <map>
#include <string>

#include "supra/io/gguf_model.hpp"
#include "supra/io/gguf_tokenizer.hpp"
#include "supra/io/hugging_face.hpp"
#include "supra/io/llama2c.hpp"
#include "supra/io/llama2c_tokenizer.hpp"
#include "supra/io/paper_checkpoint.hpp"

namespace supra_fuzz {

using namespace supra;

const model::config& sharded_model() {
  static const model::config c = [] {
    model::config m;
    m.vocab = 5, m.dim = 4, m.layers = 1, m.heads = 2, m.kv_heads = 1, m.head_dim = 2, m.hidden = 4, m.attention_bias = true;
    return m;
  }();
  return c;
}
static std::string shard_of(std::size_t tensor) { return tensor < 6 ? "a" : "b"; }
io::json shard_index() {
  io::json map;
  const model::parameter_layout layout(sharded_model());
  for (std::size_t i = 0; i < layout.tensors().size(); ++i) map[layout.tensors()[i].name] = shard_of(i);
  return {{"metadata", {{"total_size", 1}}}, {"weight_map", map}};
}

namespace {

void read_all(const io::safetensors_file& file) {
  for (auto& [name, entry] : file.tensors()) {
    using io::dtype;
    const bool number = entry.type <= dtype::bf16;
    if (number) (void)file.read<float>(name), (void)file.read<double>(name);
    else if (entry.type < dtype::f8_e4m3) (void)file.read<std::int64_t>(name);
  }
  const auto config = file.metadata().find("config");
  if (config != file.metadata().end())
    (void)io::open_paper(file, io::parse_json(config->second, "config"), "config").load<float>();
}

void read_configuration(std::string_view json) {
  const auto c = io::config_from_hugging_face(io::parse_json(json, "config.json"), "config.json");
  io::check_against_file(c, 100'000, 40, "weights");
  (void)model::parameter_layout(c);
}

void read_gguf(std::span<const std::uint8_t> bytes) {
  const io::gguf_file file(raw(bytes), "input");
  for (auto& [name, t] : file.tensors()) {
    std::vector<float> row(static_cast<std::size_t>(t.columns));
    for (std::int64_t r = 0; r < t.rows; ++r) io::dequantise(t.type, file.row(t, r), t.columns, row.data());
  }
  const auto& m = file.metadata();
  for (auto& [key, v] : m.values()) {
    using io::gguf_kind;
    if (v.kind == gguf_kind::text) v.array ? (void)m.strings(key) : (void)m.text(key);
    else if (v.kind == gguf_kind::flag) v.array || m.flag(key);
    else if (v.kind == gguf_kind::f32 || v.kind == gguf_kind::f64) {
      if (v.array) (void)m.numbers(key);
    } else if (v.array && v.kind != gguf_kind::u64) (void)m.integers(key);
  }
  (void)io::model_from_gguf<float>(file);
}

void use(const io::tokenizer& t) {
  const auto ids = t.encode("a text, <s> \xe2\x82\xac\xff e\xcc\x81 12  IT'S\n\n");
  (void)t.encode_plain("</s>"), (void)t.decode(ids), (void)t.decode_all(ids);
  for (auto id : ids) (void)t.piece(-1, id);
}

const io::safetensors_file& shard(const std::string& name) {
  static const auto made = [](const std::string& which) {
    const model::parameter_layout layout(sharded_model());
    std::string header = "{";
    std::size_t at = 0;
    for (std::size_t i = 0; i < layout.tensors().size(); ++i) {
      const auto& t = layout.tensors()[i];
      if (shard_of(i) != which) continue;
      const std::size_t end = at + 2 * static_cast<std::size_t>(t.size);
      header += (at ? "," : "") + io::json(t.name).dump() + ":" +
                io::json{{"dtype", "BF16"}, {"shape", t.shape}, {"data_offsets", {at, end}}}.dump();
      at = end;
    }
    header += "}";
    static std::map<std::string, bytes> kept;
    auto& b = kept[which];
    const auto n = static_cast<std::uint64_t>(header.size());
    for (std::size_t i = 0; i < 8; ++i) b.push_back(static_cast<std::uint8_t>(n >> (8 * i)));
    b.insert(b.end(), header.begin(), header.end()), b.resize(b.size() + at, 0x3c);
    return io::safetensors_file(raw(b), "shard " + which);
  };
  static const io::safetensors_file a = made("a"), b = made("b");
  io::need(name == "a" || name == "b", "there is no shard ", io::in_quotes(name));
  return name == "a" ? a : b;
}
void read_index(std::string_view json) {
  (void)io::open_hugging_face(sharded_model(), {io::parse_json(json, "index"), "index", shard}).load<float>();
}
void read_folder(std::string_view json) {
  static const io::safetensors_folder weights(shard_index(), "index", shard);
  const auto c = io::config_from_hugging_face(io::parse_json(json, "config.json"), "config.json");
  (void)io::open_hugging_face(c, weights).load<float>();
}

}  // namespace

void read_file(int reader, std::span<const std::uint8_t> file) {
  switch (reader) {
    case 0: read_all(io::safetensors_file(raw(file), "input")); break;
    case 1: (void)io::parse_llama2c<float>(raw(file), "input"); break;
    case 2: use(io::llama2c_tokenizer(std::string(text(file)), "input")); break;
    case 3: read_configuration(text(file)); break;
    case 4: read_gguf(file); break;
    case 5: use(io::byte_pair_tokenizer(std::string(text(file)), "input")); break;
    case 6: use(*io::tokenizer_of(io::gguf_file(raw(file), "input").metadata())); break;
    case 7: use(io::sentencepiece_tokenizer(std::string(text(file)), "input")); break;
    case 8: read_index(text(file)); break;
    default: read_folder(text(file)); break;
  }
}

std::string tokenizer_file(std::span<const std::uint8_t> gguf) {
  return io::tokenizer_of(io::gguf_file(raw(gguf), "valid").metadata())->file_bytes();
}

}  // namespace supra_fuzz
