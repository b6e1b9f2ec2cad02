// The program on the GPU: the loss curve of uptraining beside the CPU's, resumed to the same bits, evaluated and written on
// both.
#include <fstream>

#include "../program/backends.hpp"
#include "gpu.hpp"

using namespace supra_test;

namespace {

const std::string uptrain = "uptrain --attention supra --recipe fit --lr 3e-4 --backend ";

std::vector<double> curve(const fs::path& out) {
  std::ifstream log(out / "log.jsonl");
  std::vector<double> losses;
  for (std::string line; std::getline(log, line);)
    if (const auto event = nlohmann::json::parse(line); event.at("event") == "step") losses.push_back(event.at("loss"));
  return losses;
}
}  // namespace

// bf16 keeps 8 bits: a loss near 5 of a model of two layers is moved by some thousandths, and training carries that on. A wrong
// gradient anywhere is seen in the first steps' hundredths.
BOOST_AUTO_TEST_CASE(uptraining_agrees_with_the_cpu) {
  const temporary_folder folder;
  const auto at = [&](const char* name) { return (folder / name).string(); };
  ::supra::io::write_file(folder / "text", made_up_text(200));
  make_model(folder / "teacher", tiny_config());
  for (const char* on : {"eigen", "cuda"}) {
    const auto run = supra_test::supra(uptrain + on + " --teacher " + at("teacher") + " --text " + at("text") + " --out " + at(on) +
                                       " --tokens 5120 --batch 4 --fit-tokens 1024");
    BOOST_TEST_REQUIRE(run.code == 0, run.err);
  }
  const auto found = curve(folder / "cuda"), wanted = curve(folder / "eigen");
  BOOST_TEST_REQUIRE(found.size() == wanted.size());
  BOOST_TEST_REQUIRE(found.size() >= 20u);
  for (std::size_t i = 0; i < found.size(); ++i)
    BOOST_TEST(std::abs(found[i] - wanted[i]) < 0.01 * wanted[i], "step " << i << ": " << found[i] << ", CPU " << wanted[i]);
  // the same model on both
  double losses[2];
  int i = 0;
  for (const char* on : {"eigen", "cuda"})
    losses[i++] = told(std::string("evaluate --backend ") + on + " --model " + at("cuda") + " --text " + at("text"))
                      .at("loss_nats_per_token");
  BOOST_TEST(std::abs(losses[1] - losses[0]) < 0.005 * losses[0], losses[1] << ", eigen " << losses[0]);
  const auto written =
      supra_test::supra("generate --ignore-end --backend cuda --model " + at("cuda") + " --prompt a --tokens 9");
  BOOST_TEST(written.code == 0, written.err);
  BOOST_TEST(written.out.size() > 9u);
}

BOOST_AUTO_TEST_CASE(two_runs_and_a_resumed_one_have_the_same_bits) {
  const temporary_folder folder;
  const auto at = [&](const std::string& name) { return (folder / name).string(); };
  ::supra::io::write_file(folder / "text", made_up_text(100));
  make_model(folder / "teacher", tiny_config());
  const auto run = [&](const std::string& out, const std::string& more) {
    return supra_test::supra(uptrain + "cuda --teacher " + at("teacher") + " --text " + at("text") + " --out " + at(out) +
                             " --tokens 2560 --batch 4 --fit-tokens 1024 --checkpoint-every 5" + more);
  };
  for (const char* out : {"one", "two"}) BOOST_TEST_REQUIRE(run(out, "").code == 0);
  const auto bits = bytes_of(folder / "one/model.safetensors");
  BOOST_TEST((bytes_of(folder / "two/model.safetensors") == bits));
  // killed as soon as a checkpoint is there
  const std::string checkpoint = at("three/checkpoint.uptrain.safetensors");
  shell("\"$supra\" " + uptrain + "cuda --teacher " + at("teacher") + " --text " + at("text") + " --out " + at("three") +
        " --tokens 2560 --batch 4 --fit-tokens 1024 --checkpoint-every 5 & i=0; while [ $i -lt 1200 ] && [ ! -e " + checkpoint +
        " ]; do i=$((i+1)); sleep 0.05; done; kill -9 $!; wait");
  BOOST_TEST_REQUIRE(fs::exists(checkpoint));
  BOOST_TEST_REQUIRE(run("three", " --resume").code == 0);
  BOOST_TEST((bytes_of(folder / "three/model.safetensors") == bits));
}

BOOST_AUTO_TEST_CASE(what_it_does_not_take_is_a_sentence) {
  const auto e = supra_test::supra("evaluate --backend cuda --threads 2 --model none --text none");
  BOOST_TEST(e.code == 1);
  BOOST_TEST(e.err.find("--threads 2: the cuda backend") != e.err.npos, e.err);
  const auto w = supra_test::supra("evaluate --backend cuda --weights int8 --model none --text none");
  BOOST_TEST(w.code == 1);
  BOOST_TEST(w.err.find("takes bf16 alone") != w.err.npos, w.err);
}
