#include "supra/evaluate/mmlu.hpp"

#include "../io/temporary.hpp"
#include "test.hpp"

using namespace supra::evaluate;

BOOST_AUTO_TEST_CASE(five_examples_come_before) {
  const auto row = [](const std::string& question, std::int64_t answer) {
    const supra::io::json r{
        {"question", question}, {"subject", "high_school_physics"}, {"choices", {"w", "x", "y", "z"}}, {"answer", answer}};
    return mmlu_row(fields(r, "line"));
  };
  std::vector<mmlu_question> shown;
  for (int i = 0; i < 6; ++i) shown.push_back(row("Q" + std::to_string(i) + " ", i % 4));
  const auto all = mmlu({row(" Why? ", 3)}, shown, "the dev file");
  std::string wanted = "The following are multiple choice questions (with answers) about high school physics.\n\n";
  for (int i = 0; i < 5; ++i)
    wanted += "Q" + std::to_string(i) + "\nA. w\nB. x\nC. y\nD. z\nAnswer: " + std::string(1, "ABCD"[i % 4]) + "\n\n";
  wanted += "Why?\nA. w\nB. x\nC. y\nD. z\nAnswer:";
  BOOST_TEST_REQUIRE(all.size() == 1u);
  BOOST_TEST(all[0].requests[2].context == wanted);
  BOOST_TEST(all[0].requests[2].continuation == " C");
  BOOST_TEST(all[0].gold == 3);
  shown.resize(4);
  BOOST_CHECK_EXCEPTION(mmlu({row("Why?", 3)}, shown, "the dev file"), supra::io::error,
                        supra_test::says("the dev file: has 4 questions of the subject \"high_school_physics\""));
}
