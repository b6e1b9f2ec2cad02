// Models, tokenizers, texts and states that are broken, or of something else: refused in a sentence, and nothing is changed.
#include <array>

#include "refusals.hpp"

using namespace supra_test;
namespace model = supra::model;
namespace io = supra::io;

BOOST_AUTO_TEST_CASE(broken_models_in_llama2c_files) {
  const std::string whole = here().bin();
  add("whole.bin", whole);
  BOOST_TEST(supra_test::supra(here().filled("info --model @whole.bin")).code == 0);
  std::string nan = whole, garbled = whole;
  const float not_finite = std::numeric_limits<float>::infinity();
  std::memcpy(nan.data() + 28 + 40, &not_finite, 4);
  for (std::size_t i = 0; i < 28; ++i) garbled[i] = static_cast<char>(0x5a + 31 * i);
  const std::map<std::string, std::string> files = {{"empty.bin", ""},
                                                    {"head.bin", whole.substr(0, 20)},
                                                    {"cut.bin", whole.substr(0, whole.size() - 5)},
                                                    {"long.bin", whole + "1234"},
                                                    {"garbled.bin", garbled},
                                                    {"nan.bin", nan}};
  for (auto& [name, bytes] : files) {
    add(name, bytes);
    for (std::string command :
         {"info --model @", "generate --tokenizer bytes --prompt a --model @", "convert --out @new --model @"})
      refused(command + name, {name});
    refused("uptrain --text @text --teacher @" + name + train, {name});
  }
  refused("generate --model @whole.bin --prompt a", {"whole.bin", "--tokenizer"});
  refused("uptrain --teacher @whole.bin --text @text --out @new", {"whole.bin", "--tokenizer"});
}

BOOST_AUTO_TEST_CASE(broken_models_in_folders) {
  const std::string weights = bytes_of(here().folder / "teacher/model.safetensors"),
                    config = bytes_of(here().folder / "teacher/config.json");
  std::string header = weights, nan = weights;
  std::memset(header.data() + 9, '?', 12);
  const float not_a_number = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(nan.data() + nan.size() - 8, &not_a_number, 4);
  auto half = config;
  half.replace(half.find("\"hidden_size\": 16"), 17, "\"hidden_size\": 32");
  const std::map<std::string, std::array<std::string, 2>> folders = {{"cut", {weights.substr(0, weights.size() / 2), config}},
                                                                     {"long", {weights + "12", config}},
                                                                     {"none", {"", config}},
                                                                     {"header", {header, config}},
                                                                     {"nan", {nan, config}},
                                                                     {"json", {weights, config.substr(0, config.size() / 2)}},
                                                                     {"shape", {weights, half}}};
  for (auto& [name, files] : folders) {
    fs::create_directories(here().folder / ("bad_" + name));
    add("bad_" + name + "/model.safetensors", files[0]), add("bad_" + name + "/config.json", files[1]),
        add("bad_" + name + "/supra_tokenizer.json", R"({"tokenizer": "bytes"})");
    for (std::string command :
         {"info --model @", "generate --prompt a --model @", "evaluate --text @text --model @", "convert --out @new --model @"})
      refused(command + "bad_" + name, {"bad_" + name});
    refused("uptrain --text @text --teacher @bad_" + name + train, {"bad_" + name});
  }
  refused("info --model @bad_nan/model.safetensors", {"bad_nan"});
  fs::create_directories(here().folder / "nothing");
  refused("info --model @nothing", {"nothing", "config.json"});
  refused("info --model @text", {"text", "a model is"});
}

// What cannot be converted leaves nothing behind: a shard that is missing, keys that mean another model, the paper's layout for
// a model that it has no words for.
BOOST_AUTO_TEST_CASE(folders_that_cannot_be_converted) {
  const auto model = io::read_json(here().folder / "teacher/config.json");
  const auto folder = [&](const std::string& name, const char* key, const io::json& value) {
    auto config = model;
    config[key] = value;
    fs::create_directories(here().folder / name);
    add(name + "/config.json", config.dump());
    add(name + "/model.safetensors", bytes_of(here().folder / "teacher/model.safetensors"));
  };
  folder("quantized", "quantization_config", {{"bits", 4}}), folder("capped", "final_logit_softcapping", 30.0);
  folder("layered", "num_hidden_layers", 2), folder("biased", "architectures", {"Qwen2ForCausalLM"});
  folder("foreign", "architectures", {"GemmaForCausalLM"});
  for (auto& [name, part] : std::map<std::string, std::string>{{"quantized", "quantization_config"},
                                                               {"capped", "final_logit_softcapping"},
                                                               {"layered", "model.layers.1."},
                                                               {"biased", "q_proj.bias"},
                                                               {"foreign", "GemmaForCausalLM"}})
    refused("convert --out @new --model @" + name, {name, part});
  fs::create_directories(here().folder / "shards");
  add("shards/config.json", model.dump());
  add("shards/model.safetensors.index.json", R"({"weight_map": {"model.norm.weight": "model-00002-of-00002.safetensors"}})");
  refused("convert --out @new --model @shards",
          {"model.safetensors.index.json", "model-00002-of-00002.safetensors", "missing"});
  auto a = model::linear_attention_config{};
  a.feature = "hedgehog", a.normalizer = "sum", a.map = model::map_kind::per_head;
  make_model(here().folder / "hedgehog", model::student_config(tiny_config(), a));
  refused("convert --format paper --out @new --model @hedgehog", {"the feature map hedgehog", "--format"});
  refused("convert --format gguf --out @new --model @teacher", {"--format"});
}

BOOST_AUTO_TEST_CASE(tokenizers_of_other_models) {
  refused("generate --prompt a --model @wide --tokenizer bytes", {"258", "300", "give the tokenizer"});
  refused("evaluate --text @text --model @wide --tokenizer bytes", {"258", "300"});
  refused("uptrain --text @text --teacher @wide" + train, {"258", "300"});
  refused("convert --model @wide --out @new --tokenizer bytes", {"258", "300"});
  refused("generate --prompt a --model @wide", {"wide", "--tokenizer"});
  add("tokenizer.bin", "nothing of the kind");
  refused("generate --prompt a --model @teacher --tokenizer @tokenizer.bin", {"tokenizer.bin"});
  refused("pretrain --text @text --out @new --tokenizer @tokenizer.bin", {"tokenizer.bin"});
  add("broken.model", "nothing of the kind");
  refused("pretrain --text @text --out @new --tokenizer @broken.model", {"broken.model"});
}

BOOST_AUTO_TEST_CASE(texts_with_too_little_in_them) {
  for (std::string text : {"empty", "white"}) {
    refused("evaluate --model @teacher --text @" + text, {text, "give a file with text"});
    refused("uptrain --teacher @teacher --text @" + text + train, {text, "give a file with text"});
    refused("pretrain --text @" + text + train, {text, "give a file with text"});
  }
  refused("evaluate --model @teacher --window 32 --text @empty", {"empty", "window"});
  refused("evaluate --model @teacher --window 32 --text @white", {"white", "window"});
  refused("evaluate --model @teacher --window 64 --text @short", {"short", "window"});
  for (std::string text : {"short", "alone"}) {
    refused("pretrain --seq 32 --text @" + text + train, {text, "more text"});
    refused("uptrain --teacher @teacher --text @" + text + train, {text, "more text"});
  }
}

// llama2.c's encoder takes bytes, or the unknown token, for what its vocabulary has not.
BOOST_AUTO_TEST_CASE(texts_with_bytes_outside_the_vocabulary) {
  std::string small, all;
  put(small, 5), put(all, 6);
  const auto token = [](std::string& to, const std::string& text) {
    put(to, 0.0f), put(to, static_cast<int>(text.size())), to += text;
  };
  for (auto* to : {&small, &all})
    for (std::string t : {"<unk>", "\n<s>\n", "\n</s>"}) token(*to, t);
  for (std::string t : {" ", "a", "b", "c", " a"}) token(small, t);
  for (int b = 0; b < 256; ++b) {
    const char* hex = "0123456789ABCDEF";
    token(all, std::string("<0x") + hex[b / 16] + hex[b % 16] + ">");
  }
  token(all, " ");
  std::string odd = "a b\xff\xfe\x80\xc3 \xf0\x9f\x98\x80 caf\xc3\xa9 ";
  odd += '\0', odd += "c<|endoftext|>";
  for (int i = 0; i < 6; ++i) odd += odd;
  add("odd", odd), add("small.bin", small), add("all.bin", all);
  for (std::string name : {"small.bin", "all.bin", "bytes"}) {
    const std::string t = name == "bytes" ? name : here().filled("@" + name), out = here().filled("@odd_" + name);
    const auto e = supra_test::supra(here().filled("pretrain --text @odd --dim 8 --layers 1 --heads 2 --kv-heads 2 --hidden 8 "
                                                   "--seq 8 --tokens 64 --batch 2 --tokenizer ") +
                                     t + " --out " + out);
    BOOST_TEST(e.code == 0, name << ": " << e.err);
    BOOST_TEST(supra_test::supra("evaluate --text " + here().filled("@odd") + " --model " + out).code == 0);
    BOOST_TEST(supra_test::supra("generate --tokens 20 --prompt \"$(printf '\\377\\200x')\" --model " + out).code == 0);
  }
}

BOOST_AUTO_TEST_CASE(states_of_other_models) {
  const auto write = supra_test::supra(here().filled("generate --model @teacher --prompt ab --tokens 4 --save-state @state"));
  BOOST_TEST(write.code == 0, write.err);
  refused("generate --model @other --load-state @state", {"state", "another model"});
  refused("generate --model @student --load-state @state", {"state", "another model"});
  refused("generate --model @teacher --load-state @text", {here().filled("@text")});
  refused("generate --model @teacher --load-state @teacher/model.safetensors", {"model.safetensors"});
  const std::string whole = bytes_of(here().folder / "state");
  add("cut_state", whole.substr(0, whole.size() - 3));
  refused("generate --model @teacher --load-state @cut_state", {"cut_state"});
  auto nan = whole;
  const float not_a_number = std::numeric_limits<float>::quiet_NaN();
  std::uint64_t header = 0;
  std::memcpy(&header, nan.data(), 8);
  std::memcpy(nan.data() + 8 + header, &not_a_number, 4);
  add("nan_state", nan);
  refused("generate --model @teacher --load-state @nan_state", {"nan_state", "finite"});
  auto odd = whole;
  odd.replace(odd.find("\"position\":\"") + 12, 1, "x");
  add("odd_state", odd);
  refused("generate --model @teacher --load-state @odd_state", {"odd_state"});
}
