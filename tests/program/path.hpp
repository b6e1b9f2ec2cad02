// The program's whole path, from no model to an RNN, and what its runs log.
#pragma once

#include "test.hpp"

#include "program.hpp"

#include <nlohmann/json.hpp>

namespace supra_test {
using nlohmann::json;

// The whole path, once for all cases of a test: a transformer from nothing, its RNN.
struct path {
  temporary_folder folder;
  std::string text, teacher, student;
  ended pretrained, uptrained;
  path() : text(folder / "text"), teacher(folder / "teacher"), student(folder / "student") {
    supra::io::write_file(text, made_up_text(60));
    pretrained = run("pretrain --text " + text + " --out " + teacher +
                     " --dim 16 --layers 1 --heads 2 --kv-heads 2 --hidden 32 --seq 32 --tokens 4096 --batch 4 --lr 0.01");
    uptrained = run("uptrain --attention supra --scratch --teacher " + teacher + " --text " + text + " --out " + student +
                    " --tokens 4096 --batch 4 --fit-tokens 2048 --evaluate-at 1024,2048");
  }
  static ended run(const std::string& arguments) {
    const auto e = supra_test::supra(arguments);
    BOOST_TEST_REQUIRE(e.code == 0, arguments << ": " << e.err);
    BOOST_TEST(e.err == "", arguments << ": " << e.err);
    return e;
  }
  double loss(const std::string& model, const std::string& more = "") const {
    const std::string file = folder / "loss.json";
    run("evaluate --text " + text + " --model " + model + " --json " + file + " " + more);
    return json::parse(bytes_of(file)).at("loss_nats_per_token").get<double>();
  }
};
inline path& made() {
  static path p;
  return p;
}

// The log of a run.
inline std::vector<json> lines(const std::string& folder) {
  std::vector<json> all;
  const std::string bytes = bytes_of(folder + "/log.jsonl");
  BOOST_TEST((!bytes.empty() && bytes.back() == '\n'));
  std::istringstream in(bytes);
  for (std::string line; std::getline(in, line);) all.push_back(json::parse(line));
  return all;
}
inline std::vector<json> events(const std::string& folder, const std::string& event) {
  auto all = lines(folder);
  std::erase_if(all, [&](auto& line) { return line.at("event") != event; });
  return all;
}

}  // namespace supra_test
