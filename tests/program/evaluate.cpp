// Scores on tasks, losses by position and their page, against a slow computation of their own; and what is refused.
#include <nlohmann/json.hpp>

#include "../smollm2.hpp"
#include "instances/models.hpp"
#include "program.hpp"
#include "supra/evaluate/recall.hpp"
#include "supra/supra.hpp"
#include "test.hpp"

using namespace supra_test;
using nlohmann::json;
namespace io = supra::io;
namespace model = supra::model;

namespace {

struct world {
  temporary_folder folder;
  world() {
    auto c = tiny_config();
    c.max_length = 200;
    make_model(folder / "teacher", c);
    make_model(folder / "student", model::student_config(c, {}));
    fs::create_directory(folder / "data");
    io::write_file(
        folder / "data/arc_challenge.jsonl",
        R"({"question":"What is red?","choices":{"text":["a hat","some water"],"label":["A","B"]},"answerKey":"A"})"
        "\n"
        R"({"question":"Who barks?","choices":{"text":["cats","dogs","trees"],"label":["1","2","3"]},"answerKey":"2"})"
        "\n");
    io::write_file(folder / "data/lambada_openai.jsonl",
                   "{\"text\":\"the cat sees a hat\"}\n{\"text\":\"my friend finds bread\"}\n");
    io::write_file(folder / "data/boolq.jsonl", R"({"question":"is it red","passage":"The hat is red.","answer":true})");
    std::string five;
    for (int i = 0; i < 5; ++i)
      five += R"({"question":"Q","subject":"art","choices":["a","b","c","d"],"answer":)" + std::to_string(i % 4) + "}\n";
    io::write_file(folder / "data/mmlu.jsonl", five.substr(0, five.find('\n')));
    io::write_file(folder / "data/mmlu_dev.jsonl", five);
    io::write_file(folder / "text", made_up_text(40));
  }
  std::string at(const std::string& name) const { return (folder / name).string(); }
};
world& here() {
  static world w;
  return w;
}
ended run(const std::string& arguments) {
  const auto e = supra_test::supra(arguments);
  BOOST_TEST_REQUIRE(e.code == 0, arguments << ": " << e.err);
  return e;
}
json result_of(const std::string& arguments) { return json::parse(run("evaluate " + arguments + " --json -").out); }
std::vector<json> lines_of(const std::string& file) {
  std::vector<json> all;
  std::istringstream in(bytes_of(file));
  for (std::string line; std::getline(in, line);) all.push_back(json::parse(line));
  return all;
}

// Each text alone, in double, token by token through all logits.
struct slow {
  supra::eigen_backend b;
  model::attention_registry<supra::eigen_backend, double> registry;
  std::unique_ptr<model::transformer<supra::eigen_backend, double>> m;
  explicit slow(const std::string& folder) {
    model::add_paper_attention(registry);
    const auto loaded = io::load_model<double>(folder);
    m = std::make_unique<model::transformer<supra::eigen_backend, double>>(b, loaded.config, registry);
    m->load(loaded.values);
  }
  double log_likelihood(const std::string& context, const std::string& continuation) {
    std::vector<std::int32_t> ids;
    for (unsigned char byte : context + continuation) ids.push_back(byte);
    m->forward({ids.begin(), ids.end() - 1}, 1, static_cast<std::int64_t>(ids.size()) - 1);
    const auto logits = m->logits();
    double sum = 0;
    for (std::size_t t = context.size(); t < ids.size(); ++t) {
      const double* row = logits.data() + static_cast<std::int64_t>(t - 1) * m->c.vocab;
      double all = 0;
      for (std::int64_t v = 0; v < m->c.vocab; ++v) all += std::exp(row[v]);
      sum += row[ids[t]] - std::log(all);
    }
    return sum;
  }
};

void refused(const std::string& arguments, const std::vector<std::string>& parts) {
  const auto before = contents(here().folder.path);
  const auto e = supra_test::shell("unset SUPRA_DATA_DIR\nexec \"$supra\" evaluate " + arguments);
  BOOST_TEST(e.code != 0, arguments << ": was accepted");
  BOOST_TEST(e.code < 126, arguments << ": ended with " << e.code);
  for (auto& part : parts) BOOST_TEST(e.err.find(part) != e.err.npos, arguments << ": no \"" << part << "\" in: " << e.err);
  BOOST_TEST((contents(here().folder.path) == before), arguments << ": changed files");
}

}  // namespace

BOOST_AUTO_TEST_CASE(scores_are_those_of_each_text_alone) {
  auto& w = here();
  for (const std::string name : {"teacher", "student"}) {
    const auto r = result_of("--model " + w.at(name) + " --data " + w.at("data") +
                             " --tasks arc_challenge,lambada_openai,boolq --predictions " + w.at("predictions"));
    const auto lines = lines_of(w.at("predictions"));
    BOOST_TEST_REQUIRE(lines.size() == 5u);
    slow m(w.at(name));
    const std::string red = "Question: What is red?\nAnswer:", barks = "Question: Who barks?\nAnswer:",
                      hat = "The hat is red.\nQuestion: is it red?\nAnswer:";
    const std::vector<std::vector<std::pair<std::string, std::string>>> requests = {
        {{red, " a hat"}, {red, " some water"}},
        {{barks, " cats"}, {barks, " dogs"}, {barks, " trees"}},
        {{"the cat sees a", " hat"}},
        {{"my friend finds", " bread"}},
        {{hat, " no"}, {hat, " yes"}}};
    double sums = 0, right = 0, norm = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      std::vector<double> own, by_length;
      for (auto& [context, continuation] : requests[i]) {
        own.push_back(m.log_likelihood(context, continuation));
        by_length.push_back(own.back() / static_cast<double>(continuation.size() - 1));
      }
      const auto found = lines[i].at("ll").get<std::vector<double>>();
      BOOST_TEST_REQUIRE(found.size() == own.size());
      // sums of up to 12 terms of about 5.5 in float, whose logits round by 1e-6 or so
      for (std::size_t j = 0; j < own.size(); ++j) BOOST_TEST(std::abs(found[j] - own[j]) < 1e-4, name << ", line " << i);
      const auto best = [](auto& x) { return std::max_element(x.begin(), x.end()) - x.begin(); };
      if (own.size() > 1) BOOST_TEST(lines[i].at("pred") == best(own));
      if (i < 2) {
        BOOST_TEST(lines[i].at("pred_norm") == best(by_length));
        right += best(own) == lines[i].at("gold"), norm += best(by_length) == lines[i].at("gold");
      }
      if (own.size() == 1) sums += own[0];
    }
    const auto& tasks = r.at("tasks");
    BOOST_TEST(tasks.at("arc_challenge").at("n") == 2);
    BOOST_TEST(tasks.at("arc_challenge").at("acc") == right / 2);
    BOOST_TEST(tasks.at("arc_challenge").at("acc_norm") == norm / 2);
    BOOST_TEST(!tasks.at("boolq").contains("acc_norm"));
    BOOST_TEST(tasks.at("lambada_openai").at("perplexity").get<double>() == std::exp(-sums / 2),
               boost::test_tools::tolerance(1e-4));
  }
  fs::remove(w.folder / "predictions");
}

BOOST_AUTO_TEST_CASE(all_takes_what_is_there_and_names_the_rest) {
  auto& w = here();
  const auto e = run("evaluate --tasks all --limit 1 --model " + w.at("student") + " --data " + w.at("data"));
  BOOST_TEST(e.err.find("arc_easy, piqa, winogrande, hellaswag, openbookqa") != e.err.npos, e.err);
  for (auto task : {"arc_challenge", "lambada_openai", "boolq", "mmlu"}) BOOST_TEST(e.out.find(task) != e.out.npos);
  // five examples before the question are longer than the model's 200 tokens
  BOOST_TEST(e.err.find("mmlu: 4 of 4 texts are longer than the model's 200 tokens; they lost tokens") != e.err.npos, e.err);
  const std::string from_environment =
      "SUPRA_DATA_DIR=" + w.at("") + " exec \"$supra\" evaluate --tasks boolq --model " + w.at("student");
  fs::create_directory_symlink(w.folder / "data", w.folder / "eval");
  BOOST_TEST(shell(from_environment).code == 0);
  fs::remove(w.folder / "eval");
}

BOOST_AUTO_TEST_CASE(losses_by_position_are_the_windows_losses) {
  auto& w = here();
  for (const std::string name : {"teacher", "student"}) {
    const std::string start = "--model " + w.at(name) + " --text " + w.at("text") + " --limit 3 ";
    const auto by = result_of(start + "--by-position --window 150"), plain = result_of(start + "--window 150");
    BOOST_TEST(by.at("loss_nats_per_token").get<double>() == plain.at("loss_nats_per_token").get<double>(),
               boost::test_tools::tolerance(1e-5));
    BOOST_TEST(by.at("tokens") == plain.at("tokens"));
    double sum = 0, n = 0;
    for (auto& b : by.at("by_position").at("bins")) {
      const auto count = b.at("predictions").get<double>();
      BOOST_TEST(count == 3 * (b.at("to").get<double>() - b.at("from").get<double>()));
      sum += count * b.at("loss").get<double>(), n += count;
    }
    BOOST_TEST(n == by.at("tokens").get<double>());
    BOOST_TEST(sum / n == by.at("loss_nats_per_token").get<double>(), boost::test_tools::tolerance(1e-9));
  }
  // Left out, an RNN's window is 16 times the length of 200, here as far as the text goes; a transformer's is its length.
  const std::string start = " --by-position --text " + w.at("text") + " --model ";
  BOOST_TEST(result_of(start + w.at("student")).at("by_position").at("window") == 3200);
  BOOST_TEST(result_of(start + w.at("teacher")).at("by_position").at("window") == 200);
  BOOST_TEST(result_of(start + w.at("teacher") + " --window 300").at("by_position").at("window") == 200);
}

// Every sequence alone, in double, through all logits.
supra::evaluate::recall_score slow_recall(slow& m, const supra::evaluate::recall_sequences& r) {
  const auto x = r.inputs(), y = r.targets();
  std::vector<double> losses(y.size(), 0);
  std::vector<char> likeliest(y.size(), 0);
  const std::int64_t length = r.length - 1, vocab = m.m->c.vocab;
  for (std::int64_t s = 0; s < r.count; ++s) {
    m.m->forward({x.begin() + s * length, x.begin() + (s + 1) * length}, 1, length);
    const auto logits = m.m->logits();
    for (std::int64_t t = 0; t < length; ++t) {
      const auto i = static_cast<std::size_t>(s * length + t);
      if (y[i] < 0) continue;
      const double* row = logits.data() + t * vocab;
      double all = 0;
      for (std::int64_t v = 0; v < vocab; ++v) all += std::exp(row[v]);
      losses[i] = std::log(all) - row[y[i]];
      likeliest[i] = row[y[i]] == *std::max_element(row, row + vocab);
    }
  }
  return supra::evaluate::score_recall(r, losses, likeliest);
}

BOOST_AUTO_TEST_CASE(recall_is_that_of_each_sequence_alone) {
  auto& w = here();
  const auto encoded = io::bytes_tokenizer().encode(bytes_of(w.at("text")));
  std::vector<std::int32_t> bytes(256);
  for (std::int32_t i = 0; i < 256; ++i) bytes[static_cast<std::size_t>(i)] = i;
  for (const std::string name : {"teacher", "student"}) {
    slow m(w.at(name));
    supra::evaluate::recall_settings s;
    s.count = 3, s.start = 256, s.seed = 4;
    const auto check = [&](const json& found, const supra::evaluate::recall_score& wanted) {
      BOOST_TEST_REQUIRE(found.at("sequences") == 3);
      BOOST_TEST(found.at("predictions") == wanted.predictions);
      BOOST_TEST(found.at("accuracy").get<double>() == wanted.accuracy.mean, boost::test_tools::tolerance(1e-12));
      BOOST_TEST(found.at("accuracy_stderr").get<double>() == wanted.accuracy.error, boost::test_tools::tolerance(1e-9));
      BOOST_TEST(std::abs(found.at("loss").get<double>() - wanted.loss.mean) < 1e-4);  // of about 5.5, in float
      if (!wanted.compared) return;
      BOOST_TEST(found.at("gain").get<double>() == wanted.gain.mean, boost::test_tools::tolerance(1e-9));
      BOOST_TEST(std::abs(found.at("fall").get<double>() - wanted.fall.mean) < 1e-4);
      BOOST_TEST(found.at("gain_of_unseen").get<double>() == wanted.gain_of_unseen.mean, boost::test_tools::tolerance(1e-9));
      BOOST_TEST(std::abs(found.at("fall_of_unseen").get<double>() - wanted.fall_of_unseen.mean) < 1e-4);
    };
    const std::string start = "--recall --limit 3 --seed 4 --model " + w.at(name);
    const auto of_text = result_of(start + " --recall-text " + w.at("text")).at("recall");
    const auto random = result_of(start).at("recall");
    BOOST_TEST((of_text.at("pairs") == random.at("pairs")));
    BOOST_TEST(of_text.at("copies").at("text") == w.at("text"));
    const auto& copies = of_text.at("copies").at("by_distance");
    BOOST_TEST_REQUIRE(copies.size() == (name == "teacher" ? 4u : 8u));  // 16 to 128, or as far as 16 times 200 tokens go
    for (std::size_t i = 0; i < copies.size(); ++i) BOOST_TEST(copies[i].at("distance") == 16 << i);
    double mean = 0;
    for (std::size_t i = 0; i < 4; ++i) mean += copies[i].at("accuracy").get<double>() / 4;
    BOOST_TEST(of_text.at("copies").at("accuracy").get<double>() == mean, boost::test_tools::tolerance(1e-12));
    check(copies[2], slow_recall(m, supra::evaluate::copies_of(encoded, 64, s)));
    if (name == "student") check(copies[5], slow_recall(m, supra::evaluate::copies_of(encoded, 512, s)));
    check(random.at("copies").at("by_distance")[1], slow_recall(m, supra::evaluate::copies_of_random(bytes, 32, s)));
    check(random.at("pairs").at("by_number")[1], slow_recall(m, supra::evaluate::pairs_of(bytes, 8, s)));
  }
  const auto few = result_of("--recall --window 100 --limit 2 --model " + w.at("student") + " --weights int8").at("recall");
  BOOST_TEST(few.at("copies").at("by_distance").size() == 2u);
  BOOST_TEST(few.at("pairs").at("by_number").size() == 3u);
}

// Whatever is measured of a hybrid, by a whole model's pass or by generation, is of the branches that were asked for.
BOOST_AUTO_TEST_CASE(branches_of_a_hybrid_alone) {
  auto& w = here();
  auto c = tiny_config();
  c.max_length = 200;
  model::linear_attention_config of;
  of.window = 8;
  make_model(w.folder / "hybrid", model::student_config(c, of));
  const auto bytes = io::bytes_tokenizer().encode(bytes_of(w.at("text")));
  const std::int64_t width = 50, windows = 6;
  std::vector<double> losses;
  using model::branches;
  for (auto [branch, run] : {std::pair{"both", branches::both}, {"linear", branches::linear}, {"window", branches::window}})
    BOOST_TEST_CONTEXT(branch) {
    slow m(w.at("hybrid"));
    m.m->attention.run = run;
    double sum = 0;
    for (auto at = bytes.begin(); at < bytes.begin() + windows * width; at += width)
      m.m->forward({at, at + width - 1}, 1, width - 1), sum += m.m->loss({at + 1, at + width});
    const double wanted = sum / static_cast<double>(windows * (width - 1));
    const std::string start = std::string("--branch ") + branch + " --model " + w.at("hybrid"),
                      texts = start + " --text " + w.at("text") + " --window 50 --limit 6";
    const auto plain =
        result_of(texts + " --tasks lambada_openai --data " + w.at("data") + " --predictions " + w.at("predictions"));
    BOOST_TEST(plain.value("branch", "both") == branch);
    // float sums of some 300 losses of about 5.5
    for (auto& r : {plain, result_of(texts + " --by-position"), result_of(texts + " --weights f32")})
      BOOST_TEST(std::abs(r.at("loss_nats_per_token").get<double>() - wanted) < 1e-5,
                 r.at("loss_nats_per_token") << ", " << wanted);
    const auto lines = lines_of(w.at("predictions"));
    BOOST_TEST_REQUIRE(lines.size() == 2u);
    BOOST_TEST(std::abs(lines[0].at("ll")[0].get<double>() - m.log_likelihood("the cat sees a", " hat")) < 1e-4);
    BOOST_TEST(std::abs(lines[1].at("ll")[0].get<double>() - m.log_likelihood("my friend finds", " bread")) < 1e-4);
    supra::evaluate::recall_settings s;
    s.count = 3, s.start = 256, s.seed = 4;
    const auto recall =
        result_of(start + " --recall --limit 3 --seed 4 --window 100 --recall-text " + w.at("text")).at("recall");
    const auto copies = slow_recall(m, supra::evaluate::copies_of(bytes, 16, s));
    BOOST_TEST(std::abs(recall.at("copies").at("by_distance")[0].at("loss").get<double>() - copies.loss.mean) < 1e-4);
    losses.push_back(wanted);
  }
  for (auto [x, y] : {std::pair{0, 1}, {0, 2}, {1, 2}})
    BOOST_TEST(std::abs(losses[static_cast<std::size_t>(x)] - losses[static_cast<std::size_t>(y)]) > 1e-3);
  const std::string text = " --text " + w.at("text") + " --limit 2", page = w.at("page.html");
  const auto beside =
      result_of("--branch linear --model " + w.at("hybrid") + " --beside " + w.at("student") + text + " --report " + page);
  BOOST_TEST(beside.at("branch") == "linear");
  BOOST_TEST(!beside.at("beside")[0].contains("branch"));
  BOOST_TEST(beside.at("beside")[0].at("loss_nats_per_token") ==
             result_of("--model " + w.at("student") + text).at("loss_nats_per_token"));
  BOOST_TEST(bytes_of(page).find("hybrid, linear branch alone") != std::string::npos);
  fs::remove(page), fs::remove(w.at("predictions"));
  for (const std::string name : {"student", "teacher"})
    refused("--branch window --model " + w.at(name) + text,
            {"--branch window: " + w.at(name), "no window", "leave --branch out"});
  refused("--branch state --model " + w.at("hybrid") + text, {"--branch", "linear", "window"});
}

BOOST_AUTO_TEST_CASE(models_side_by_side_on_a_page) {
  auto& w = here();
  const std::string page = w.at("page.html");
  const auto r = result_of("--tasks all --data " + w.at("data") + " --text " + w.at("text") +
                           " --by-position --recall --limit 2 --model " + w.at("student") + " --beside " + w.at("teacher") +
                           " --report " + page);
  BOOST_TEST_REQUIRE(r.at("beside").size() == 1u);
  BOOST_TEST(r.at("beside")[0].at("tasks").size() == r.at("tasks").size());
  BOOST_TEST(r.at("state_bytes") == 2 * 8 * 8 * 4);
  const std::string html = bytes_of(page);
  for (const std::string part :
       {"<td class=score>", "student", "teacher", "arXiv 2405.06640", "64.0", "Loss by position", "Recall from the context",
        "of a passage’s tokens", "softmax cache", "Not all six", "</html>"})
    BOOST_TEST(html.find(part) != html.npos, part);
  for (const std::string outside : {"http:", "https:", "src=", "href=", "@import", "url(", "nan"})
    BOOST_TEST(html.find(outside) == html.npos, outside);
  fs::remove(page);
}

BOOST_AUTO_TEST_CASE(weights_in_fewer_bits_score_too) {
  auto& w = here();
  const std::string start = "--model " + w.at("student") + " --data " + w.at("data") + " --tasks lambada_openai";
  const double f32 = result_of(start).at("tasks").at("lambada_openai").at("perplexity"),
               int8 = result_of(start + " --weights int8").at("tasks").at("lambada_openai").at("perplexity");
  BOOST_TEST(f32 == int8, boost::test_tools::tolerance(0.05));
  BOOST_TEST(f32 != int8);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_a_sentence) {
  auto& w = here();
  const std::string start = "--model " + w.at("student") + " ", tasks = start + "--data " + w.at("data") + " ";
  refused(start, {"--text", "--tasks"});
  refused(start + "--tasks boolq", {"--data", "SUPRA_DATA_DIR"});
  refused(start + "--tasks boolq --data " + w.at("nowhere"), {w.at("nowhere"), "no such folder"});
  refused(start + "--tasks all --data " + w.at("student"), {w.at("student"), "holds no task's file"});
  refused(tasks + "--tasks bolq", {"there is no task \"bolq\"", "boolq"});
  refused(tasks + "--tasks piqa", {w.at("data"), "piqa.jsonl"});
  refused(tasks + "--tasks boolq --predictions -", {"--predictions"});
  refused(tasks + "--tasks boolq --report " + w.at("none/page.html"), {"--report", "there is no folder"});
  refused(start + "--by-position --tasks boolq --data " + w.at("data"), {"--by-position needs --text"});
  refused(start + "--predictions " + w.at("p") + " --text " + w.at("text"), {"--predictions needs --tasks"});
  refused(tasks + "--tasks boolq --beside " + w.at("text"), {w.at("text"), "a model is"});
  refused(start + "--by-position --window 1000000 --text " + w.at("text"), {w.at("text"), "less than one window"});
  refused(start + "--recall-text " + w.at("text") + " --text " + w.at("text"), {"--recall-text", "--recall"});
  refused(start + "--recall --recall-text " + w.at("nowhere"), {"--recall-text " + w.at("nowhere"), "no such file"});
  refused(start + "--recall --window 48", {"--window 48", "65"});
  refused(start + "--recall --seed x", {"--seed"});
  refused(start + "--text teacher:7", {"--text teacher:7", "uptrain"});
  io::write_file(w.folder / "empty", "");
  refused(start + "--recall --recall-text " + w.at("empty"), {"--recall-text " + w.at("empty"), "has 0 tokens", "longer text"});
  refused(start + "--by-position --text " + w.at("empty"), {w.at("empty"), "at least 2 tokens"});
  fs::remove(w.folder / "empty");
  io::write_file(w.folder / "data/piqa.jsonl", "{\"goal\":\"g\",\"sol1\":\"a\",\"sol2\":\"b\",\"label\":1}\n{\"goal\":\"g\"\n");
  refused(tasks + "--tasks boolq,piqa --predictions " + w.at("p"), {"piqa.jsonl, line 2: not valid JSON"});
  fs::remove(w.folder / "data/piqa.jsonl");
  for (const std::string packed : {"", "BZh", "BZh91AY&SY and then nothing of the kind"}) {
    io::write_file(w.folder / "data/hellaswag_val_full.txt.bz2", packed, io::existing::overwrite);
    refused(tasks + "--tasks hellaswag", {"hellaswag_val_full.txt.bz2", "bzip2"});
  }
  fs::remove(w.folder / "data/hellaswag_val_full.txt.bz2");
}

BOOST_AUTO_TEST_CASE(a_task_named_twice_is_computed_once) {
  auto& w = here();
  run("evaluate --tasks boolq,all,boolq --model " + w.at("student") + " --data " + w.at("data") + " --predictions " +
      w.at("p"));
  std::map<std::string, int> lines;
  for (auto& line : lines_of(w.at("p"))) ++lines[line.at("task")];
  BOOST_TEST((lines == std::map<std::string, int>{{"arc_challenge", 2}, {"boolq", 1}, {"lambada_openai", 2}, {"mmlu", 1}}));
  fs::remove(w.folder / "p");
}

// Words so unlikely that a perplexity is beyond double: it is shown as a dash, and all that was asked for is written.
BOOST_AUTO_TEST_CASE(a_perplexity_that_is_not_finite) {
  auto& w = here();
  const auto c = tiny_config();
  auto values = model::random_values<float>(c, 1);
  const model::parameter_layout layout(c);
  for (auto& t : layout.tensors())  // logits are as large as the last norm's gain
    if (t.name == "model.norm.weight") std::fill_n(values.begin() + t.offset, t.size, 1e6f);
  const fs::path sure = w.folder / "sure";
  io::save_model<float>(sure, c, values);
  io::save_tokenizer(io::bytes_tokenizer(), sure);
  const auto e = run("evaluate --tasks lambada_openai --model " + sure.string() + " --data " + w.at("data") +
                     " --predictions " + w.at("p") + " --json " + w.at("j") + " --report " + w.at("page.html"));
  BOOST_TEST(e.out.find("– ± –") != e.out.npos, e.out);
  BOOST_TEST(json::parse(bytes_of(w.at("j"))).at("tasks").at("lambada_openai").at("perplexity").is_null());
  BOOST_TEST(lines_of(w.at("p")).size() == 2u);
  BOOST_TEST(bytes_of(w.at("page.html")).find("</html>") != std::string::npos);
  for (auto name : {"sure", "p", "j", "page.html"}) fs::remove_all(w.folder / name);
}

// Two examples of HellaSwag, each packed by bzip2 as a stream of its own, one after another.
BOOST_AUTO_TEST_CASE(a_packed_file_of_two_streams) {
  auto& w = here();
  const std::string hex =
      "425a6839314159265359e197980800000bdd80001040012010200023638e00200031434d3000314f53534da0d4619ba85de4cb2c51"
      "b674b5de66ae2004309cd32809b7ccc7e2ee48a70a121c32f30100"
      "425a683931415926535978c63a58000008dd80001040011010100036a99e802000314c269a034c4221a69a3107a803ace48b471225"
      "c4f10e6771003590b9d0de75cefcb17627a7c5dc914e14241e318e9600";
  std::string packed;
  for (std::size_t i = 0; i < hex.size(); i += 2) packed += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  const std::string file = w.at("data/hellaswag_val_full.txt.bz2"),
                    start = "--tasks hellaswag --model " + w.at("student") + " --data " + w.at("data");
  io::write_file(file, packed);
  const auto e = supra_test::supra("evaluate --json - " + start);
  if (e.err.find("bunzip2") == e.err.npos) {  // else built without that library
    BOOST_TEST_REQUIRE(e.code == 0, e.err);
    BOOST_TEST(json::parse(e.out).at("tasks").at("hellaswag").at("n") == 2);
    for (const auto& cut : {packed.substr(0, packed.size() - 1), packed + "BZ"}) {
      io::write_file(file, cut, io::existing::overwrite);
      refused(start, {"hellaswag_val_full.txt.bz2", "no whole bzip2 file"});
    }
  }
  fs::remove(file);
}

BOOST_AUTO_TEST_CASE(the_published_hellaswag) {
  if (left_out("the published file of HellaSwag")) return;
  auto& w = here();
  const auto e = supra_test::shell("SUPRA_DATA_DIR=" + data_dir() +
                                   " exec \"$supra\" evaluate --tasks hellaswag --limit 4 --json - --model " + w.at("student"));
  if (e.err.find("is packed; unpack it with bunzip2") != e.err.npos) {
    std::cout << "left out (the program was built without bzip2): the published file of HellaSwag\n";
    return;
  }
  BOOST_TEST_REQUIRE(e.code == 0, e.err);
  BOOST_TEST(json::parse(e.out).at("tasks").at("hellaswag").at("n") == 4);
}

// A real transformer's scores, as transformers in float32 gives them: the log-likelihoods to 1e-3, and what they choose.
BOOST_AUTO_TEST_CASE(smollm2_scores) {
  if (smollm2_left_out("SmolLM2's scores on tasks")) return;
  const std::string predictions = here().at("smollm2");
  run("evaluate --limit 3 --tasks arc_easy,winogrande,lambada_openai --model " + smollm2_file().string() + " --data " +
      data_dir() + "/eval --predictions " + predictions);
  std::map<std::string, std::vector<json>> wanted;
  const auto lines = lines_of(predictions);
  BOOST_TEST(lines.size() == 9u);
  for (auto& found : lines) {
    const std::string task = found.at("task");
    auto& all = wanted[task];
    if (all.empty()) all = lines_of((smollm2_goldens() / "scores/fp32" / ("eval_" + task + ".jsonl")).string());
    const auto& reference = all.at(found.at("i").get<std::size_t>());
    BOOST_TEST(found.at("context_tokens") == reference.at("ctx_tokens"));
    BOOST_TEST(found.at("continuation_tokens") == reference.at("cont_tokens"));
    for (auto key : {"gold", "pred", "pred_norm", "greedy"})
      if (reference.contains(key)) BOOST_TEST(found.at(key) == reference.at(key), task << " " << key);
    for (std::size_t j = 0; j < found.at("ll").size(); ++j)
      BOOST_TEST(std::abs(found.at("ll")[j].get<double>() - reference.at("ll")[j].get<double>()) < 1e-3, task);
  }
  fs::remove(predictions);
}
