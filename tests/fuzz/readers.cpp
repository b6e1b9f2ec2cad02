// Feeds mutated safetensors, Hugging Face configurations and indices of shards, GGUF files, llama2.c models and tokenizers of
// all kinds to the readers: each must be read or refused by an exception, and ask for memory of a small multiple of the file's
// size only. Usage: fuzz_readers [RUNS [SEED [READER]]], READER the number of the only one to feed. With -DSUPRA_LIBFUZZER and
// clang's -fsanitize=fuzzer the fuzzer calls the same entry.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <new>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "io/gguf_bytes.hpp"
#include "supra/io/gguf_model.hpp"
#include "supra/io/gguf_tokenizer.hpp"
#include "supra/io/hugging_face.hpp"
#include "supra/io/llama2c.hpp"
#include "supra/io/llama2c_tokenizer.hpp"
#include "supra/io/paper_checkpoint.hpp"

namespace {

// Bytes alive and their highest number since the last input started; every new and delete counts, through its own 16 bytes
// in front.
std::size_t alive = 0, peak = 0;
constexpr std::size_t front = 16;

// What one input may ask for. Most take below 12 times their size; a llama2.c model of many layers with a width of 2 takes
// the most, as each of its tensors of a few bytes has a name and a place.
std::size_t allowed(std::size_t size) { return 64 * size + 65536; }

}  // namespace

void* operator new(std::size_t n) {
  auto* p = static_cast<char*>(std::malloc(n + front));
  if (!p) throw std::bad_alloc();
  std::memcpy(p, &n, sizeof n);
  alive += n;
  if (alive > peak) peak = alive;
  return p + front;
}
void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
  try {
    return operator new(n);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* p) noexcept {
  if (!p) return;
  std::size_t n;
  std::memcpy(&n, static_cast<char*>(p) - front, sizeof n);
  alive -= n;
  std::free(static_cast<char*>(p) - front);
}
void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

namespace {

using namespace supra;
using bytes = std::vector<std::uint8_t>;

std::span<const std::byte> raw(std::span<const std::uint8_t> b) { return std::as_bytes(b); }
std::string_view text(std::span<const std::uint8_t> b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

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

// A model of two shards; what is fuzzed is the index that names them, or the configuration that says what they hold.
const model::config& sharded_model() {
  static const model::config c = [] {
    model::config m;
    m.vocab = 5, m.dim = 4, m.layers = 1, m.heads = 2, m.kv_heads = 1, m.head_dim = 2, m.hidden = 4, m.attention_bias = true;
    return m;
  }();
  return c;
}
std::string shard_of(std::size_t tensor) { return tensor < 6 ? "a" : "b"; }
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
io::json shard_index() {
  io::json map;
  const model::parameter_layout layout(sharded_model());
  for (std::size_t i = 0; i < layout.tensors().size(); ++i) map[layout.tensors()[i].name] = shard_of(i);
  return {{"metadata", {{"total_size", 1}}}, {"weight_map", map}};
}
void read_index(std::string_view json) {
  (void)io::open_hugging_face(sharded_model(), {io::parse_json(json, "index"), "index", shard}).load<float>();
}
void read_folder(std::string_view json) {
  static const io::safetensors_folder weights(shard_index(), "index", shard);
  const auto c = io::config_from_hugging_face(io::parse_json(json, "config.json"), "config.json");
  (void)io::open_hugging_face(c, weights).load<float>();
}

// The reader by the first byte; the rest is the file.
constexpr int readers = 10;
void read_one(std::span<const std::uint8_t> input) {
  if (input.empty()) return;
  const auto file = input.subspan(1);
  try {
    switch (input[0] % readers) {
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
  } catch (const io::error&) {
  } catch (const std::invalid_argument&) {           // model::check
  }
}

[[noreturn]] void found(const char* what, std::size_t size) {
  std::fprintf(stderr, "%s: an input of %zu bytes had %zu bytes alive\n", what, size, peak);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool ready = [] {                     // what is made once is made before anything is counted
    read_index(shard_index().dump());
    read_folder(io::config_to_hugging_face(sharded_model(), io::dtype::bf16).dump());
    return true;
  }();
  (void)ready;
  const std::size_t before = alive;
  peak = alive;
  read_one({data, size});
  if (peak - before > allowed(size)) found("too much memory", size);
  if (alive != before) {                             // a library may keep something from its first use on, not twice
    const std::size_t once = alive;
    read_one({data, size});
    if (alive != once) found("memory kept", size);
  }
  return 0;
}

#ifndef SUPRA_LIBFUZZER
namespace {

template <class N>
void put(bytes& b, N x) {
  const auto* p = reinterpret_cast<const std::uint8_t*>(&x);
  b.insert(b.end(), p, p + sizeof x);
}
void put(bytes& b, std::string_view s) { b.insert(b.end(), s.begin(), s.end()); }

bytes safetensors(const std::string& header, std::size_t data) {
  bytes b = {0};
  put(b, static_cast<std::uint64_t>(header.size()));
  put(b, std::string_view(header));
  b.resize(b.size() + data, 0x3c);
  return b;
}

// The paper's layout with dim 4, 2 heads, hidden 4, vocabulary 5, one layer.
bytes paper_model() {
  std::size_t at = 0;
  std::string header = R"({"__metadata__":{"config":"{\"dim\":4,\"n_heads\":2,\"n_heads_kv\":1,\"n_layers\":1,)"
                       R"(\"ffn_hidden\":4,)"
                       R"(\"vocab_size\":5,\"norm\":\"rms_norm\",\"use_decay\":true}"})";
  auto add = [&](const std::string& name, std::vector<int> shape) {
    std::size_t n = 4;
    std::string lengths;
    for (int s : shape) n *= static_cast<std::size_t>(s), lengths += (lengths.empty() ? "" : ",") + std::to_string(s);
    header += ",\"param." + name + "\":{\"dtype\":\"F32\",\"shape\":[" + lengths + "],\"data_offsets\":[" + std::to_string(at) +
              "," + std::to_string(at + n) + "]}";
    at += n;
  };
  add("tok_embeddings.weight", {5, 4}), add("norm.weight", {4}), add("output.weight", {5, 4});
  const std::string l = "layers.0.", a = l + "attention.";
  add(l + "attention_norm.weight", {4}), add(l + "ffn_norm.weight", {4}), add(l + "feed_forward.w12.weight", {8, 4});
  add(l + "feed_forward.w3.weight", {4, 4}), add(a + "in_proj.weight", {8, 4}), add(a + "out_proj.weight", {4, 4});
  add(a + "_totrain_embed.weight", {4, 4}), add(a + "_totrain_embed.bias", {4});
  add(a + "_totrain_embed_kv.weight", {2, 2}), add(a + "_totrain_embed_kv.bias", {2});
  return safetensors(header + "}", at);
}

bytes llama2c_model(int dim, int hidden, int layers, int heads, int kv_heads, int vocab) {
  bytes b = {1};
  for (std::int32_t x : {dim, hidden, layers, heads, kv_heads, vocab, 3}) put(b, x);
  const int d = dim / heads, layer = 2 * dim + 2 * dim * dim + 2 * kv_heads * d * dim + 3 * dim * hidden;
  const int count = dim * std::abs(vocab) * (vocab < 0 ? 2 : 1) + layers * layer + dim + 3 * d;
  for (int i = 0; i < count; ++i) put(b, 0.5f);
  return b;
}

bytes tokenizer() {
  bytes b = {2};
  put(b, std::int32_t{6});
  for (const char* t : {"<unk>", "<s>", "</s>", " ", "a", "t", "e", "x", " a", "te", "ex", "tex", "text"}) {
    put(b, -static_cast<float>(b.size()));
    put(b, static_cast<std::int32_t>(std::strlen(t)));
    put(b, std::string_view(t));
  }
  return b;
}

bytes configuration() {
  model::config c;
  c.vocab = 50, c.dim = 8, c.layers = 2, c.heads = 2, c.kv_heads = 1, c.head_dim = 4, c.hidden = 12, c.linear = true;
  c.attention.shared_map = false, c.attention.map_depth = 2, c.attention.map_width = 1.5, c.scaling.kind = "yarn";
  bytes b = {3};
  put(b, std::string_view(io::config_to_hugging_face(c, io::dtype::f32).dump()));
  return b;
}

// A model of width 32 with a head of 16, or a tensor of each type.
bytes gguf(bool model) {
  using io::gguf_type;
  supra_test::gguf_bytes made;
  auto tensor = [&](const std::string& name, std::vector<std::uint64_t> lengths, gguf_type type) {
    std::uint64_t n = 1;
    for (auto l : lengths) n *= l;
    made.tensor(name, lengths, type, std::string(n / io::info(type).elements * io::info(type).bytes, '\x3c'));
  };
  made.text("general.architecture", "llama").flag("tokenizer.ggml.add_bos_token", true);
  made.strings("tokenizer.ggml.tokens", {"a", "b", "<s>"});
  made.array<std::int32_t>("tokenizer.ggml.token_type", io::gguf_kind::i32, {1, 1, 3});
  made.array<float>("tokenizer.ggml.scores", io::gguf_kind::f32, {0, -1, -2}).integer("tokenizer.ggml.bos_token_id", 2);
  if (model) {
    made.integer("llama.embedding_length", 32).integer("llama.block_count", 1).integer("llama.feed_forward_length", 32);
    made.integer("llama.context_length", 8);
    made.integer("llama.attention.head_count", 2).integer("llama.attention.head_count_kv", 1);
    made.number("llama.rope.freq_base", 1e5f).number("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    tensor("token_embd.weight", {32, 3}, gguf_type::q8_0), tensor("output_norm.weight", {32}, gguf_type::f32);
    tensor("blk.0.attn_norm.weight", {32}, gguf_type::f32), tensor("blk.0.ffn_norm.weight", {32}, gguf_type::f32);
    tensor("blk.0.attn_q.weight", {32, 32}, gguf_type::q4_0), tensor("blk.0.attn_k.weight", {32, 16}, gguf_type::q4_1);
    tensor("blk.0.attn_v.weight", {32, 16}, gguf_type::q5_0), tensor("blk.0.attn_output.weight", {32, 32}, gguf_type::q5_1);
    tensor("blk.0.ffn_gate.weight", {32, 32}, gguf_type::q4_0), tensor("blk.0.ffn_up.weight", {32, 32}, gguf_type::q4_0);
    tensor("blk.0.ffn_down.weight", {32, 32}, gguf_type::q4_0);
  } else {
    made.alignment = 8, made.integer("general.alignment", 8);
    for (std::uint32_t i = 0; i < std::size(io::gguf_types); ++i)
      if (io::gguf_types[i].elements) tensor(io::gguf_types[i].name, {256, 2}, static_cast<gguf_type>(i));
  }
  bytes b = {4};
  put(b, std::string_view(made.bytes()));
  return b;
}

// A tokenizer.json with most of what there is in one.
bytes byte_pairs(bool by_bytes) {
  const char* words = by_bytes ? R"({"type":"Sequence","pretokenizers":[{"type":"Split","behavior":"Isolated","invert":false,
      "pattern":{"Regex":"(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}]+[\\r\\n]*|\\s+(?!\\S)|\\s+"}},
      {"type":"Digits","individual_digits":true},{"type":"ByteLevel","add_prefix_space":true,"use_regex":true}]})"
                               : R"({"type":"Metaspace","replacement":"_","prepend_scheme":"first","split":true})";
  const char* decoder = by_bytes ? R"({"type":"ByteLevel"})" : R"({"type":"Sequence","decoders":[{"type":"Replace",
      "pattern":{"String":"_"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},
      {"type":"Strip","content":" ","start":1,"stop":0}]})";
  const std::string file = R"({"version":"1.0","normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},
      {"type":"Replace","pattern":{"Regex":" {2,}|x"},"content":"_"},{"type":"Strip","strip_left":true,"strip_right":false}]},
      "pre_tokenizer":)" + std::string(words) + R"(,"decoder":)" + decoder + R"(,
      "added_tokens":[{"id":10,"content":"<s>","special":true,"lstrip":true},{"id":11,"content":"e ","normalized":true}],
      "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}}]},
      "model":{"type":"BPE","unk_token":"?","fuse_unk":true,"byte_fallback":true,"ignore_merges":true,
      "vocab":{"?":0,"t":1,"e":2,"x":3,"_":4,"\u0120":5,"te":6,"tex":7,"_t":8,"<0xFF>":9},
      "merges":["t e",["te","x"],"_ t"]}})";
  bytes b = {5};
  put(b, std::string_view(file));
  return b;
}

// A GGUF's tokenizer keys, and what its pieces are as a sentencepiece model.
bytes gguf_tokenizer(bool byte_level) {
  supra_test::gguf_bytes made;
  made.text("tokenizer.ggml.model", byte_level ? "gpt2" : "llama");
  made.strings("tokenizer.ggml.tokens", {"?", "<s>", "a", "t", "e", "te", "x", "tex", "\xE2\x96\x81"});
  made.array<std::int32_t>("tokenizer.ggml.token_type", io::gguf_kind::i32, {2, 3, 1, 1, 1, 1, 1, 4, 1});
  made.integer("tokenizer.ggml.bos_token_id", 1).integer("tokenizer.ggml.unknown_token_id", 0);
  if (byte_level) made.text("tokenizer.ggml.pre", "llama-bpe").strings("tokenizer.ggml.merges", {"t e", "te x"});
  else made.array<float>("tokenizer.ggml.scores", io::gguf_kind::f32, {0, 0, -9, -9, -9, -1, -9, -2, -9});
  made.flag("tokenizer.ggml.add_bos_token", true).text("tokenizer.chat_template", "{{ x }}");
  bytes b = {6};
  put(b, std::string_view(made.bytes()));
  return b;
}
bytes sentencepieces() {
  const bytes made = gguf_tokenizer(false);
  const io::gguf_file file(raw(std::span(made).subspan(1)), "valid");
  bytes b = {7};
  put(b, std::string_view(io::tokenizer_of(file.metadata())->file_bytes()));
  return b;
}

bytes written(std::uint8_t reader, const io::json& j) {
  bytes b = {reader};
  put(b, std::string_view(j.dump()));
  return b;
}

std::vector<bytes> valid_files() {
  return {
      paper_model(),
      safetensors(
          R"({"a":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},"b":{"dtype":"U64","shape":[1],"data_offsets":[12,20]},)"
          R"("c":{"dtype":"BOOL","shape":[0],"data_offsets":[20,20]},"__metadata__":{"x":"y"}})",
          20),
      llama2c_model(4, 6, 2, 2, 1, 5),
      llama2c_model(4, 6, 2, 2, 1, -5),
      llama2c_model(2, 1, 40, 1, 1, 3),
      tokenizer(),
      configuration(),
      gguf(true),
      gguf(false),
      byte_pairs(true),
      byte_pairs(false),
      gguf_tokenizer(true),
      gguf_tokenizer(false),
      sentencepieces(),
        written(8, shard_index()),
        written(9, io::config_to_hugging_face(sharded_model(), io::dtype::bf16))};
}

// A few changes of the kinds that break readers, three of four in the header.
void mutate(bytes& b, std::mt19937_64& random) {
  auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  static const char* const words[] = {"\"",
                                      "{",
                                      "}",
                                      "[",
                                      "]",
                                      ",",
                                      ":",
                                      "0",
                                      "-1",
                                      "18446744073709551615",
                                      "9223372036854775807",
                                      "4294967296",
                                      "1e999",
                                      "null",
                                      "true",
                                      "\"a\":",
                                      "\"dtype\":\"F64\",",
                                      "\"shape\":[],",
                                      "\"data_offsets\":[0,0],",
                                      "\\u0000",
                                      "(",
                                      "|",
                                      "+",
                                      "{1,9}",
                                      "(?!",
                                      "[^",
                                      "\\\\p{L}",
                                      "\xff"};
  static const std::uint64_t numbers[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
    0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 100'000'000, 0x7f800000, 0x7fc00000};
  for (std::size_t k = 1 + below(4); k > 0; --k) {
    const std::size_t range = below(4) ? std::min<std::size_t>(b.size() - 1, 64 + below(600)) : b.size() - 1;
    const std::size_t at = 1 + below(std::max<std::size_t>(1, range));         // the first byte names the reader
    if (at >= b.size()) return;
    const auto place = b.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(8)) {
      case 0: *place ^= static_cast<std::uint8_t>(1u << below(8)); break;
      case 1: *place = static_cast<std::uint8_t>(random()); break;
      case 2: b.resize(at); break;
      case 3: b.insert(b.end(), below(9), static_cast<std::uint8_t>(random())); break;
      case 4: b.erase(place, place + static_cast<std::ptrdiff_t>(std::min(b.size() - at, 1 + below(16)))); break;
      case 5: {
        const std::string_view w = words[below(std::size(words))];
        b.insert(place, w.begin(), w.end());
        break;
      }
      case 6: {                                      // digits change where text is, words of 4 or 8 bytes elsewhere
        const std::size_t width = below(2) ? 4 : 8, start = 1 + (at - 1) / 4 * 4;
        const std::uint64_t n = numbers[below(std::size(numbers))];
        if (start + width <= b.size()) std::memcpy(b.data() + start, &n, width);
        break;
      }
      default: {                                     // a piece once more
        const std::size_t length = std::min(b.size() - at, 1 + below(64));
        const bytes piece(place, place + static_cast<std::ptrdiff_t>(length));
        b.insert(place, piece.begin(), piece.end());
      }
    }
  }
}

// A header's length that fits its header again, half the time: else nearly nothing would reach the parser.
void mend(bytes& b, std::mt19937_64& random, std::size_t data) {
  if (b[0] % readers != 0 || b.size() < 9 + data || random() % 4 == 0) return;
  const std::uint64_t length = b.size() - 9 - data;
  std::memcpy(b.data() + 1, &length, 8);
}

}  // namespace

int main(int count, char** words) {
  const std::uint64_t runs = count > 1 ? std::strtoull(words[1], nullptr, 10) : 20'000;
  const std::uint64_t seed = count > 2 ? std::strtoull(words[2], nullptr, 10) : 1;
  auto files = valid_files();
  for (auto& f : files) {                            // each must be readable to begin with
    LLVMFuzzerTestOneInput(f.data(), f.size());
    if (f[0] == 0) read_all(io::safetensors_file(raw(std::span(f).subspan(1)), "valid"));
    if (f[0] == 1) (void)io::parse_llama2c<float>(raw(std::span(f).subspan(1)), "valid");
    if (f[0] == 2) (void)io::llama2c_tokenizer(std::string(text(std::span(f).subspan(1))), "valid");
    if (f[0] == 3) read_configuration(text(std::span(f).subspan(1)));
    if (f[0] == 4) {
      const std::string_view all = text(std::span(f).subspan(1));
      if (all.find("llama.block_count") != all.npos) read_gguf(std::span(f).subspan(1));
      else (void)io::gguf_file(raw(std::span(f).subspan(1)), "valid");
    }
    if (f[0] == 5) use(io::byte_pair_tokenizer(std::string(text(std::span(f).subspan(1))), "valid"));
    if (f[0] == 6) use(*io::tokenizer_of(io::gguf_file(raw(std::span(f).subspan(1)), "valid").metadata()));
    if (f[0] == 7) use(io::sentencepiece_tokenizer(std::string(text(std::span(f).subspan(1))), "valid"));
    if (f[0] == 8) read_index(text(std::span(f).subspan(1)));
    if (f[0] == 9) read_folder(text(std::span(f).subspan(1)));
  }
  if (count > 3) std::erase_if(files, [&](const bytes& f) { return f[0] != std::strtoul(words[3], nullptr, 10); });
  std::mt19937_64 random(seed);
  for (std::uint64_t i = 0; i < runs; ++i) {
    const bytes& valid = files[random() % files.size()];
    bytes input = valid;
    mutate(input, random);
    if (valid[0] == 0) {
      std::uint64_t header;
      std::memcpy(&header, valid.data() + 1, 8);
      mend(input, random, valid.size() - 9 - header);
    }
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::cout << runs << " mutated files, seed " << seed << ": each was read or refused\n";
}
#endif
