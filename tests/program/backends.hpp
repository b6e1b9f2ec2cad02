// The program on two backends: the same losses, to float's rounding, and the same greedy text.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>

#include "program.hpp"
#include "test.hpp"

namespace supra_test {

inline nlohmann::json told(const std::string& arguments) {
  const auto e = supra_test::supra(arguments + " --json -");
  BOOST_TEST_REQUIRE(e.code == 0, arguments << ": " << e.err);
  return nlohmann::json::parse(e.out);
}

// Sums of some thousand terms in other orders: a loss of order 1 agrees to a few 1e-6; training steps carry that on.
inline void agrees(const std::string& backend) {
  const temporary_folder folder;
  const auto at = [&](const char* name) { return (folder / name).string(); };
  ::supra::io::write_file(folder / "text", made_up_text(60));
  auto c = tiny_config();
  make_model(folder / "teacher", c);
  double losses[2];
  int i = 0;
  for (const std::string& on : {std::string("eigen"), backend}) {
    const std::string out = at(on.c_str());
    const auto run = supra_test::supra("uptrain --backend " + on + " --teacher " + at("teacher") + " --text " + at("text") +
                                       " --out " + out + " --tokens 1024 --batch 4 --fit-tokens 1024 --evaluate-at 512");
    BOOST_TEST_REQUIRE(run.code == 0, run.err);
    losses[i++] = told("evaluate --backend " + on + " --model " + out + " --text " + at("text")).at("loss_nats_per_token");
  }
  BOOST_TEST(std::abs(losses[1] - losses[0]) < 1e-4 * losses[0], backend << ": " << losses[1] << ", eigen: " << losses[0]);

  const std::string model = data_dir().empty() ? at("eigen") : data_dir() + "/weights/stories260K.bin";
  const std::string with =
      " --model " + model + (data_dir().empty() ? "" : " --tokenizer " + data_dir() + "/tokenizers/tok512.bin");
  const std::string text = data_dir().empty() ? at("text") : data_dir() + "/text/tinystories_train_2m.txt";
  std::string said[2];
  i = 0;
  for (const std::string& on : {std::string("eigen"), backend}) {
    losses[i] = told("evaluate --backend " + on + with + " --limit 8 --text " + text).at("loss_nats_per_token");
    const auto written = supra_test::supra("generate --ignore-end --backend " + on + with + " --prompt Once --tokens 24");
    BOOST_TEST_REQUIRE(written.code == 0, written.err);
    said[i++] = written.out;
  }
  BOOST_TEST(std::abs(losses[1] - losses[0]) < 1e-5 * losses[0], backend << ": " << losses[1] << ", eigen: " << losses[0]);
  BOOST_TEST(said[0].size() > 24u);
  BOOST_TEST(said[1] == said[0]);
  if (data_dir().empty()) left_out("the losses and texts of stories260K");
}

}  // namespace supra_test
