#include <cstring>
#include <string>

#include "io/gguf_bytes.hpp"
#include "readers.hpp"
#include "supra/io/hugging_face_config.hpp"

namespace supra_fuzz {
namespace {

using namespace supra;

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
  bytes b = {7};
  put(b, std::string_view(tokenizer_file(std::span(made).subspan(1))));
  return b;
}

bytes written(std::uint8_t reader, const io::json& j) {
  bytes b = {reader};
  put(b, std::string_view(j.dump()));
  return b;
}

}  // namespace

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

}  // namespace supra_fuzz
