// Experiments that are run: what they leave, cut off and gone on with, with runs that fail, and what they refuse.
#include "test.hpp"

#include <nlohmann/json.hpp>
#include <regex>

#include "../../examples/supra/experiment/statistics.hpp"
#include "../io/byte_pair_file.hpp"
#include "experiment.hpp"
#include "program.hpp"
#include "supra/io/byte_pair_tokenizer.hpp"

using namespace supra_test;
using nlohmann::json;
namespace ex = supra::program::experiments;

namespace {

// A teacher and a text, once for all cases; each case has a folder for its experiments.
struct place {
  temporary_folder folder;
  place() {
    supra::io::write_file(folder / "text", made_up_text(60));
    const auto e =
        supra_test::supra("pretrain --text " + at("text") + " --out " + at("teacher") +
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

BOOST_AUTO_TEST_CASE(two_variants_with_two_seeds) {
  auto& p = here();
  const auto file = p.file(
      "two.json", file_with(two, small + R"(, "seeds": 2, "measure": ["recovered", "by_position", "time"], "window": 64)"));
  const auto e = p.run(file, "two");
  BOOST_TEST_REQUIRE(e.code == 0, e.err);
  BOOST_TEST(e.err == "");
  BOOST_TEST(e.out.starts_with("variant"));
  for (auto part : {"supra", "faded", "scratch", " ± ", "json: ", "report: "})
    BOOST_TEST(e.out.find(part) != std::string::npos, part);
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
        BOOST_TEST(
            r.at("recovered").get<double>() == (scratch - losses.back()) / (scratch - r.at("teacher_loss").get<double>()),
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
  for (auto part : {"nan", "http:", "https:", "src=", "href=", "url("})
    BOOST_TEST(page.find(part) == page.npos, part << " is on the page");

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
  BOOST_TEST(
      other.err.find(
          "was made with other settings: variants.faded.tokens was 1024, now it is 2048; give the same, or another --out") !=
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
    const auto file =
        p.file(cut_off + ".json", file_with(two, R"(, "seeds": 1, "settings": {"tokens": )" + name + R"(, "seq": 32, "batch": 4,
      "fit_tokens": 512, "evaluate_windows": 8, "checkpoint_every": 1})"));
    const std::string first = p.at(cut_off) + "/runs/supra-0/log.jsonl", second = p.at(cut_off) + "/runs/faded-0/log.jsonl";
    const auto cut = killed_when("[ -e '" + p.at(cut_off) + "/runs/faded-0/checkpoint.uptrain.safetensors' ]",
                                 "experiment " + file + p.flags(cut_off));
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
      BOOST_TEST(run_of(p.found(cut_off), variant, 0).at("student_loss") ==
                 run_of(p.found(whole), variant, 0).at("student_loss"));
  }
  BOOST_TEST(killed, "no run was slow enough to be killed");
}

// Killed before any run has begun, while the teacher is measured: the folder is gone on with, with other settings too. Where
// the machine is so busy that the kill comes later, another folder is tried.
BOOST_AUTO_TEST_CASE(an_experiment_that_was_cut_off_before_its_runs_goes_on) {
  auto& p = here();
  const auto made_with = [&](const std::string& lr) {
    return p.file(
        "early.json",
        file_with(two,
                  R"(, "seeds": 1, "measure": ["by_position"], "window": 64, "windows": 100000, "settings": {"tokens": 1024,
      "seq": 32, "batch": 4, "fit_tokens": 512, "evaluate_windows": 8, "lr": )" +
                      lr + "}"));
  };
  bool in_time = false;
  for (int i = 0; i < 100 && !in_time; ++i) {
    const std::string early = "early" + std::to_string(i);
    const auto cut =
        killed_when("[ -e '" + p.at(early) + "/held_out.txt' ]", "experiment " + made_with("1e-3") + p.flags(early));
    const fs::path runs = p.at(early) + "/runs";
    in_time = cut.code == 128 + 9 && (!fs::exists(runs) || fs::is_empty(runs));
    if (!in_time) continue;
    BOOST_TEST(run_of(p.found(early), "supra", 0).at("state") == "waiting");
    const auto e = p.run(made_with("2e-3"), early);
    BOOST_TEST_REQUIRE(e.code == 0, e.err);
    BOOST_TEST(p.found(early).at("settings").at("variants").at("supra").at("lr") == 2e-3);
    BOOST_TEST(p.found(early).at("teachers_by_position").size() == 1u);
  }
  BOOST_TEST(in_time, "no kill came before the first run");
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
  const auto file = p.file("long.json", file_with(R"({"name": "a"}, {"name": "b", "seq": 16})",
                                                  small + R"(, "seeds": 1, "measure": ["by_position"])"));
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
  const std::string command =
      "experiment " + file + " --teacher " + p.at("moving") + " --text " + p.at("stories") + " --out " + p.at("same");
  BOOST_TEST_REQUIRE(supra_test::supra(command).code == 0);
  BOOST_TEST(supra_test::supra(command).code == 0);
  std::string other = text;
  std::swap(other[0], other[1]);  // as long as before
  p.file("stories", other);
  BOOST_TEST(supra_test::supra(command + " --seeds 2").err.find("was made with other settings: text_fingerprint was ") !=
             std::string::npos);
  p.file("stories", text);
  fs::remove_all(p.at("moving"));
  make_model(p.at("moving"), tiny_config(), 7);
  BOOST_TEST(
      supra_test::supra(command + " --seeds 2").err.find("was made with other settings: teachers.teacher.weights was ") !=
      std::string::npos);
}

// The share of the stories that runs hold out is held out of their teacher too.
BOOST_AUTO_TEST_CASE(a_made_up_teacher_has_not_seen_what_is_held_out) {
  auto& p = here();
  const auto file = p.file(
      "made.json",
      file_with(R"({"name": "supra"})", small + R"(, "seeds": 1, "teacher": {"dim": 16, "layers": 1, "heads": 2, "hidden": 32,
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
  BOOST_TEST(
      fs::exists(p.at("made/made_up/teacher-dim16-layers1-heads2-kv_heads2-hidden32-seq32-tokens1024-batch4-held_out0.3")));
  const auto teacher = [&](const char* out) { return p.found(out).at("settings").at("teachers").at("teacher"); };
  BOOST_TEST((teacher("made/0").at("held_out") == 0.05 && teacher("made/19").at("held_out") == 0.3));
  BOOST_TEST(teacher("made/0").at("weights") != teacher("made/19").at("weights"));
}

BOOST_AUTO_TEST_CASE(a_run_that_fails_is_told_and_the_others_go_on) {
  auto& p = here();
  const auto file = p.file(
      "bad.json",
      file_with(
          R"({"name": "wild", "lr": 1e30, "recipe": "paper"}, {"name": "odd", "attention": "best,feature=taylor2"}, )"
          R"({"name": "good"})",
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
  BOOST_TEST(run_of(found, "odd", 0).at("failure").get<std::string>().find("was not built with the attention taylor2/rope") !=
             std::string::npos);
  BOOST_TEST(wild.at("failed_phase") == "uptrain");
  BOOST_TEST(!run_of(found, "odd", 0).contains("failed_at_step"));
  BOOST_TEST(bytes_of(p.at("bad") + "/report.html").find("failed at step") != std::string::npos);
  // One that never began may be corrected.
  const auto mended = p.file(
      "bad.json",
      file_with(R"({"name": "wild", "lr": 1e30, "recipe": "paper"}, {"name": "odd", "attention": "elu1"}, {"name": "good"})",
                small + R"(, "seeds": 1)"));
  BOOST_TEST(p.run(mended, "bad", "--variants odd,good").code == 0);
  BOOST_TEST(run_of(p.found("bad"), "odd", 0).at("state") == "ended");
}

// What is held out of a single document is kept as it stands there, with its special tokens; teachers that would cut it at
// another place are refused.
BOOST_AUTO_TEST_CASE(a_single_document_is_cut_alike_for_all) {
  auto& p = here();
  const std::string tokenizer = byte_pair_file().dump();
  auto c = tiny_config();
  c.vocab = supra::io::byte_pair_tokenizer(tokenizer, "f").vocab_size(), c.bos = -1, c.eos = 262;
  supra::io::save_model<float>(p.at("pairs"), c, supra::model::random_values<float>(c, 1));
  p.file("pairs/tokenizer.json", tokenizer);
  make_model(p.at("bytes"), tiny_config());
  const std::string text = std::regex_replace(made_up_text(20), std::regex("<\\|endoftext\\|>\n"), "<|begin|>");
  const auto file = p.file("one.json", file_with(R"({"name": "supra"})",
                                                 small + R"(, "seeds": 1, "measure": ["by_position"], "window": 64)"));
  const std::string command = "experiment " + file + " --set held_out=0.3 --text " + p.file("one.txt", text) + " --teacher ";
  const auto e = supra_test::supra(command + p.at("pairs") + " --out " + p.at("one"));
  BOOST_TEST_REQUIRE(e.code == 0, e.err);
  const std::string held = bytes_of(p.at("one") + "/held_out.txt");
  BOOST_TEST((text.ends_with(held) && held.size() > 100 && held.find("<|begin|>") < held.size() - 9), held);
  const auto with_another = [&](const char* name) {
    return supra_test::supra(command + p.at("teacher") + " --teacher " + p.at(name) + " --out " + p.at("one")).err;
  };
  const auto refused = with_another("pairs");
  BOOST_TEST(refused.find(p.at("one.txt") + ": is one document, which is cut at a token, and ") != refused.npos, refused);
  const auto accepted = with_another("bytes");  // so far: the folder is another experiment's
  BOOST_TEST(accepted.find("was made with other settings") != accepted.npos, accepted);
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
  refused("--set kv_heads=3", "the variant supra: a student's kv_heads must be a multiple of its teacher's (4)");
  refused("--set kv_heads=0", "\"kv_heads\" must be from 1 to 65536, found 0");
  refused("--set recipe=none", "the variant supra: ");
  refused("--set recipe=fit --set kl=1", "the variant supra: --kl: --recipe fit does not distill");
  refused("--set seq=512", "is longer than the model's 256 tokens");
  const std::string own = " --teacher " + p.at("teacher") + " --text ";
  refused("--teacher " + p.at("nothere") + " --text " + p.at("text"), "there is no file or folder");
  refused(own + p.at("nosuch"), "there is no such file");
  refused(own + p.at("text") + " --tokenizer " + p.at("nosuch"), p.at("nosuch"));
  const auto with = [&](const std::string& text, const std::string& part, const std::string& measures,
                        const std::string& variants = two) {
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
