// What an experiment's file becomes, with flags and without, what is refused of it, and how its runs are summed up.
#include "test.hpp"

#include "../../examples/supra/experiment/file.cpp"
#include "../../examples/supra/experiment/run.cpp"
#include "../../examples/supra/experiment/settings.cpp"
#include "../../examples/supra/experiment/summary.cpp"

#include "experiment.hpp"
#include "program.hpp"

using namespace supra_test;
using nlohmann::json;
namespace ex = supra::program::experiments;

const std::vector<ex::embedded_file> ex::embedded = {{"carried", "{}"}};  // the program's own are asked of the program

namespace {

std::string refusal(const std::string& text) {
  try {
    ex::read_experiment(text, "e.json");
  } catch (const supra::io::error& e) { return e.what(); }
  return "";
}

}  // namespace

BOOST_AUTO_TEST_CASE(mean_and_sample_deviation) {
  const auto s = ex::statistics_of({2, 4, 4, 4, 5, 5, 7, 9});
  BOOST_TEST(s.n == 8u);
  BOOST_TEST(s.mean == 5.0);
  BOOST_TEST(s.deviation == std::sqrt(32.0 / 7), boost::test_tools::tolerance(1e-15));
  const auto far = ex::statistics_of({1e9 + 1, 1e9 + 2, 1e9 + 3});  // no difference of large squares
  BOOST_TEST(far.deviation == 1.0);
  const auto one = ex::statistics_of({3, NAN, INFINITY});
  BOOST_TEST(one.n == 1u);
  BOOST_TEST(one.mean == 3.0);
  BOOST_TEST(std::isnan(one.deviation));
  BOOST_TEST(ex::statistics_of({}).n == 0u);
  BOOST_TEST(std::isnan(ex::statistics_of({}).mean));
  const auto d = ex::difference_of({1, 12, 103}, {0, 10, 100});  // 1, 2, 3
  BOOST_TEST(d.mean == 2.0);
  BOOST_TEST(d.deviation == 1.0);
  BOOST_TEST(ex::difference_of({1, NAN}, {0, 0}).n == 1u);
}

BOOST_AUTO_TEST_CASE(a_file_becomes_an_experiment) {
  auto e = ex::read_experiment(file_with(two, small + R"(, "seeds": 2, "measure": ["recovered", "time"])"), "e.json");
  BOOST_TEST(e.baseline == "supra");
  BOOST_TEST(e.made_up());
  BOOST_TEST((e.measures("time") && !e.measures("recall")));
  supra::program::experiment_options o;
  o.tokens = 4096, o.seeds = 5, o.set = {"lr=3e-4", "recipe=paper", "evaluate_at=[1,2]"}, o.variants = {"faded"};
  ex::take_flags(e, o);
  BOOST_TEST(e.variants.size() == 1u);
  BOOST_TEST(e.baseline == "faded");
  BOOST_TEST(e.seeds == 5);
  const auto u = ex::uptrain_of(e.variants[0].settings, "faded");
  BOOST_TEST(u.attention == "supra-retnet");
  BOOST_TEST(u.recipe == "paper");
  BOOST_TEST(u.train.tokens == 4096);
  BOOST_TEST(u.train.lr == 3e-4);
  BOOST_TEST((u.evaluate_at == std::vector<std::int64_t>{1, 2}));
  o = {}, o.teachers = {"a/small", "b/large.gguf"};
  BOOST_CHECK_THROW(ex::take_flags(e, o), supra::io::error);  // no text
  o.text = {"t"};
  ex::take_flags(e, o);
  BOOST_TEST(e.teachers.size() == 2u);
  BOOST_TEST(e.teachers[1].name == "large");
}

BOOST_AUTO_TEST_CASE(what_is_trained_from_nothing) {
  // the baseline's shape, by a recipe that takes no weights of a distillation
  auto e = ex::read_experiment(
      file_with(
          R"({"name": "a", "recipe": "distill", "kl": 1, "ce": 0.1, "transfer_share": 0.2, "lr": 1e-3, "attention": "gated"})"),
      "e.json");
  ex::take_flags(e, {});
  const json wanted = {{"attention", "gated"}, {"recipe", "scratch"}};
  BOOST_TEST(json(e.from_nothing) == wanted);
  BOOST_TEST(e.shape_of_scratch == "a");
  // a variant of that name is itself, also where it is not asked for
  e = ex::read_experiment(
      file_with(R"({"name": "a"}, {"name": "scratch", "recipe": "scratch", "lr_scratch": 3e-3, "seq": 64})"), "e.json");
  supra::program::experiment_options o;
  o.variants = {"a"}, o.set = {"batch=2", "held_out=0.2"};
  ex::take_flags(e, o);
  const json own = {{"batch", 2}, {"held_out", 0.2}, {"recipe", "scratch"}, {"lr_scratch", 3e-3}, {"seq", 64}};
  BOOST_TEST(json(e.from_nothing) == own);
  BOOST_TEST(e.shape_of_scratch == "scratch");
  BOOST_TEST((e.lengths == std::vector<std::int64_t>{0, 64}));  // the window is the same with or without --variants
  BOOST_TEST(e.teachers.front().made.held_out == 0.2);          // what the runs hold out, their teacher does
}

BOOST_AUTO_TEST_CASE(a_flag_that_changes_nothing_is_refused) {
  const auto flags = [](const std::string& variants, supra::program::experiment_options o) {
    auto e = ex::read_experiment(file_with(variants), "e.json");
    try {
      ex::take_flags(e, o);
    } catch (const supra::io::error& error) { return std::string(error.what()); }
    return std::string();
  };
  const std::string all = R"({"name": "a", "seq": 32, "tokens": 64}, {"name": "b", "seq": 64, "tokens": 64})",
                    some = R"({"name": "a", "seq": 32}, {"name": "b"})";
  supra::program::experiment_options set, tokens;
  set.set = {"seq=16"}, tokens.tokens = 128;
  BOOST_TEST(flags(all, set).starts_with("--set seq=16: every variant has a \"seq\" of its own"));
  BOOST_TEST(flags(all, tokens).starts_with("--tokens 128: every variant has a \"tokens\" of its own"));
  BOOST_TEST(flags(some, set) == "");
  BOOST_TEST(flags(some, tokens) == "");
  set.variants = {"a"};
  BOOST_TEST(flags(some, set).starts_with("--set seq=16: every"));
}

BOOST_AUTO_TEST_CASE(teachers_are_named_by_their_files) {
  auto e = ex::read_experiment(file_with(two), "e.json");
  supra::program::experiment_options o;
  o.text = {"t"}, o.teachers = {"m/Llama-3.2-1B", "m/Llama-3.2-3B/", "m/a.b.gguf", "m/c.bin"};
  ex::take_flags(e, o);
  std::vector<std::string> names;
  for (auto& t : e.teachers) names.push_back(t.name);
  BOOST_TEST((names == std::vector<std::string>{"Llama-3.2-1B", "Llama-3.2-3B", "a.b", "c"}));
}

// One that lacks a seed is told so, and comes after those that have them all.
BOOST_AUTO_TEST_CASE(means_over_fewer_seeds_are_not_ranked_as_equals) {
  auto e = ex::read_experiment(file_with(two), "e.json");
  ex::take_flags(e, {});
  std::vector<ex::run> runs;
  for (auto& [name, seed, loss] : {std::tuple{"supra", 0, 2.0}, {"supra", 1, 3.0}, {"faded", 0, 1.0}, {"faded", 1, 0.0}}) {
    ex::run r;
    r.variant = name, r.seed = seed;
    if (loss > 0) r.log.result = {{"event", "result"}, {"student_loss", loss}};
    else r.failure = "it failed";
    r.recall["recall"]["copies"] = {{"gain", -1}, {"gain_of_unseen", 0.25}};  // what a sudden beginning costs is in the first
    runs.push_back(r);
  }
  auto s = ex::summarise(e, runs);
  BOOST_TEST_REQUIRE(s.rows.size() == 2u);
  BOOST_TEST((s.rows[0].variant == "supra" && s.whole(s.rows[0]) && !s.whole(s.rows[1])));
  BOOST_TEST(ex::table_text(s).find("faded (1 of 2 failed)  1.000 (1 of 2)") != std::string::npos, ex::table_text(s));
  BOOST_TEST(ex::table_text(s).find("2.500 ± 0.707   –") != std::string::npos, ex::table_text(s));
  BOOST_TEST(ex::told(s, runs).at("variants")[0].at("copies_gain_of_unseen").at("mean") == 0.25);
  // the phase that it failed in: the last that has steps
  const auto step = [](double number) { return supra::program::report::step{number, 0, 0, 0, 0, 0, 0}; };
  const auto failed = [&] { return ex::told(s, runs).at("runs").back(); };
  BOOST_TEST(!failed().contains("failed_at_step"));
  runs.back().log.steps["transfer"] = {step(3), step(4)};
  BOOST_TEST((failed().at("failed_at_step") == 5 && failed().at("failed_phase") == "transfer"));
  runs.back().log.steps["uptrain"] = {step(1)};
  BOOST_TEST((failed().at("failed_at_step") == 2 && failed().at("failed_phase") == "uptrain"));
}

BOOST_AUTO_TEST_CASE(the_file_in_the_documentation_can_be_read) {
  const std::string page = bytes_of(fs::path(SUPRA_TESTS_DIR) / "../docs/experiments.md");
  const auto from = page.find("```json\n") + 8;
  const auto e = ex::read_experiment(page.substr(from, page.find("```", from) - from), "experiments.md");
  BOOST_TEST(e.variants.size() == 3u);
  BOOST_TEST(e.teachers.front().made.dim == 32);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_in_a_file_is_a_sentence) {
  BOOST_TEST(
      refusal(file_with(two, R"(, "sedes": 3)")).starts_with("e.json: the key \"sedes\" is not known; known are name, title"));
  BOOST_TEST(
      refusal(file_with(two, R"(, "settings": {"weight": 1})")) ==
      "e.json, settings: the setting \"weight\" is not known; known are attention, kv_heads, recipe, tokens, seq, batch, "
      "accumulate, lr, lr_scratch, weight_decay, clip, z_loss, held_out, evaluate_windows, evaluate_at, checkpoint_every, "
      "fit_tokens, transfer_share, kl, ce, window_dropout, sampled, scratch (uptrain's flags, with _ for -)");
  const auto says = [](const std::string& text, const std::string& part) {
    const auto said = refusal(text);
    BOOST_TEST(said.find(part) != said.npos, "expected \"" << part << "\", found \"" << said << "\"");
  };
  says(file_with(R"({"name": "a", "colour": 1})"), "variants 1: the setting \"colour\" is not known");
  says(file_with(R"({"name": "a"}, {"name": "a"})"), "variants 2: the name \"a\" is there twice");
  says(file_with(R"({"name": "a/b"})"), "must be letters, digits");
  says(file_with(R"({"name": "a", "held_out": 0.1})"), "is a setting of all variants");
  says(file_with(R"({"attention": "supra"})"), "\"name\" is missing");
  says(file_with(two, R"(, "baseline": "b")"), "the baseline \"b\" is not the name of a variant");
  says(file_with(two, R"(, "measure": ["speed"])"), "the measure \"speed\" is not known; known are held_out");
  says(file_with(two, R"(, "seeds": 0)"), "\"seeds\" must be from 1 to 1000, found 0");
  says(file_with(two, R"(, "settings": {"tokens": 1e5})"), "\"tokens\" must be an integer");
  says(file_with(two, R"(, "settings": {"lr": 0})"), "\"lr\" must be above 0, found 0");
  says(file_with(two, R"(, "settings": {"held_out": 1})"), "\"held_out\" must be from 0 to 0.9, found 1");
  says(file_with(two, R"(, "settings": {"evaluate_at": [-1]})"), "must be a list of counts");
  says(file_with(two, R"(, "teacher": {"width": 3})"),
       "teacher: the key \"width\" is not known; known are name, path, tokenizer, dim");
  says(file_with(two, R"(, "teacher": {"dim": 0})"), "\"dim\" must be from 1 to 65536, found 0");
  says(file_with(two, R"(, "teacher": {"dim": 30})"), "\"dim\" 30 must be a multiple of twice the \"heads\" 4");
  says(file_with(two, R"(, "teacher": {"kv_heads": 3})"), "\"heads\" 4 must be a multiple of \"kv_heads\" 3");
  says(file_with(two, R"(, "teacher": "model.bin")"), "needs \"text\"");
  says(file_with(two, R"(, "teacher": {"tokenizer": "t"})"), "\"tokenizer\" goes with a \"path\"");
  says(file_with(two, R"(, "teachers": [{"name": "a"}, {"name": "b", "path": "x"}], "text": "t")"), "make two experiments");
  says(R"({"name": "a", "name": "b"})", "the key \"name\" is there twice");
  says(R"({"name": "a", "title": "b"})", "\"question\" is missing");
  says(file_with(""), "\"variants\" must be a list, not empty");
}

BOOST_AUTO_TEST_CASE(the_experiments_that_the_program_carries_can_be_read) {
  const auto list = supra_test::supra("experiment --list");
  BOOST_TEST_REQUIRE(list.code == 0, list.err);
  const std::set<std::string> wanted = {"normalizer", "feature", "position", "decay", "size",
                                        "context",    "scratch", "exact",    "recipe", "hybrid"};
  std::set<std::string> told;
  std::istringstream lines(list.out);
  for (std::string line; std::getline(lines, line);) told.insert(line.substr(0, line.find(':')));
  BOOST_TEST((told == wanted));
  for (auto& name : told) {
    const auto shown = supra_test::supra("experiment --show " + name);
    BOOST_TEST(ex::read_experiment(shown.out, name).name == name);
  }
  BOOST_TEST(supra_test::supra("experiment").err.find("supra experiment --list") != std::string::npos);
  const auto unknown = supra_test::supra("experiment nothing");
  BOOST_TEST(unknown.code == 1);
  BOOST_TEST(unknown.err.find("there is no experiment \"nothing\", and no file of this name; there are context, decay") !=
             std::string::npos);
}
