#include "test.hpp"

#include "../io/byte_pair_file.hpp"
#include "program.hpp"

#include <array>

using namespace supra_test;
namespace model = supra::model;
namespace io = supra::io;

namespace {

// One folder for all cases: a teacher, another one, a student, texts.
struct world {
  temporary_folder folder;
  world() {
    make_model(folder / "teacher", tiny_config());
    make_model(folder / "other", tiny_config(), 2);
    auto gone = tiny_config();
    gone.vocab = 300;
    io::save_model<float>(folder / "wide", gone, model::random_values<float>(gone, 1));
    make_model(folder / "student", model::student_config(tiny_config(), {}));
    io::write_file(folder / "text", made_up_text(40));
    io::write_file(folder / "empty", "");
    io::write_file(folder / "white", " \n\t <|endoftext|>  \r\n");
    io::write_file(folder / "short", "one<|endoftext|>two<|endoftext|>three");
    io::write_file(folder / "alone", "the only document is long enough for one sequence, but none is left to hold out");
  }
  std::string bin() const {  // llama2.c's file: dim 4, hidden 4, 1 layer, 2 heads, 258 tokens, length 16
    std::string bytes;
    for (int x : {4, 4, 1, 2, 2, 258, 16}) put(bytes, x);
    for (int i = 0; i < 4 * 258 + 2 * 4 + 4 * 16 + 3 * 16 + 4 + 16 * 2; ++i) put(bytes, 0.01f * static_cast<float>(i % 7));
    return bytes;
  }
  // Arguments in which @name is a path in the folder.
  std::string filled(const std::string& arguments) const {
    std::string r;
    for (char c : arguments) r += c == '@' ? folder.path.string() + "/" : std::string(1, c);
    return r;
  }
};
world& here() {
  static world w;
  return w;
}

void check_refusal(const ended& e, const std::string& arguments, const std::vector<std::string>& parts) {
  BOOST_TEST(e.code != 0, arguments << ": was accepted");
  BOOST_TEST(e.code < 126, arguments << ": ended with " << e.code);
  for (auto& part : parts) BOOST_TEST(e.err.find(part) != e.err.npos, arguments << ": no \"" << part << "\" in: " << e.err);
  for (auto bad : {"std::", "filesystem error", "what()", "terminate"})
    BOOST_TEST(e.err.find(bad) == e.err.npos, arguments << ": not a sentence: " << e.err);
  BOOST_TEST(e.err.size() > 25u, arguments << ": too short to help: " << e.err);
}
// The program refuses, says all the parts, and changes nothing.
void refused(const std::string& arguments, const std::vector<std::string>& parts) {
  const auto before = contents(here().folder.path);
  check_refusal(supra_test::supra(here().filled(arguments)), arguments, parts);
  BOOST_TEST((contents(here().folder.path) == before), arguments << ": changed files");
}
void add(const std::string& name, const std::string& bytes) {
  io::write_file(here().folder / name, bytes, io::existing::overwrite);
}

// A command with `flag` and its value instead of its own.
std::string with(std::string command, const std::string& flag) {
  const std::string name = flag.substr(0, flag.find(' ')) + " ";
  if (const auto at = command.find(name); at != command.npos) command.erase(at, command.find(' ', at + name.size()) + 1 - at);
  return command + flag;
}

const std::string train = " --tokenizer bytes --out @new --tokens 512 --batch 2";
const std::string uptrain = "uptrain --teacher @teacher --text @text --out @new --tokens 512 --batch 2 --fit-tokens 64 ";
const std::string pretrain =
    "pretrain --text @text --out @new --dim 16 --layers 1 --heads 2 --kv-heads 2 --hidden 32 --seq 32 --tokens 512 --batch 2 ";

}  // namespace

BOOST_AUTO_TEST_CASE(files_that_are_not_there) {
  for (std::string command :
       {"generate --model @no", "evaluate --text @text --model @no", "info --model @no", "convert --out @new --model @no"})
    refused(command, {here().filled("@no"), "a model is"});
  refused("uptrain --teacher @no --text @text" + train, {here().filled("@no"), "a model is"});
  refused("evaluate --model @teacher --text @no", {"--text", here().filled("@no"), "give text files"});
  refused("uptrain --teacher @teacher --text @no" + train, {"--text", here().filled("@no")});
  refused("pretrain --text @no" + train, {"--text", here().filled("@no")});
  refused("pretrain" + train, {"--text"});
  refused("uptrain --teacher @teacher" + train, {"--text"});
  refused("evaluate --model @teacher --text @teacher", {here().filled("@teacher")});
  refused("pretrain --text @text --out @new --tokenizer @no", {here().filled("@no"), "bytes"});
  refused("generate --model @teacher --prompt a --load-state @no", {"--load-state", here().filled("@no")});
}

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
  refused("convert --out @new --model @shards", {"model.safetensors.index.json", "model-00002-of-00002.safetensors", "missing"});
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

BOOST_AUTO_TEST_CASE(outputs_that_cannot_be_made) {
  fs::create_directories(here().folder / "kept");
  add("kept/precious", "1");
  for (std::string out : {"@kept", "@text", "/proc/x", "@text/below", "''"}) {
    const auto with = [&](std::string command) { return command.replace(command.find("@new"), 4, out); };
    const std::string said = out == "''" ? "--out" : here().filled(out);
    refused(with(pretrain), {said, "--out"});
    refused(with(uptrain), {said, "--out"});
    refused("convert --model @teacher --out " + out, {said, "--out"});
    refused("demo --scale 0.001 --out " + out, {said, "--out"});
  }
  for (std::string path : {"/proc/x", "@kept", "@no/x"}) {
    refused("info --model @teacher --json " + path, {here().filled(path)});
    refused("evaluate --model @teacher --text @text --json " + path, {here().filled(path)});
    refused("generate --model @teacher --prompt a --tokens 2 --save-state " + path, {here().filled(path)});
  }
}

BOOST_AUTO_TEST_CASE(a_full_disk) {
  const temporary_folder disk;
  const auto no_model = [](const fs::path& folder, const std::string& what) {
    if (!fs::exists(folder)) return;
    for (auto& entry : fs::directory_iterator(folder)) {
      const auto name = entry.path().filename().string();
      BOOST_TEST((name == "log.jsonl" || name == "supra_tokenizer.json"), what << " left " << name);
    }
  };
  const std::map<std::string, std::string> commands = {
      {"pretrain", pretrain}, {"uptrain", uptrain}, {"convert", "convert --model @teacher --out @new "}};
  for (auto [name, command] : commands) {
    const auto out = disk / name;
    command.replace(command.find("@new"), 4, out.string());
    const auto e = shell("ulimit -f 8\nexec \"$supra\" " +
                         here().filled(command));  // 4 KiB or 8, as the shell counts; the weights take more
    check_refusal(e, name + " with small files only", {out.string(), "cannot write"});
    no_model(out, name);
  }
  auto small = tiny_config();  // its weights fit into 8 KiB or 16, the Python beside them into neither
  small.dim = 8, small.head_dim = 4, small.hidden = 8;
  make_model(disk / "small", model::student_config(small, {}));
  for (const bool there : {false, true}) {
    const auto out = disk / (there ? "empty" : "new");
    if (there) fs::create_directory(out);
    const auto e = shell("ulimit -f 16\nexec \"$supra\" convert --dtype bf16 --model " + (disk / "small").string() + " --out " +
                         out.string());
    check_refusal(e, "convert of small weights", {out.string(), "modeling_supra.py", "cannot write"});
    BOOST_TEST(fs::exists(out) == there);
    if (there) BOOST_TEST(fs::is_empty(out));
  }
  for (std::string command : {"info --model @teacher", "evaluate --text @text --model @teacher",
                              "generate --prompt a --tokens 4 --model @teacher", "--help"})
    check_refusal(shell("exec \"$supra\" " + here().filled(command) + " >/dev/full"), command + " to a full device",
                  {"standard output"});
  if (shell("unshare -m sh -c 'mount -t tmpfs none " + disk.path.string() + "'").code != 0) {
    std::cout << "left out (a mount is not allowed): a disk that fills up\n";
    return;
  }
  for (auto [name, command] : commands) {
    command.replace(command.find("@new"), 4, "$disk/new");
    io::write_file(disk / (name + ".sh"), "disk=\"$1\"\nmount -t tmpfs -o size=16k none \"$disk\" || exit 125\n\"$2\" " +
                                              here().filled(command) + "\ncode=$?\nls \"$disk/new\" >\"$3\"\nexit $code\n");
    const auto e = shell("mkdir -p " + (disk / "full").string() + "\nunshare -m sh " + (disk / (name + ".sh")).string() + " " +
                         (disk / "full").string() + " \"$supra\" " + (disk / "left").string());
    check_refusal(e, name + " on a full disk", {"disk is full"});
    std::istringstream left(bytes_of(disk / "left"));
    for (std::string file; left >> file;)
      BOOST_TEST((file == "log.jsonl" || file == "supra_tokenizer.json"), name << " left " << file);
  }
}

BOOST_AUTO_TEST_CASE(flags_out_of_range) {
  for (std::string flag : {"--tokens 0",
                           "--tokens -5",
                           "--tokens many",
                           "--batch -1",
                           "--batch 0",
                           "--accumulate 0",
                           "--lr 0",
                           "--lr nan",
                           "--lr inf",
                           "--clip nan",
                           "--clip 0",
                           "--weight-decay -1",
                           "--weight-decay nan",
                           "--z-loss nan",
                           "--held-out 1",
                           "--held-out nan",
                           "--held-out -0.1",
                           "--checkpoint-every 0",
                           "--seed -1",
                           "--seq 0",
                           "--threads 0",
                           "--threads 1000",
                           "--backend abacus",
                           "--batch 4611686018427387904",
                           "--accumulate 4611686018427387904"}) {
    const std::string name = flag.substr(0, flag.find(' '));
    refused(with(uptrain, flag), {name}), refused(with(pretrain, flag), {name});
  }
  for (std::string flag : {"--temperature nan", "--temperature -1", "--top-p 0", "--top-p 0 --temperature 1", "--top-p 1.5",
                           "--top-p nan", "--tokens 0", "--seed -1", "--threads 0", "--threads 1000", "--backend abacus", "--batch 0",
                           "--batch -2", "--batch 1000000", "--json /dev/null"})
    refused("generate --model @teacher --prompt a " + flag, {flag.substr(0, flag.find(' '))});
  for (std::string flag : {"--window 1", "--window 0", "--window -3", "--limit 0", "--threads 1000", "--backend abacus"})
    refused("evaluate --model @teacher --text @text " + flag, {flag.substr(0, flag.find(' '))});
  for (std::string flag : {"--dim 0", "--dim 15", "--dim 6", "--layers 0", "--heads 3", "--kv-heads 4", "--hidden 0",
                           "--dim 1000000000000", "--layers 9999999"})
    refused(with(pretrain, flag), {flag.substr(0, flag.find(' '))});
  refused("demo --out @new --scale nan", {"--scale"}), refused("demo --out @new --scale 0", {"--scale"});
  refused(uptrain + "--backend abacus", {"abacus", "not built with it", "eigen", "preset"});
  refused(uptrain + "--threads 0", {"--threads", "not in range 1 to 1024"}),
      refused(uptrain + "--threads 1000", {"--threads 1000", "at most"});
  refused(uptrain + "--backend eigen --threads 2", {"--threads 2", "one thread"});
  refused(uptrain + "--recipe scratch --scratch", {"--recipe scratch", "--scratch"});
  refused(uptrain + "--evaluate-windows 0", {"--evaluate-windows"}), refused(uptrain + "--lr-scratch 0", {"--lr-scratch"});
  refused("evaluate --model @teacher --text /dev/null", {"/dev/null", "no regular file"});
  refused("evaluate --model @teacher --text @text --json /dev/null", {"/dev/null", "a device"});
  refused("convert --model @teacher --out @new --dtype f8", {"--dtype"});
  refused(uptrain + "--attention magic", {"--attention", "magic", "supra-retnet"});
  refused(uptrain + "--attention supra,decay=fast", {"--attention", "fast", "retnet"});
  refused(uptrain + "--attention supra,feature=exp,decay=retnet", {"not built with", "exp/rope/retnet/group_norm", "it has"});
  for (std::string window : {"-1", "1048577", "few"})
    refused(uptrain + "--attention best,window=" + window, {"window", window, "a whole number from 0 to 1048576"});
  refused(uptrain + "--window-dropout 0.5", {"--window-dropout", "has no window", ",window=N"});
  for (std::string p : {"-0.1", "1.5", "nan"})
    refused(uptrain + "--attention hybrid --window-dropout " + p, {"--window-dropout", "from 0 to 1"});
  refused(uptrain + "--recipe cake", {"--recipe"});
  for (std::string flag : {"--transfer-share 1", "--transfer-share -0.1", "--transfer-share nan", "--kl -1", "--ce nan"})
    refused(uptrain + "--recipe distill " + flag, {flag.substr(0, flag.find(' '))});
  refused(with(uptrain, "--fit-tokens 0"), {"--fit-tokens"});
  refused("evaluate --model @teacher --text @text --unknown 3", {"--unknown"});
  refused("frobnicate", {"frobnicate"}), refused("", {"subcommand"}), refused("info", {"--model"}),
      refused("uptrain --text @text" + train, {"--teacher"});
}

BOOST_AUTO_TEST_CASE(requests_that_contradict) {
  refused(uptrain + "--seq 64", {"--seq 64", "32"});
  for (std::string recipe : {"fit", "distill"})
    refused(uptrain + "--recipe " + recipe + " --no-fit", {"--recipe " + recipe, "--no-fit"});
  for (std::string flag : {"--transfer-share 0.2", "--kl 1", "--ce 1"})
    refused(uptrain + "--recipe fit " + flag, {flag.substr(0, flag.find(' ')), "--recipe fit"});
  refused(uptrain + "--recipe distill --kl 0 --ce 0", {"--kl 0", "--ce 0"});
  refused("uptrain --teacher @student --text @text" + train, {"student", "softmax transformer"});
  refused("generate --model @student --prompt a --batch 2 --save-state @new", {"--save-state", "--batch 2", "leave one"});
  for (auto& command : {uptrain, pretrain}) {
    refused(command + "--resume", {here().filled("@new"), "--resume"});
    auto into = command;
    refused(into.replace(into.find("@new"), 4, "@teacher") + "--resume", {here().filled("@teacher"), "--resume"});
  }
}

BOOST_AUTO_TEST_CASE(texts_that_no_teacher_writes) {
  const std::string sampling = with(uptrain, "--text teacher:");
  refused(sampling + "x", {"--text teacher:x", "a whole number from 0", "\"x\""});
  refused(sampling, {"--text teacher:", "the seed"});
  refused(sampling + "1 --seq 64", {"--seq 64", "32"});
  refused(sampling + "1 --sampled 20", {"teacher:1", "more text"});
  refused(sampling + "1 --sampled 0", {"--sampled"});
  refused(with(uptrain, "--text recall:x"), {"--text recall:x", "a whole number from 0"});
  refused(with(uptrain, "--text recall:1") + " --seq 8", {"--text recall:1", "--seq of at least 16"});
  refused(uptrain + "--sampled 100", {"--sampled 100", "teacher:SEED"});
  refused(with(pretrain, "--text teacher:1"), {"--text teacher:1", "uptrain"});
  refused("evaluate --model @teacher --text teacher:1", {"--text teacher:1", "uptrain"});
  auto c = tiny_config();
  for (std::int64_t id = 0; id < 256; ++id) c.more_eos.push_back(id);
  make_model(here().folder / "mute", c);
  refused("uptrain --teacher @mute --text teacher:2" + train, {"--text teacher:2", "ended 1000 texts"});
  refused("uptrain --teacher @teacher --text @teacher/model.safetensors" + train, {"model.safetensors", "no file of tokens"});
  // neither BOS, nor a token between documents
  c = tiny_config(), c.bos = c.eos = -1;
  auto f = byte_pair_file();
  f["added_tokens"] = io::json::array(), f.erase("post_processor");
  c.vocab = static_cast<std::int64_t>(f.at("model").at("vocab").size());
  io::save_model<float>(here().folder / "bare", c, model::random_values<float>(c, 1));
  add("bare/tokenizer.json", f.dump());
  refused("uptrain --teacher @bare --text teacher:2 --out @new --tokens 512 --batch 2",
          {"--text teacher:2", "begin with no token"});
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

BOOST_AUTO_TEST_CASE(a_resumed_run_with_other_settings) {
  auto run = pretrain;
  run.replace(run.find("@new"), 4, "@run");
  const auto first = supra_test::supra(here().filled(run));
  BOOST_TEST(first.code == 0, first.err);
  for (std::string other :
       {"--lr 0.01", "--seed 3", "--z-loss 0", "--held-out 0.2", "--clip 2", "--weight-decay 0", "--accumulate 2"})
    refused(run + "--resume " + other, {"checkpoint", "other settings", "--out"});
  auto text = run;
  add("another_text", "A" + made_up_text(40).substr(1));
  refused(text.replace(text.find("@text"), 5, "@another_text") + "--resume", {"other settings"});
  auto up = uptrain;
  up.replace(up.find("@new"), 4, "@up");
  const auto second = supra_test::supra(here().filled(up));
  BOOST_TEST(second.code == 0, second.err);
  for (std::string other : {"--attention supra-retnet", "--attention gated", "--no-fit", "--recipe fit", "--seq 16", "--seed 2",
                            "--transfer-share 0.3", "--kl 2", "--ce 0.5", "--z-loss 0.1", "--lr 0.01"})
    refused(up + "--resume " + other, {"other settings"});
  auto other = up;
  other.replace(other.find("@teacher"), 8, "@other");
  refused(other + "--resume", {"other settings", "--out"});
}
