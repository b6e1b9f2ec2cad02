// The program on the GPU: the loss curve of uptraining beside the CPU's, resumed to the same bits, evaluated and written on
// both.
#include <fstream>

#include "../program/backends.hpp"
#include "../rounding.hpp"
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
// The folder of a model whose weights stand one rounding of bf16 away (rounding.hpp), beside the model's own.
std::string moved(const std::string& folder, std::uint64_t side) {
  const auto model = ::supra::io::load_model<float>(folder);
  const std::string to = folder + "-" + std::to_string(side);
  ::supra::io::save_model<float>(to, model.config, one_rounding_away(model.values, side));
  ::supra::io::save_tokenizer(::supra::io::bytes_tokenizer(), to);
  return to;
}
const std::uint64_t sides[] = {1, 2, 3};
}  // namespace

BOOST_AUTO_TEST_CASE(uptraining_agrees_with_the_cpu) {
  const temporary_folder folder;
  const auto at = [&](const std::string& name) { return (folder / name).string(); };
  ::supra::io::write_file(folder / "text", made_up_text(200));
  make_model(folder / "teacher", tiny_config());
  const auto uptrained = [&](const std::string& on, const std::string& teacher, const std::string& out) {
    const auto run = supra_test::supra(uptrain + on + " --teacher " + teacher + " --text " + at("text") + " --out " + at(out) +
                                       " --tokens 5120 --batch 4 --fit-tokens 1024");
    BOOST_TEST_REQUIRE(run.code == 0, run.err);
    return curve(folder / out);
  };
  const auto found = uptrained("cuda", at("teacher"), "cuda"), wanted = uptrained("eigen", at("teacher"), "eigen");
  BOOST_TEST_REQUIRE(found.size() == wanted.size());
  BOOST_TEST_REQUIRE(found.size() >= 20u);
  std::vector<double> limit(wanted.size());
  for (auto side : sides) {
    const auto other = uptrained("eigen", moved(at("teacher"), side), "eigen-" + std::to_string(side));
    double most = 0;  // so far: what one step moved, the next ones inherit
    for (std::size_t i = 0; i < other.size(); ++i)
      most = std::max(most, std::abs(other[i] - wanted[i])), limit[i] = std::max(limit[i], few * most);
  }
  for (std::size_t i = 0; i < found.size(); ++i)
    BOOST_TEST(std::abs(found[i] - wanted[i]) <= limit[i],
               "step " << i << ": " << found[i] << ", CPU " << wanted[i] << ", at most " << limit[i] << " apart");
  // the same model on both
  const auto loss = [&](const std::string& on, const std::string& model) -> double {
    return told("evaluate --backend " + on + " --model " + model + " --text " + at("text")).at("loss_nats_per_token");
  };
  const double there = loss("cuda", at("cuda")), here = loss("eigen", at("cuda"));
  double apart = 0;
  for (auto side : sides) apart = std::max(apart, few * std::abs(loss("eigen", moved(at("cuda"), side)) - here));
  BOOST_TEST(std::abs(there - here) <= apart, there << ", eigen " << here << ", at most " << apart << " apart");
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
