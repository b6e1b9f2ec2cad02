// generate --batch: the texts are those that as many runs write, one after another.
#include <nlohmann/json.hpp>
#include <set>

#include "program.hpp"
#include "test.hpp"

using namespace supra_test;
using nlohmann::json;

namespace {
struct place {
  temporary_folder folder;
  std::string teacher = folder / "teacher", student = folder / "student", hybrid = folder / "hybrid", state = folder / "state",
              file = folder / "json";
  place() {
    auto c = tiny_config();
    make_model(teacher, c), c.linear = true, make_model(student, c), c.attention.window = 6, make_model(hybrid, c);
  }
};
place& here() {
  static place p;
  return p;
}
std::string written(const std::string& arguments) {
  const auto e = supra_test::supra("generate " + arguments);
  BOOST_TEST_REQUIRE(e.code == 0, arguments << ": " << e.err);
  BOOST_TEST(e.err == "");
  return e.out;
}
std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (auto& t : texts) all += (all.empty() ? "" : "<|endoftext|>\n") + t;
  return all;
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_batch_of_one_is_no_batch) {
  for (auto& model : {here().teacher, here().student, here().hybrid})
    for (const std::string how : {"", " --temperature 0.9 --top-p 0.8 --seed 3"}) {
      const std::string run = "--model " + model + " --prompt 'a b' --tokens 30" + how;
      BOOST_TEST(written(run + " --batch 1") == written(run));
    }
}

BOOST_AUTO_TEST_CASE(each_text_is_what_a_run_of_its_own_writes) {
  for (auto& model : {here().teacher, here().student, here().hybrid})
    for (const std::string weights : {"f32", "int8"}) {
      const std::string run = "--ignore-end --tokens 40 --prompt 'a b' --model " + model + " --weights " + weights;
      const auto e = supra_test::supra("generate --batch 3 " + run), alone = supra_test::supra("generate " + run);
      BOOST_TEST((e.code == 0 && alone.code == 0));
      BOOST_TEST(e.out == joined({alone.out, alone.out, alone.out}));
    }
}

// A text ends with a chance of 2 in 258 a token, so most of these end somewhere on the way and some do not.
BOOST_AUTO_TEST_CASE(drawn_texts_have_the_seeds_that_follow) {
  for (auto& model : {here().teacher, here().student}) {
    const std::string run = "--tokens 100 --temperature 1 --prompt 'a b' --model " + model;
    std::vector<std::string> alone;
    for (int i = 0; i < 6; ++i) alone.push_back(written(run + " --seed " + std::to_string(20 + i)));
    BOOST_TEST(written(run + " --seed 20 --batch 6 --json " + here().file) == joined(alone));
    const auto said = json::parse(bytes_of(here().file));
    const auto& texts = said.at("texts");
    BOOST_TEST_REQUIRE(texts.size() == alone.size());
    BOOST_TEST(said.at("prompt") == "a b");
    BOOST_TEST(said.at("tokens_per_second").get<double>() > 0);
    std::set<std::string> different;
    int ended = 0;
    for (std::size_t i = 0; i < alone.size(); ++i) {
      BOOST_TEST(texts[i].at("seed") == 20 + i);
      BOOST_TEST(texts[i].at("ended") == (texts[i].at("tokens") < 100));
      BOOST_TEST(texts[i].at("tokens") == alone[i].size() - std::string("a b\n").size());  // tokens are bytes
      ended += texts[i].at("ended").get<bool>();
      different.insert(alone[i]);
    }
    BOOST_TEST((ended > 0 && ended < 6), ended << " of 6 texts ended: the case shows nothing");
    BOOST_TEST(different.size() == alone.size());
  }
}

BOOST_AUTO_TEST_CASE(many_ways_on_from_a_saved_text) {
  for (auto& model : {here().teacher, here().student, here().hybrid}) {
    const std::string of = "--ignore-end --temperature 1 --model " + model;
    written(of + " --prompt 'a b' --tokens 5 --save-state " + here().state);
    const std::string run = of + " --tokens 20 --load-state " + here().state;
    BOOST_TEST(written(run + " --batch 2 --seed 7") == joined({written(run + " --seed 7"), written(run + " --seed 8")}));
  }
}

BOOST_AUTO_TEST_CASE(json_alone_on_standard_output) {
  for (const std::string batch : {"1", "2"}) {
    const auto said = json::parse(written("--model " + here().student + " --prompt a --tokens 9 --json - --batch " + batch));
    BOOST_TEST(said.at("texts").size() == std::stoul(batch));
  }
}
