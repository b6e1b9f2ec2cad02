// Models of Hugging Face's transformers here, and ours there: where python3, or the interpreter that SUPRA_PYTHON names, has
// torch and transformers.
#include "test.hpp"

#include "program.hpp"
#include "instances/models.hpp"

#include <nlohmann/json.hpp>

#include <set>

using namespace supra_test;
using nlohmann::json;
namespace io = supra::io;
namespace model = supra::model;

namespace {

std::string python() {
  const char* name = std::getenv("SUPRA_PYTHON");
  return name && *name ? name : "python3";
}
bool no_transformers(const std::string& what) {
  static const bool there = shell("'" + python() + "' -c 'import torch, transformers, safetensors.torch'").code == 0;
  if (!there)
    std::cout << "left out (" << python() << " has no torch and transformers; SUPRA_PYTHON names another): " << what << "\n";
  return !there;
}
ended script(const std::string& arguments) {
  const auto e = shell("exec '" + python() + "' '" SUPRA_TESTS_DIR "/program/in_transformers.py' " + arguments);
  BOOST_TEST_REQUIRE(e.code == 0, arguments << ": " << e.err);
  return e;
}
void run(const std::string& arguments) {
  const auto e = supra_test::supra(arguments);
  BOOST_TEST_REQUIRE(e.code == 0, arguments << ": " << e.err);
}

double relative(const std::vector<double>& found, const std::vector<double>& wanted) {
  double difference = 0, size = 0;
  BOOST_TEST_REQUIRE(found.size() == wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    difference += (found[i] - wanted[i]) * (found[i] - wanted[i]), size += wanted[i] * wanted[i];
  return std::sqrt(difference / size);
}
std::vector<double> logits(const io::loaded<double>& m, const io::safetensors_file& expected) {
  supra::eigen_backend backend;
  model::transformer<supra::eigen_backend, double> t(backend, m.config, {});
  t.load(m.values);
  std::vector<std::int32_t> ids;
  for (auto id : expected.read<std::int64_t>("ids")) ids.push_back(static_cast<std::int32_t>(id));
  t.forward(ids, expected.shape("ids")[0], expected.shape("ids")[1]);
  return t.logits();
}

// transformers' own classes round norms, angles and their cosines to float32 even in a float64 model: a few units of 2^-24 in
// each of the two layers, and at position 40 an angle wrong by 40 such units.
constexpr double rounded_to_float = 40 * 0x1p-24;

}  // namespace

BOOST_AUTO_TEST_CASE(their_models_have_the_same_logits_here) {
  if (no_transformers("models that transformers writes")) return;
  const temporary_folder folder;
  script("write '" + folder.path.string() + "'");
  std::size_t models = 0, sharded = 0;
  for (auto& entry : fs::directory_iterator(folder.path)) {
    const auto name = entry.path().filename().string();
    const auto m = io::load_model<double>(entry.path());
    const io::safetensors_file expected(entry.path() / "expected.safetensors");
    BOOST_TEST(relative(logits(m, expected), expected.read<double>("logits")) < rounded_to_float, name);
    BOOST_TEST(m.config.attention_bias == name.starts_with("qwen2"), name);
    // Written as the plainest class that has it, and read again.
    const fs::path again = entry.path() / "again";
    io::save_model(again, m.config, m.values, io::dtype::f64);
    const std::string kind = io::read_json(again / "config.json").at("architectures").at(0);
    const std::string theirs = io::read_json(entry.path() / "config.json").at("architectures").at(0);
    BOOST_TEST((kind == theirs || (name.starts_with("mistral_whole") && kind == "LlamaForCausalLM")), name << ": " << kind);
    BOOST_TEST((io::load_model<double>(again).values == m.values), name);
    ++models, sharded += fs::exists(entry.path() / "model.safetensors.index.json");
  }
  BOOST_TEST(models >= 20u);
  BOOST_TEST(sharded >= 6u);
}

// Every attention that the program names, of a plain teacher, and those that differ most of one with grouped heads, biases and
// scaled positions; chains of maps of the latter; the teachers too.
BOOST_AUTO_TEST_CASE(our_models_have_the_same_losses_and_texts_there) {
  if (no_transformers("folders of RNNs in transformers")) return;
  const temporary_folder folder;
  const auto at = [&](const std::string& name) { return (folder / name).string(); };
  io::write_file(at("text"), made_up_text(60));
  run("pretrain --text " + at("text") + " --out " + at("teacher") +
      " --dim 32 --layers 2 --heads 4 --kv-heads 4 --hidden 64 --seq 64 --tokens 40000 --batch 8 --lr 0.01");
  auto c = io::load_model<float>(at("teacher")).config;
  c.kv_heads = 2, c.scaling.kind = "llama3", c.scaling.factor = 4, c.scaling.original_length = 32, c.attention_bias = true,
  c.norm_eps = 1e-4, c.tied = false, c.sliding_window = 9;
  auto values = model::random_values<float>(c, 5);
  const model::parameter_layout layout(c);
  for (auto& t : layout.tensors())
    if (t.name.ends_with("bias"))
      for (std::int64_t i = 0; i < t.size; ++i)
        values[static_cast<std::size_t>(t.offset + i)] = 0.01f * static_cast<float>(i % 7);
  io::save_model(at("grouped"), c, values);
  io::save_tokenizer(io::bytes_tokenizer(), at("grouped"));
  std::vector<std::string> folders = {"teacher", "grouped"};
  const std::set<std::string> of_both = {"hedgehog", "taylor2", "best", "supra,position=rope_before"};
  for (const std::string name : {"supra", "supra-retnet", "supra-nodecay", "gated", "learned", "hedgehog", "elu1", "softmax",
                                 "taylor2", "exp", "best", "supra,position=xpos", "supra,position=absolute",
                                 "supra,position=rope_before", "supra,feature=taylor2"})
    for (const std::string teacher : {"teacher", "grouped"}) {
      if (teacher == "grouped" && !of_both.contains(name)) continue;
      folders.push_back(teacher + "." + name);
      run("uptrain --teacher " + at(teacher) + " --text " + at("text") + " --out " + at(folders.back()) + " --attention " +
          name + " --batch 8 --seq 64 --tokens " + (teacher == "teacher" ? "8192" : "20480") + " --fit-tokens 2048 --lr 0.003");
    }
  for (const std::string attention : {"best", "supra,position=rope_before", "hybrid,window=20"}) {  // twice the teacher's keys
    folders.push_back("more." + attention);
    run("uptrain --teacher " + at("grouped") + " --text " + at("text") + " --out " + at(folders.back()) + " --attention " +
        attention + " --kv-heads 4 --batch 8 --seq 64 --tokens 20480 --fit-tokens 2048 --lr 0.003");
  }
  for (const std::string kind : {"dense", "per_head"}) {  // chains of learned maps, of weights far from where they begin
    const bool dense = kind == "dense";
    model::linear_attention_config a;
    a.map = io::map_kind_of(kind, ""), a.map_depth = dense ? 3 : 2, a.map_width = dense ? 0.5 : 2, a.qk_norm = dense;
    auto student = model::student_config(c, a);
    if (dense) student.scaling = {}, student.attention.position = "rope";
    auto values = model::random_values<float>(student, 7);
    const model::parameter_layout layout(student);
    for (auto& t : layout.tensors())
      for (std::int64_t i = 0; t.added && i < t.size; ++i)
        values[static_cast<std::size_t>(t.offset + i)] += 0.1f * static_cast<float>(i % 7 - 3);
    folders.push_back("maps." + kind);
    io::save_model(at(kind), student, values), io::save_tokenizer(io::bytes_tokenizer(), at(kind));
    run("convert --model " + at(kind) + " --out " + at(folders.back()));
  }
  for (const std::int64_t window : {1, 20, 100}) {  // softmax over a window beside it, longer than a chunk there
    model::linear_attention_config a;
    a.window = window, a.map = io::map_kind_of(window == 20 ? "dense" : "per_head", "");
    a.position = window == 20 ? "rope_before" : "rope";
    auto student = model::student_config(c, a);
    auto values = model::random_values<float>(student, 8);
    const model::parameter_layout layout(student);
    for (auto& t : layout.tensors())
      for (std::int64_t i = 0; t.added && i < t.size; ++i)
        values[static_cast<std::size_t>(t.offset + i)] += 0.1f * static_cast<float>(i % 7 - 3);
    const std::string name = "window" + std::to_string(window);
    folders.push_back(name + ".rnn");
    io::save_model(at(name), student, values), io::save_tokenizer(io::bytes_tokenizer(), at(name));
    run("convert --model " + at(name) + " --out " + at(folders.back()));
  }
  folders.push_back("bf16"), run("convert --dtype bf16 --model " + at("teacher.gated") + " --out " + at("bf16"));
  const std::string text = made_up_text(60), prompt = "my friend ";
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 3; ++i) {  // the first is longer than two of their chunks
    texts.push_back(text.substr(100 * i, i == 0 ? 170 : 50));
    io::write_file(at("text" + std::to_string(i)), texts.back());
  }
  json job = json::array();
  for (auto& f : folders)
    job.push_back({{"folder", at(f)},
                   {"texts", texts},
                   {"prompt", prompt},
                   {"tokens", 40},
                   {"again", at(f + ".again")},
                   {"state", f.find('.') != f.npos}});
  for (const std::string name : {"supra_gqa_decay", "supra_mha_decay", "supra_no_decay", "supra_qknorm_retnet"}) {
    run("convert --model " + golden_dir() + "/" + name + ".safetensors --out " + at(name));
    job.push_back({{"folder", at(name)}, {"expected", golden_dir() + "/" + name + ".safetensors"}});
  }
  io::write_file(at("job"), job.dump());
  script("read '" + at("job") + "' '" + at("result") + "'");
  const auto result = json::parse(bytes_of(at("result")));
  for (std::size_t i = folders.size(); i < job.size(); ++i)  // the goldens' source rounds norms to float32, and f32 is written
    BOOST_TEST(result.at(i).at("golden").get<double>() < 1e-6, job.at(i).at("folder"));
  for (std::size_t i = 0; i < folders.size(); ++i) {
    const json& r = result.at(i);
    const auto losses = [&](const std::string& m) {
      std::vector<double> all;
      for (std::size_t t = 0; t < texts.size(); ++t) {
        run("evaluate --model " + m + " --window " + std::to_string(texts[t].size()) + " --text " + at("text") +
            std::to_string(t) + " --json " + at("loss.json"));
        all.push_back(json::parse(bytes_of(at("loss.json"))).at("loss_nats_per_token"));
      }
      return all;
    };
    BOOST_TEST_CONTEXT(folders[i]) {
      BOOST_TEST(r.at("class") == (i == 0 ? "LlamaForCausalLM" : i == 1 ? "Qwen2ForCausalLM" : "SupraForCausalLM"));
      // Both sum in float32, in other orders: about 2^-24 times the root of a few hundred numbers, through two layers.
      const auto near = boost::test_tools::tolerance(1e-5);
      BOOST_TEST(losses(at(folders[i])) == r.at("losses").get<std::vector<double>>(), near << boost::test_tools::per_element());
      const auto here =
          supra_test::supra("generate --ignore-end --tokens 40 --model " + at(folders[i]) + " --prompt '" + prompt + "'");
      std::string there;
      for (int id : r.at("greedy"))
        if (id < 256) there += static_cast<char>(id);
      BOOST_TEST(here.out == there + "\n");
      if (!job.at(i).at("state")) continue;
      for (auto& [way, difference] : r.at("state").items())
        BOOST_TEST(difference.get<double>() < 1e-12, way << ": " << difference);  // float64, 170 tokens
      BOOST_TEST(r.at("beams").size() == 4u);
      BOOST_TEST(r.at("beams") == r.at("beams_without_state"));
      BOOST_TEST(r.at("gradients") == true);
      io::save_tokenizer(io::bytes_tokenizer(), at(folders[i] + ".again"));
      BOOST_TEST(losses(at(folders[i] + ".again")) == losses(at(folders[i])), boost::test_tools::per_element());
    }
  }
}
