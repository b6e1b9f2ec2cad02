// --weights of generate and evaluate: what they say, what they cost, and that states go from one kind to another.
#include <cmath>
#include <nlohmann/json.hpp>

#include "program.hpp"
#include "test.hpp"

using namespace supra_test;
using nlohmann::json;

namespace {
struct place {
  temporary_folder folder;
  std::string model = folder / "model", text = folder / "text", state = folder / "state";
  place() {
    auto c = tiny_config();
    c.linear = true;
    make_model(model, c), ::supra::io::write_file(text, made_up_text(20));
  }
};
place& here() {
  static place p;
  return p;
}
ended generate(const std::string& more) {
  const auto e = supra_test::supra("generate --ignore-end --tokens 12 --model " + here().model + " " + more);
  BOOST_TEST_REQUIRE(e.code == 0, more << ": " << e.err);
  return e;
}
json evaluate(const std::string& more) {
  const auto e = supra_test::supra("evaluate --json - --model " + here().model + " --text " + here().text + " " + more);
  BOOST_TEST_REQUIRE(e.code == 0, more << ": " << e.err);
  BOOST_TEST(e.err == "");
  return json::parse(e.out);
}
}  // namespace

BOOST_AUTO_TEST_CASE(generate_says_what_the_weights_take) {
  BOOST_TEST(generate("--prompt a").err == "");
  for (const std::string kind : {"bf16", "int8"}) {
    const auto e = generate("--prompt a --weights " + kind);
    BOOST_TEST(e.err.find("weights: " + kind + ", ") == 0u, e.err);
    BOOST_TEST(e.err.find("MB instead of") != std::string::npos, e.err);
    BOOST_TEST(e.out.size() > 1u);
  }
}

BOOST_AUTO_TEST_CASE(evaluate_says_what_they_cost) {
  for (const std::string over : {"", " --window 40"}) {
    const auto plain = evaluate(over);
    BOOST_TEST(!plain.contains("cost_nats_per_token"));
    for (const std::string kind : {"bf16", "int8"}) {
      const auto few = evaluate(over + " --weights " + kind);
      const double loss = few.at("loss_nats_per_token"), f32 = few.at("loss_f32"), cost = few.at("cost_nats_per_token");
      BOOST_TEST(f32 == plain.at("loss_nats_per_token").get<double>());
      BOOST_TEST(few.at("tokens") == plain.at("tokens"));
      BOOST_TEST(cost == loss - f32);
      BOOST_TEST(cost != 0);  // it is the packed weights that were measured
      BOOST_TEST(std::abs(cost) < 0.01);
      BOOST_TEST(few.at("weights").get<std::string>().find(kind + ", ") == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(states_go_from_one_kind_to_another) {
  generate("--prompt ab --save-state " + here().state);
  for (const std::string kind : {"f32", "bf16", "int8"}) generate("--weights " + kind + " --load-state " + here().state);
}

BOOST_AUTO_TEST_CASE(an_unknown_kind_is_refused) {
  for (const std::string& command : {std::string("generate --prompt a"), "evaluate --text " + here().text}) {
    const auto e = supra_test::supra(command + " --weights int4 --model " + here().model);
    BOOST_TEST(e.code != 0);
    BOOST_TEST(e.out == "");
    for (const char* part : {"--weights", "int4", "f32", "bf16", "int8"})
      BOOST_TEST(e.err.find(part) != std::string::npos, e.err);
  }
}
