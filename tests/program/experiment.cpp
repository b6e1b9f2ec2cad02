#include "test.hpp"

#include "../../examples/supra/experiment/file.cpp"
#include "../../examples/supra/experiment/run.cpp"
#include "../../examples/supra/experiment/settings.cpp"
#include "../../examples/supra/experiment/summary.cpp"

#include "program.hpp"

#include <regex>

using namespace supra_test;
using nlohmann::json;
namespace ex = supra::program::experiments;

const std::vector<ex::embedded_file> ex::embedded = {{"carried", "{}"}};  // the program's own are asked of the program

namespace {

std::string file_with(const std::string& variants, const std::string& more = "") {
  return R"({"name": "tiny", "title": "A title <b>", "question": "Which one?", "variants": [)" + variants + "]" + more + "}";
}
const std::string two = R"({"name": "supra"}, {"name": "faded", "attention": "supra-retnet"})";
const std::string small =
    R"(, "settings": {"tokens": 1024, "seq": 32, "batch": 4, "fit_tokens": 512, "evaluate_windows": 8, "lr": 1e-3})";

std::string refusal(const std::string& text) {
  try {
    ex::read_experiment(text, "e.json");
  } catch (const supra::io::error& e) { return e.what(); }
  return "";
}

// A teacher and a text, once for all cases; each case has a folder for its experiments.
struct place {
  temporary_folder folder;
  place() {
    supra::io::write_file(folder / "text", made_up_text(60));
    const auto e = supra_test::supra("pretrain --text " + at("text") + " --out " + at("teacher") +
                                     " --dim 16 --layers 1 --heads 2 --kv-heads 2 --hidden 32 --seq 32 --tokens 8192 --batch 4 --lr 0.01");
    BOOST_TEST_REQUIRE(e.code == 0, e.err);
  }
  std::string at(const std::string& name) const { return (folder / name).string(); }
  std::string file(const std::string& name, const std::string& text) const {
    supra::io::write_file(folder / name, text, supra::io::existing::overwrite);
    return at(name);
  }
  std::string flags(const std::string& out) const {
    return " --teacher " + at("teacher") + " --text " + at("text") + " --out " + at(out) + " ";
  }
  ended run(const std::string& file, const std::string& out, const std::string& more = "") const {
    return supra_test::supra("experiment " + file + flags(out) + more);
  }
  json found(const std::string& out) const { return json::parse(bytes_of(at(out) + "/experiment.json")); }
};
// Killed once a condition of the shell's holds.
ended killed_when(const std::string& condition, const std::string& command) {
  return shell("\"$supra\" " + command + " & run=$!\nuntil " + condition +
               " || ! kill -0 $run 2>/dev/null; do sleep 0.01; done\nkill -9 $run; wait $run");
}

place& here() {
  static place p;
  return p;
}

const json& run_of(const json& found, const std::string& variant, int seed) {
  for (auto& r : found.at("runs"))
    if (r.at("variant") == variant && r.at("seed") == seed) return r;
  BOOST_FAIL("no run " << variant << " " << seed);
  return found;
}
const json& variant_of(const json& found, const std::string& name) {
  for (auto& v : found.at("variants"))
    if (v.at("variant") == name) return v;
  BOOST_FAIL("no variant " << name);
  return found;
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
      file_with(R"({"name": "a", "recipe": "distill", "kl": 1, "ce": 0.1, "transfer_share": 0.2, "lr": 1e-3, "attention": "gated"})"), "e.json");
  ex::take_flags(e, {});
  const json wanted = {{"attention", "gated"}, {"recipe", "scratch"}};
  BOOST_TEST(json(e.from_nothing) == wanted);
  BOOST_TEST(e.shape_of_scratch == "a");
  // a variant of that name is itself, also where it is not asked for
  e = ex::read_experiment(file_with(R"({"name": "a"}, {"name": "scratch", "recipe": "scratch", "lr_scratch": 3e-3, "seq": 64})"), "e.json");
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
  const std::string all = R"({"name": "a", "seq": 32, "tokens": 64}, {"name": "b", "seq": 64, "tokens": 64})", some = R"({"name": "a", "seq": 32}, {"name": "b"})";
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
  BOOST_TEST(refusal(file_with(two, R"(, "sedes": 3)")).starts_with("e.json: the key \"sedes\" is not known; known are name, title"));
  BOOST_TEST(refusal(file_with(two, R"(, "settings": {"weight": 1})")) ==
             "e.json, settings: the setting \"weight\" is not known; known are attention, recipe, tokens, seq, batch, accumulate, lr, "
             "lr_scratch, weight_decay, clip, z_loss, held_out, evaluate_windows, evaluate_at, checkpoint_every, fit_tokens, "
             "transfer_share, kl, ce, sampled, scratch (uptrain's flags, with _ for -)");
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
  says(file_with(two, R"(, "teacher": {"width": 3})"), "teacher: the key \"width\" is not known; known are name, path, tokenizer, dim");
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
  const std::set<std::string> wanted = {"normalizer", "feature", "position", "decay", "size", "context", "scratch", "exact", "recipe",
                                        "hybrid"};
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

BOOST_AUTO_TEST_CASE(two_variants_with_two_seeds) {
  auto& p = here();
  const auto file = p.file("two.json", file_with(two, small + R"(, "seeds": 2, "measure": ["recovered", "by_position", "time"], "window": 64)"));
  const auto e = p.run(file, "two");
  BOOST_TEST_REQUIRE(e.code == 0, e.err);
  BOOST_TEST(e.err == "");
  BOOST_TEST(e.out.starts_with("variant"));
  for (auto part : {"supra", "faded", "scratch", " ± ", "json: ", "report: "}) BOOST_TEST(e.out.find(part) != std::string::npos, part);
  BOOST_TEST(e.out.find("held-out loss 3") == std::string::npos);  // what single runs say
  const json found = p.found("two");
  BOOST_TEST(found.at("runs").size() == 6u);
  for (std::string name : {"supra", "faded", "scratch"}) {
    std::vector<double> losses;
    for (int seed : {0, 1}) {
      const auto& r = run_of(found, name, seed);
      BOOST_TEST(r.at("state") == "ended");
      BOOST_TEST(r.at("student_tokens") == 1024);
      losses.push_back(r.at("student_loss").get<double>());
      BOOST_TEST(r.at("by_position").at("window") == 64);
      BOOST_TEST(r.at("curve").back().at("loss") == r.at("student_loss"));
      const double scratch = run_of(found, "scratch", seed).at("student_loss").get<double>();
      if (name != "scratch")
        BOOST_TEST(r.at("recovered").get<double>() == (scratch - losses.back()) / (scratch - r.at("teacher_loss").get<double>()),
                   boost::test_tools::tolerance(1e-12));
    }
    BOOST_TEST(losses[0] != losses[1]);
    const auto& loss = variant_of(found, name).at("loss");
    const auto s = ex::statistics_of(losses);
    BOOST_TEST(loss.at("mean").get<double>() == s.mean, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(loss.at("deviation").get<double>() == s.deviation, boost::test_tools::tolerance(1e-9));
    BOOST_TEST(loss.at("n") == 2);
  }
  BOOST_TEST(variant_of(found, "faded").at("difference").at("n") == 2);
  BOOST_TEST(found.at("teachers_by_position").size() == 1u);

  const std::string page = bytes_of(p.at("two") + "/report.html");
  for (auto part : {"A title &lt;b&gt;", "Which one?", "Every run", "supra (baseline)", "Held-out loss as training goes on",
                    "Loss by position", "experiment ", "</html>"})
    BOOST_TEST(page.find(part) != page.npos, part << " is not on the page");
  for (auto part : {"nan", "http:", "https:", "src=", "href=", "url("}) BOOST_TEST(page.find(part) == page.npos, part << " is on the page");

  // Again: nothing is repeated. More seeds: only theirs are run.
  const auto before = contents(fs::path(p.at("two")) / "runs");
  const auto again = p.run(file, "two", "--seeds 3 --variants faded");
  BOOST_TEST_REQUIRE(again.code == 0, again.err);
  const auto after = contents(fs::path(p.at("two")) / "runs");
  for (auto& [name, bytes] : before) BOOST_TEST((after.at(name) == bytes), name << " has changed");
  BOOST_TEST(fs::exists(p.at("two") + "/runs/faded-2/log.jsonl"));
  BOOST_TEST(!fs::exists(p.at("two") + "/runs/supra-2"));

  const auto other = p.run(file, "two", "--tokens 2048");
  BOOST_TEST(other.code == 1);
  BOOST_TEST(other.err.find("was made with other settings: variants.faded.tokens was 1024, now it is 2048; give the same, or another --out") !=
                 std::string::npos,
             other.err);
  const auto changed = p.file("two.json", file_with(two, small + R"(, "seeds": 2, "window": 32)"));
  BOOST_TEST(p.run(changed, "two").err.find("window was 64, now it is 32") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_run_that_was_cut_off_goes_on_and_ends_the_same) {
  auto& p = here();
  bool killed = false;
  for (int tokens = 12800; !killed && tokens <= 1 << 20; tokens *= 4) {
    const std::string name = std::to_string(tokens), cut_off = "cut" + name, whole = "whole" + name;
    const auto file = p.file(cut_off + ".json", file_with(two, R"(, "seeds": 1, "settings": {"tokens": )" + name + R"(, "seq": 32, "batch": 4,
      "fit_tokens": 512, "evaluate_windows": 8, "checkpoint_every": 1})"));
    const std::string first = p.at(cut_off) + "/runs/supra-0/log.jsonl", second = p.at(cut_off) + "/runs/faded-0/log.jsonl";
    const auto cut = killed_when("[ -e '" + p.at(cut_off) + "/runs/faded-0/checkpoint.uptrain.safetensors' ]", "experiment " + file + p.flags(cut_off));
    killed = cut.code == 128 + 9 && bytes_of(second).find("\"result\"") == std::string::npos;
    if (!killed) continue;  // it had ended already: the next one takes longer
    BOOST_TEST(run_of(p.found(cut_off), "faded", 0).at("state") == "waiting");
    const std::string ended = bytes_of(first);
    BOOST_TEST_REQUIRE(p.run(file, cut_off).code == 0);
    BOOST_TEST((bytes_of(first) == ended));
    const std::string log = bytes_of(second);
    BOOST_TEST(log.find("\"start\"") == log.rfind("\"start\""));  // it went on, and did not begin again
    BOOST_TEST_REQUIRE(p.run(file, whole).code == 0);
    for (auto variant : {"supra", "faded"})
      BOOST_TEST(run_of(p.found(cut_off), variant, 0).at("student_loss") == run_of(p.found(whole), variant, 0).at("student_loss"));
  }
  BOOST_TEST(killed, "no run was slow enough to be killed");
}

// Killed before any run has begun, while the teacher is measured: the folder is gone on with, with other settings too.
BOOST_AUTO_TEST_CASE(an_experiment_that_was_cut_off_before_its_runs_goes_on) {
  auto& p = here();
  const auto made_with = [&](const std::string& lr) {
    return p.file("early.json", file_with(two, R"(, "seeds": 1, "measure": ["by_position"], "window": 64, "windows": 100000, "settings": {"tokens": 1024,
      "seq": 32, "batch": 4, "fit_tokens": 512, "evaluate_windows": 8, "lr": )" + lr + "}"));
  };
  const auto cut = killed_when("[ -e '" + p.at("early") + "/held_out.txt' ]", "experiment " + made_with("1e-3") + p.flags("early"));
  BOOST_TEST_REQUIRE(cut.code == 128 + 9, cut.err);
  BOOST_TEST(run_of(p.found("early"), "supra", 0).at("state") == "waiting");
  const auto e = p.run(made_with("2e-3"), "early");
  BOOST_TEST_REQUIRE(e.code == 0, e.err);
  BOOST_TEST(p.found("early").at("settings").at("variants").at("supra").at("lr") == 2e-3);
  BOOST_TEST(p.found("early").at("teachers_by_position").size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_teacher_that_cannot_be_measured_is_told_and_the_runs_go_on) {
  auto& p = here();
  const auto file = p.file("recall.json", file_with(R"({"name": "supra"})", small + R"(, "seeds": 1, "measure": ["recall"])"));
  const auto e = p.run(file, "recall");
  BOOST_TEST(e.code == 1);
  BOOST_TEST(e.err.find("the teacher could not be measured, the runs were: ") != std::string::npos, e.err);
  BOOST_TEST(e.err.find("has room for 32 tokens") != std::string::npos, e.err);
  const json found = p.found("recall");
  BOOST_TEST((run_of(found, "supra", 0).at("state") == "ended" && run_of(found, "supra", 0).contains("recall")));
  BOOST_TEST(found.at("teachers_failures").size() == 1u);
  BOOST_TEST(bytes_of(p.at("recall") + "/report.html").find("A teacher could not be measured") != std::string::npos);
}

// The same windows for all, of the longest seq, whichever variants are asked for.
BOOST_AUTO_TEST_CASE(long_texts_are_the_same_for_runs_of_other_lengths) {
  auto& p = here();
  const auto file = p.file("long.json", file_with(R"({"name": "a"}, {"name": "b", "seq": 16})", small + R"(, "seeds": 1, "measure": ["by_position"])"));
  for (const std::string more : {"b", "a,b"}) {
    const auto e = p.run(file, "long", "--set held_out=0.3 --variants " + more);
    BOOST_TEST_REQUIRE(e.code == 0, e.err);
    BOOST_TEST(run_of(p.found("long"), "b", 0).at("by_position").at("window") == 16 * 32);
  }
  BOOST_TEST(run_of(p.found("long"), "a", 0).at("by_position").at("window") == 16 * 32);
}

// Seeds of other teachers, or of other texts, are never averaged, whatever they are called.
BOOST_AUTO_TEST_CASE(a_folder_knows_its_teacher_and_its_text) {
  auto& p = here();
  const auto file = p.file("same.json", file_with(R"({"name": "supra"})", small + R"(, "seeds": 1)"));
  fs::copy(p.at("teacher"), p.at("moving"), fs::copy_options::recursive);
  const std::string text = bytes_of(p.at("text"));
  p.file("stories", text);
  const std::string command = "experiment " + file + " --teacher " + p.at("moving") + " --text " + p.at("stories") + " --out " + p.at("same");
  BOOST_TEST_REQUIRE(supra_test::supra(command).code == 0);
  BOOST_TEST(supra_test::supra(command).code == 0);
  std::string other = text;
  std::swap(other[0], other[1]);  // as long as before
  p.file("stories", other);
  BOOST_TEST(supra_test::supra(command + " --seeds 2").err.find("was made with other settings: text_fingerprint was ") != std::string::npos);
  p.file("stories", text);
  fs::remove_all(p.at("moving"));
  make_model(p.at("moving"), tiny_config(), 7);
  BOOST_TEST(supra_test::supra(command + " --seeds 2").err.find("was made with other settings: teachers.teacher.weights was ") != std::string::npos);
}

// The share of the stories that runs hold out is held out of their teacher too.
BOOST_AUTO_TEST_CASE(a_made_up_teacher_has_not_seen_what_is_held_out) {
  auto& p = here();
  const auto file = p.file("made.json", file_with(R"({"name": "supra"})", small + R"(, "seeds": 1, "teacher": {"dim": 16, "layers": 1, "heads": 2, "hidden": 32,
    "seq": 32, "tokens": 1024, "batch": 4})"));
  for (const std::string more : {"", " --set held_out=0.3"}) {
    const auto e = supra_test::supra("experiment " + file + " --out " + p.at("made/" + std::to_string(more.size())) + more);
    BOOST_TEST_REQUIRE(e.code == 0, e.err);
  }
  std::vector<std::string> weights;
  for (auto& entry : fs::directory_iterator(p.at("made/made_up")))
    if (entry.is_directory()) weights.push_back(bytes_of(entry.path() / "model.safetensors"));
  BOOST_TEST_REQUIRE(weights.size() == 2u);
  BOOST_TEST((weights[0] != weights[1]));
  BOOST_TEST(fs::exists(p.at("made/made_up/teacher-dim16-layers1-heads2-kv_heads2-hidden32-seq32-tokens1024-batch4-held_out0.3")));
  const auto teacher = [&](const char* out) { return p.found(out).at("settings").at("teachers").at("teacher"); };
  BOOST_TEST((teacher("made/0").at("held_out") == 0.05 && teacher("made/19").at("held_out") == 0.3));
  BOOST_TEST(teacher("made/0").at("weights") != teacher("made/19").at("weights"));
}

BOOST_AUTO_TEST_CASE(a_run_that_fails_is_told_and_the_others_go_on) {
  auto& p = here();
  const auto file = p.file("bad.json", file_with(R"({"name": "wild", "lr": 1e30, "recipe": "paper"}, {"name": "odd", "attention": "best,feature=taylor2"}, {"name": "good"})",
                                                 small + R"(, "seeds": 1)"));
  const auto e = p.run(file, "bad");
  BOOST_TEST(e.code == 1);
  BOOST_TEST(e.err.find("supra: 2 of 3 runs failed; the first, wild with seed 0: training stopped at step") == 0u, e.err);
  BOOST_TEST(e.out.find("wild (1 of 1 failed)") != std::string::npos, e.out);
  const json found = p.found("bad");
  BOOST_TEST(run_of(found, "good", 0).at("state") == "ended");
  const auto& wild = run_of(found, "wild", 0);
  BOOST_TEST(wild.at("state") == "failed");
  BOOST_TEST(wild.at("failed_at_step").get<int>() >= 1);
  BOOST_TEST(wild.at("failure").get<std::string>().find("not a finite number") != std::string::npos);
  BOOST_TEST(run_of(found, "odd", 0).at("failure").get<std::string>().find("was not built with the attention taylor2/rope") != std::string::npos);
  BOOST_TEST(wild.at("failed_phase") == "uptrain");
  BOOST_TEST(!run_of(found, "odd", 0).contains("failed_at_step"));
  BOOST_TEST(bytes_of(p.at("bad") + "/report.html").find("failed at step") != std::string::npos);
  // One that never began may be corrected.
  const auto mended = p.file("bad.json", file_with(R"({"name": "wild", "lr": 1e30, "recipe": "paper"}, {"name": "odd", "attention": "elu1"}, {"name": "good"})",
                                                   small + R"(, "seeds": 1)"));
  BOOST_TEST(p.run(mended, "bad", "--variants odd,good").code == 0);
  BOOST_TEST(run_of(p.found("bad"), "odd", 0).at("state") == "ended");
}

BOOST_AUTO_TEST_CASE(bad_input_writes_nothing) {
  auto& p = here();
  const auto file = p.file("good.json", file_with(two, small));
  const auto refused = [&](const std::string& more, const std::string& part) {
    const auto e = supra_test::supra("experiment " + file + " --out " + p.at("none") + " " + more);
    BOOST_TEST(e.code != 0, more);
    BOOST_TEST(e.err.find(part) != std::string::npos, more << ": " << e.err);
    BOOST_TEST(!fs::exists(p.at("none")), more);
  };
  refused("--teacher " + p.at("teacher"), "--teacher needs --text");
  refused("--text " + p.at("text"), "go with a --teacher");
  refused("--variants other", "there is no such variant; there are supra, faded");
  refused("--set lr", "must be KEY=VALUE");
  refused("--set lr=-1", "\"lr\" must be above 0");
  refused("--set colour=red", "the setting \"colour\" is not known");
  refused("--seeds 0", "--seeds");
  refused("--set attention=magic", "the variant supra: --attention magic: the attention \"magic\" is not known");
  refused("--set recipe=none", "the variant supra: ");
  refused("--set recipe=fit --set kl=1", "the variant supra: --kl: --recipe fit does not distill");
  refused("--set seq=512", "is longer than the model's 256 tokens");
  const std::string own = " --teacher " + p.at("teacher") + " --text ";
  refused("--teacher " + p.at("nothere") + " --text " + p.at("text"), "there is no file or folder");
  refused(own + p.at("nosuch"), "there is no such file");
  refused(own + p.at("text") + " --tokenizer " + p.at("nosuch"), p.at("nosuch"));
  const auto with = [&](const std::string& text, const std::string& part, const std::string& measures, const std::string& variants = two) {
    p.file("good.json", file_with(variants, small + R"(, "measure": [)" + measures + "]"));
    refused("--teacher " + p.at("teacher") + " --text " + text, part);
  };
  for (const std::string text : {"teacher:1", "recall:1", "tokens.safetensors"}) {
    with(text, "needs the text itself", R"("by_position")");
    with(text, "needs the text itself", R"("recall")");
  }
  with("teacher:1", "would be held against different texts", R"("time")", R"({"name": "a", "seq": 16}, {"name": "b"})");
  with("teacher:x", "a whole number from 0", R"("time")");
  fs::create_directories(p.at("full"));
  supra::io::write_file(p.at("full") + "/something", "x");
  BOOST_TEST(p.run(file, "full").err.find("exists already and is not an empty folder") != std::string::npos);
}
