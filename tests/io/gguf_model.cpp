#include "test.hpp"

#include "gguf_bytes.hpp"
#include "instances/load_model.hpp"

using namespace supra;
using io::gguf_type;
using supra_test::as_bytes;
using supra_test::gguf_bytes;
using supra_test::put;
using supra_test::says;

namespace {

// Two layers, width 8, two heads of 4, one of keys and values, hidden 6, vocabulary 5. Tests change what they are about.
struct tiny {
  std::string architecture = "llama";
  std::uint32_t heads = 2, kv_heads = 1, head_dim = 4, vocab = 5;
  bool output = false, biases = false;
  std::string without, reshaped, not_finite;  // names of tensors
  gguf_bytes more;                            // keys and tensors beyond these

  static std::string floats(std::size_t n, float first) {
    std::string bytes;
    for (std::size_t i = 0; i < n; ++i) put(bytes, first + static_cast<float>(i));
    return bytes;
  }
  std::string bytes(const std::string& but = "") const {
    gguf_bytes made = more;
    if (!architecture.empty()) made.text("general.architecture", architecture);
    auto integer = [&](const std::string& name, std::uint32_t x) {
      if (name != but) made.integer(architecture + "." + name, x);
    };
    integer("embedding_length", 8), integer("block_count", 2), integer("feed_forward_length", 6), integer("context_length", 16);
    integer("attention.head_count", heads), integer("attention.head_count_kv", kv_heads);
    if (head_dim * heads != 8) integer("attention.key_length", head_dim);
    float first = 0;  // each tensor's elements count on from a multiple of 1000
    auto tensor = [&](const std::string& name, std::vector<std::uint64_t> lengths) {
      if (name == reshaped) lengths.back() += 1;
      std::size_t n = 1;
      for (auto l : lengths) n *= l;
      if (name == not_finite)
        made.tensor(name, lengths, gguf_type::f32, floats(n, std::numeric_limits<float>::infinity()));
      else if (name != without)
        made.tensor(name, lengths, gguf_type::f32, floats(n, first));
      first += 1000;
    };
    const std::uint64_t q = heads * head_dim, k = kv_heads * head_dim;
    tensor("token_embd.weight", {8, vocab}), tensor("output_norm.weight", {8});
    for (std::string l : {"blk.0.", "blk.1."}) {
      tensor(l + "attn_norm.weight", {8}), tensor(l + "attn_q.weight", {8, q}), tensor(l + "attn_k.weight", {8, k});
      tensor(l + "attn_v.weight", {8, k}), tensor(l + "attn_output.weight", {q, 8}), tensor(l + "ffn_norm.weight", {8});
      tensor(l + "ffn_gate.weight", {8, 6}), tensor(l + "ffn_up.weight", {8, 6}), tensor(l + "ffn_down.weight", {6, 8});
      if (biases) tensor(l + "attn_q.bias", {q}), tensor(l + "attn_k.bias", {k}), tensor(l + "attn_v.bias", {k});
    }
    if (output) tensor("output.weight", {8, vocab});
    return made.bytes();
  }
};

template <class T = float>
io::loaded<T> read(const std::string& bytes) {
  return io::model_from_gguf<T>(io::gguf_file(as_bytes(bytes), "f"));
}
model::config config_of(const tiny& t) {
  const std::string bytes = t.bytes();
  return io::config_from_gguf(io::gguf_file(as_bytes(bytes), "f"));
}
void refused(const std::string& bytes, const std::string& part) { BOOST_CHECK_EXCEPTION(read(bytes), io::error, says(part)); }

}  // namespace

BOOST_AUTO_TEST_CASE(names_are_ggufs) {
  BOOST_TEST(io::detail::gguf_name("model.embed_tokens.weight") == "token_embd.weight");
  BOOST_TEST(io::detail::gguf_name("model.layers.12.mlp.down_proj.weight") == "blk.12.ffn_down.weight");
  BOOST_TEST(io::detail::gguf_name("model.layers.0.self_attn.k_proj.bias") == "blk.0.attn_k.bias");
}

BOOST_AUTO_TEST_CASE(tensors_come_to_their_places) {
  for (bool output : {false, true})
    for (std::string architecture : {"llama", "mistral"}) {
      tiny t;
      t.output = output, t.architecture = architecture;
      const auto m = read<double>(t.bytes());
      const model::parameter_layout layout(m.config);
      BOOST_TEST((m.config.tied == !output && m.config.layers == 2 && m.config.head_dim == 4 && m.config.max_length == 16));
      BOOST_TEST((m.config.norm_eps == 1e-5 && m.config.rope_theta == 1e4 && m.config.bos == -1 && m.config.eos == -1));
      BOOST_TEST(static_cast<std::int64_t>(m.values.size()) == layout.size());
      auto first = [&](const std::string& name) { return m.values[static_cast<std::size_t>(layout.at(name).offset)]; };
      BOOST_TEST(first("model.embed_tokens.weight") == 0);
      BOOST_TEST(first("model.norm.weight") == 1000);
      BOOST_TEST(first("model.layers.0.self_attn.o_proj.weight") == 6000);
      BOOST_TEST(first("model.layers.1.input_layernorm.weight") == 11000);
      BOOST_TEST(first("model.layers.1.self_attn.v_proj.weight") == 14000);
      BOOST_TEST(first("model.layers.1.post_attention_layernorm.weight") == 16000);
      BOOST_TEST(first("model.layers.1.mlp.gate_proj.weight") == 17000);
      BOOST_TEST(first("model.layers.1.mlp.up_proj.weight") == 18000);
      BOOST_TEST(first("model.layers.1.mlp.down_proj.weight") == 19000);
      if (output) BOOST_TEST(first("lm_head.weight") == 20000);
      const auto& down = layout.at("model.layers.1.mlp.down_proj.weight");
      for (std::int64_t i = 0; i < down.size; ++i)
        BOOST_TEST(m.values[static_cast<std::size_t>(down.offset + i)] == 19000.0 + static_cast<double>(i));
      for (auto i = down.offset + down.size; i < layout.at("model.norm.weight").offset; ++i)  // padding
        BOOST_TEST(m.values[static_cast<std::size_t>(i)] == 0);
    }
}

// GGUF's row h d + 2i + s is our h d + s d/2 + i: in a head of 4, ours are theirs 0, 2, 1, 3.
BOOST_AUTO_TEST_CASE(rows_and_biases_of_queries_and_keys_change_places) {
  tiny t;
  t.biases = true;
  const auto m = read(t.bytes());
  BOOST_TEST(m.config.attention_bias);
  const model::parameter_layout layout(m.config);
  auto value = [&](const std::string& name, std::int64_t i) {
    return m.values[static_cast<std::size_t>(layout.at(name).offset + i)];
  };
  for (auto [name, first, rows] :
       {std::tuple{"model.layers.0.self_attn.q_proj", 3000, 8}, {"model.layers.0.self_attn.k_proj", 4000, 4}})
    for (int r = 0; r < rows; ++r) {
      const int theirs = r / 4 * 4 + std::vector{0, 2, 1, 3}[static_cast<std::size_t>(r % 4)];
      for (int c = 0; c < 8; ++c)
        BOOST_TEST(value(std::string(name) + ".weight", r * 8 + c) == static_cast<float>(first + 8 * theirs + c));
      BOOST_TEST(value(std::string(name) + ".bias", r) == static_cast<float>(first + 8000 + theirs));
    }
  for (int r = 0; r < 4; ++r) BOOST_TEST(value("model.layers.0.self_attn.v_proj.bias", r) == static_cast<float>(13000 + r));
}

BOOST_AUTO_TEST_CASE(keys_are_read) {
  tiny t;
  t.head_dim = 6, t.more.number("llama.rope.freq_base", 5e5f).number("llama.attention.layer_norm_rms_epsilon", 1e-6f);
  t.more.integer("tokenizer.ggml.bos_token_id", 3).integer("tokenizer.ggml.eos_token_id", 4).integer("llama.vocab_size", 5);
  t.more.integer("llama.attention.sliding_window", 7).integer("llama.attention.value_length", 6);
  t.more.integer("llama.rope.dimension_count", 6).text("general.name", "tiny").integer("llama.expert_count", 0);
  t.more.strings("tokenizer.ggml.tokens", {"a", "b", "c", "d", "e"});
  const auto c = config_of(t);
  BOOST_TEST((c.vocab == 5 && c.dim == 8 && c.heads == 2 && c.kv_heads == 1 && c.head_dim == 6 && c.hidden == 6));
  BOOST_TEST((c.rope_theta == 5e5 && c.norm_eps == 1e-6 && c.bos == 3 && c.eos == 4 && c.sliding_window == 7));
}

BOOST_AUTO_TEST_CASE(scalings_by_keys) {
  tiny linear, old, yarn, none;
  linear.more.text("llama.rope.scaling.type", "linear").number("llama.rope.scaling.factor", 4);
  old.more.number("llama.rope.scale_linear", 2);
  yarn.more.text("llama.rope.scaling.type", "yarn").number("llama.rope.scaling.factor", 8);
  yarn.more.integer("llama.rope.scaling.original_context_length", 4).number("llama.rope.scaling.attn_factor", 0.5f);
  none.more.text("llama.rope.scaling.type", "none").number("llama.rope.scaling.factor", 4);
  BOOST_TEST((config_of(linear).scaling.kind == "linear" && config_of(linear).scaling.factor == 4));
  BOOST_TEST((config_of(old).scaling.kind == "linear" && config_of(old).scaling.factor == 2));
  const auto s = config_of(yarn).scaling;
  BOOST_TEST((s.kind == "yarn" && s.factor == 8 && s.original_length == 4));
  BOOST_TEST(s.attention_factor == 0.5 * (0.1 * std::log(8.0) + 1));
  BOOST_TEST((config_of(none).scaling.kind == "none" && config_of(none).scaling.factor == 1));
  tiny unknown, zero;
  unknown.more.text("llama.rope.scaling.type", "longrope").number("llama.rope.scaling.factor", 4);
  refused(unknown.bytes(), "f: llama.rope.scaling.type \"longrope\" is not supported; none, linear and yarn are");
  zero.more.text("llama.rope.scaling.type", "linear").number("llama.rope.scaling.factor", 0);
  refused(zero.bytes(), "llama.rope.scaling.factor must be positive, found 0");
}

// Llama 3.2: base 500,000, factor 32, what divides the frequency of a wave by its length.
BOOST_AUTO_TEST_CASE(llama_3s_scaling_is_found_in_its_tensor) {
  auto divisors = [](double factor, double low) {
    std::string bytes;
    for (int i = 0; i < 8; ++i) {  // a head of 16
      const double wave = 2 * M_PI * std::pow(5e5, i / 8.0);
      const double smooth = (8192 / wave - low) / (4 - low);
      const double d = wave < 8192 / 4. ? 1 : wave > 8192 / low ? factor : 1 / ((1 - smooth) / factor + smooth);
      put(bytes, static_cast<float>(d));
    }
    return bytes;
  };
  auto with = [&](const std::string& values, std::uint64_t pairs = 8) {
    tiny t;
    t.head_dim = 16, t.more.number("llama.rope.freq_base", 5e5f);
    t.more.tensor("rope_freqs.weight", {pairs}, gguf_type::f32, values);
    return t;
  };
  const auto s = config_of(with(divisors(32, 1))).scaling;
  BOOST_TEST(
      (s.kind == "llama3" && s.factor == 32 && s.original_length == 8192 && s.low_freq_factor == 1 && s.high_freq_factor == 4));
  BOOST_TEST(config_of(with(divisors(1, 1))).scaling.kind == "none");
  BOOST_TEST(read(with(divisors(32, 1)).bytes()).config.scaling.kind == "llama3");
  refused(with(divisors(32, 2)).bytes(), "where Llama 3's scaling by 32 has");
  refused(with(std::string(32, '\0')).bytes(), "must have 1 or more in it, found at most 0");
  refused(with(divisors(32, 1) + "abcd", 9).bytes(), "rope_freqs.weight has shape (9), and a head has 8 pairs");
  tiny both = with(divisors(32, 1));
  both.more.number("llama.rope.scaling.factor", 4);
  refused(both.bytes(), "one of them was expected");
}

BOOST_AUTO_TEST_CASE(other_models_are_refused_by_name) {
  tiny t;
  for (std::string name : {"gemma2", "qwen2", "gpt2", "LLAMA"}) {
    t.architecture = name;
    refused(t.bytes(), "the architecture \"" + name + "\" is not supported; llama and mistral are");
  }
  t.architecture = "";
  refused(t.bytes(), "the key \"general.architecture\" is missing");
  auto with = [](auto&& change) {
    tiny made;
    change(made.more);
    return made.bytes();
  };
  refused(with([](auto& m) { m.integer("llama.expert_count", 8); }), "llama.expert_count is 8, and experts are not supported");
  refused(with([](auto& m) { m.number("llama.logit_scale", 8); }),
          "the key \"llama.logit_scale\" is not known, and may change");
  refused(with([](auto& m) { m.text("llama.tensor_data_layout", "reference"); }),
          "llama.tensor_data_layout is \"reference\", and only \"Meta AI original pth\" is supported");
  refused(with([](auto& m) { m.integer("split.count", 3); }), "this is one of 3 parts of a model; join them first");
  refused(with([](auto& m) { m.integer("llama.rope.dimension_count", 2); }),
          "llama.rope.dimension_count must be a whole head (4), found 2");
  refused(with([](auto& m) { m.integer("llama.attention.value_length", 8); }),
          "llama.attention.value_length must be the keys' (4), found 8");
  refused(with([](auto& m) { m.integer("llama.vocab_size", 6); }), "llama.vocab_size is 6, and token_embd.weight has 5 rows");
  refused(with([](auto& m) {
            m.strings("tokenizer.ggml.tokens", {"a", "b"});
          }),
          "the tokenizer does not fit: token_embd.weight has 5 rows, tokenizer.ggml.tokens 2");
  refused(with([](auto& m) { m.integer("tokenizer.ggml.eos_token_id", 5); }), "eos must be a token below vocab (5)");
}

BOOST_AUTO_TEST_CASE(keys_that_contradict_the_tensors_are_refused) {
  for (auto name : {"embedding_length", "block_count", "feed_forward_length", "context_length", "attention.head_count"})
    refused(tiny().bytes(name), std::string("the key \"llama.") + name + "\" is missing");
  tiny t;
  t.heads = 3;
  refused(t.bytes("attention.key_length"), "of which the width 8 must be a multiple");
  t = {}, t.more.integer("llama.attention.head_count", 0);
  refused(t.bytes("attention.head_count"), "llama.attention.head_count is 0");
  t = {}, t.more.tensor("blk.1.attn_q.gain", {1}, gguf_type::f32, "abcd");
  refused(t.bytes(), "by its keys these tensors have no place in the model: \"blk.1.attn_q.gain\"");
  for (auto name : {"token_embd.weight", "output_norm.weight", "blk.1.attn_k.weight"}) {
    t = {}, t.without = name;
    refused(t.bytes(), std::string("\"") + name + "\"");
    if (std::string(name) == "token_embd.weight") continue;
    t = {}, t.reshaped = name;
    refused(t.bytes(), std::string("tensor \"") + name + "\" has shape");
    t = {}, t.not_finite = name;
    refused(t.bytes(), std::string("tensor \"") + name + "\" holds inf at element");
  }
}

BOOST_AUTO_TEST_CASE(output_biases_must_be_zero) {
  auto with = [](float x) {
    std::string bias(32, '\0');
    std::memcpy(bias.data() + 28, &x, 4);
    tiny t;
    t.biases = true, t.more.tensor("blk.1.attn_output.bias", {8}, gguf_type::f32, bias);
    return t.bytes();
  };
  BOOST_TEST(read(with(0)).config.attention_bias);
  refused(with(1), "\"blk.1.attn_output.bias\" is not zero");
}

// A quantised matrix in a model: dequantised, then its rows change places.
BOOST_AUTO_TEST_CASE(quantised_rows_change_places_whole) {
  tiny t;
  gguf_bytes made = t.more;
  made.text("general.architecture", "llama").integer("llama.embedding_length", 32).integer("llama.block_count", 1);
  made.integer("llama.feed_forward_length", 32).integer("llama.context_length", 4).integer("llama.attention.head_count", 8);
  auto block = [](int seed) {  // q8_0: scale 1, then 32 numbers
    std::string b;
    put(b, std::uint16_t{0x3c00});
    for (int i = 0; i < 32; ++i) put(b, static_cast<std::int8_t>((seed + i) % 100));
    return b;
  };
  auto matrix = [&](const std::string& name) {
    std::string bytes;
    for (int r = 0; r < 32; ++r) bytes += block(r);
    made.tensor(name, {32, 32}, gguf_type::q8_0, bytes);
  };
  const std::string ones = tiny::floats(32, 1);
  made.tensor("token_embd.weight", {32, 1}, gguf_type::q8_0, block(0)).tensor("output_norm.weight", {32}, gguf_type::f32, ones);
  made.tensor("blk.0.attn_norm.weight", {32}, gguf_type::f32, ones).tensor("blk.0.ffn_norm.weight", {32}, gguf_type::f32, ones);
  for (auto name : {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"})
    matrix("blk.0." + std::string(name) + ".weight");
  const auto m = read(made.bytes());
  const model::parameter_layout layout(m.config);
  for (auto [name, turned] : {std::pair{"q_proj", true}, {"k_proj", true}, {"v_proj", false}, {"o_proj", false}}) {
    const float* x = m.values.data() + layout.at("model.layers.0.self_attn." + std::string(name) + ".weight").offset;
    for (int r = 0; r < 32; ++r)
      for (int i = 0; i < 32; ++i) {
        const int theirs = turned ? r / 4 * 4 + std::vector{0, 2, 1, 3}[static_cast<std::size_t>(r % 4)] : r;
        BOOST_TEST(x[32 * r + i] == static_cast<float>(theirs + i));
      }
  }
}

BOOST_AUTO_TEST_CASE(a_file_is_a_model_by_its_name) {
  const supra_test::temporary_folder folder;
  io::write_file(folder / "m.gguf", tiny().bytes());
  const auto m = io::load_model<float>(folder / "m.gguf");
  BOOST_TEST(m.source == "GGUF file");
  io::save_model(folder / "out", m.config, m.values);
  BOOST_TEST((io::load_model<float>(folder / "out").values == m.values));
}
