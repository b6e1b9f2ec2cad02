// Flags, requests and outputs: what the program refuses, it refuses in a sentence, and nothing is changed.
#include "../io/byte_pair_file.hpp"
#include "refusals.hpp"

using namespace supra_test;
namespace model = supra::model;
namespace io = supra::io;

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
                           "--top-p nan", "--tokens 0", "--seed -1", "--threads 0", "--threads 1000", "--backend abacus",
                           "--batch 0", "--batch -2", "--batch 1000000", "--json /dev/null"})
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
  for (const std::string n : {"0", "-1", "65537", "two"}) refused(uptrain + "--kv-heads " + n, {"--kv-heads", n});
  refused(uptrain + "--kv-heads 3", {"a multiple of its teacher's (2)", "divides the heads (2)", "one of 2; found 3"});
  refused(uptrain + "--recipe scratch --kv-heads 1", {"kv_heads", "one of 2; found 1"});
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
  auto single = with(run, "--held-out 0.4 ");
  single.replace(single.find("@run"), 4, "@run_of_one").replace(single.find("@text"), 5, "@one_document");
  add("one_document", made_up_text(1));
  const auto alone = supra_test::supra(here().filled(single));
  BOOST_TEST(alone.code == 0, alone.err);
  refused(single + "--resume --lr 0.01", {"other settings"});
  const auto on = supra_test::supra(here().filled(single + "--resume"));
  BOOST_TEST(on.code == 0, on.err);
  const std::string log = bytes_of(here().folder / "run_of_one/log.jsonl"), cut = "\"event\":\"cut\"";
  BOOST_TEST((log.find(cut) != log.npos && log.find(cut) == log.rfind(cut)), log);  // told once
  auto up = uptrain;
  up.replace(up.find("@new"), 4, "@up");
  const auto second = supra_test::supra(here().filled(up));
  BOOST_TEST(second.code == 0, second.err);
  for (std::string other : {"--attention supra-retnet", "--attention gated", "--no-fit", "--recipe fit", "--seq 16", "--seed 2",
                            "--transfer-share 0.3", "--kl 2", "--ce 0.5", "--z-loss 0.1", "--lr 0.01"})
    refused(up + "--resume " + other, {"other settings"});
  auto hybrid = uptrain + "--attention best,window=8 ";
  hybrid.replace(hybrid.find("@new"), 4, "@hybrid");
  const auto third = supra_test::supra(here().filled(hybrid));
  BOOST_TEST(third.code == 0, third.err);
  refused(hybrid + "--resume --window-dropout 0.3", {"other settings"});
  auto grouped = tiny_config();
  grouped.kv_heads = 1, make_model(here().folder / "grouped", grouped);
  for (const std::string heads : {"", "--kv-heads 2 "}) {
    auto one = uptrain + heads;
    one.replace(one.find("@new"), 4, heads.empty() ? "@as_teacher" : "@more_heads");
    one.replace(one.find("@teacher"), 8, "@grouped");
    const auto fourth = supra_test::supra(here().filled(one));
    BOOST_TEST(fourth.code == 0, fourth.err);
    const auto again = heads.empty() ? one + "--kv-heads 2 " : one.substr(0, one.find(heads));
    refused(again + "--resume", {"other settings", "--out"});
    refused(with(one, "--kv-heads 4 ") + "--resume", {"kv_heads", "one of 1, 2; found 4"});
    const auto same = supra_test::supra(here().filled(one + "--resume"));
    BOOST_TEST(same.code == 0, same.err);
  }
  auto other = up;
  other.replace(other.find("@teacher"), 8, "@other");
  refused(other + "--resume", {"other settings", "--out"});
}
