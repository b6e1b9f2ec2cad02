// The recipes that have names, and how their steps share tokens.
#include "supra/train/recipe.hpp"

#include "../io/temporary.hpp"
#include "test.hpp"

using namespace supra::train;
using supra_test::says;

BOOST_AUTO_TEST_CASE(named_recipes_have_their_steps) {
  const auto steps = [](const char* name) {
    std::string all;
    for (auto& s : recipe_named(name).steps) all += "ftxd"[s.index()];
    return all;
  };
  BOOST_TEST(steps("paper") == "x");
  BOOST_TEST(steps("fit") == "fx");
  BOOST_TEST(steps("transfer") == "ftx");
  BOOST_TEST(steps("distill") == "ftd");
  BOOST_TEST(steps("scratch") == "x");
  for (auto& r : recipes()) {
    BOOST_TEST(r.from_teacher == (r.name != "scratch"));
    BOOST_TEST((std::holds_alternative<text_step>(r.steps.back()) || std::holds_alternative<distill_step>(r.steps.back())));
  }
  BOOST_CHECK_EXCEPTION(recipe_named("cake"), std::invalid_argument, says("paper, fit, transfer, distill, scratch"));
}

BOOST_AUTO_TEST_CASE(rates) {
  const auto d = recipe_named("distill");
  BOOST_TEST(d.find<distill_step>()->weights.kl == 1);
  BOOST_TEST(d.find<distill_step>()->weights.ce == 0.1);
  BOOST_TEST(d.find<distill_step>()->weights.z == 0);
  BOOST_TEST(d.find<distill_step>()->rates.weight_decay == 0);
  BOOST_TEST(d.find<transfer_step>()->rates.weight_decay == 0);
  BOOST_TEST(d.find<transfer_step>()->rates.output_share == 0.3);
  BOOST_TEST(d.find<transfer_step>()->rates.lr == 1e-3);
  BOOST_TEST((d.find<text_step>() == nullptr));
  const auto p = recipe_named("paper");
  BOOST_TEST(p.find<text_step>()->z == 1e-4);
  BOOST_TEST(p.find<text_step>()->rates.weight_decay == 0.1);
  BOOST_TEST(p.find<text_step>()->rates.output_share == 1);
}

BOOST_AUTO_TEST_CASE(the_transfer_takes_its_share) {
  auto r = recipe_named("transfer");
  BOOST_TEST(transfer_steps(r, 100) == 15);
  BOOST_TEST(transfer_steps(r, 61) == 9);
  BOOST_TEST(transfer_steps(r, 3) == 0);
  BOOST_TEST(transfer_steps(r, 1) == 0);
  r.find<transfer_step>()->share = 0.99;
  BOOST_TEST(transfer_steps(r, 10) == 9);  // the whole keeps a step
  BOOST_TEST(transfer_steps(r, 1) == 0);
  r.find<transfer_step>()->share = 0;
  BOOST_TEST(transfer_steps(r, 100) == 0);
  BOOST_TEST(transfer_steps(recipe_named("fit"), 100) == 0);
}

BOOST_AUTO_TEST_CASE(what_the_teacher_sees) {
  BOOST_TEST(teacher_tokens(recipe_named("paper"), 10, 0, 1000) == 0);
  BOOST_TEST(teacher_tokens(recipe_named("fit"), 10, 0, 1000) == 10);
  BOOST_TEST(teacher_tokens(recipe_named("transfer"), 10, 150, 1000) == 160);
  BOOST_TEST(teacher_tokens(recipe_named("distill"), 10, 150, 1000) == 1010);
}
