#include "path.hpp"

#include <regex>

using namespace supra_test;

namespace {

std::string without_end(std::string text) {
  BOOST_TEST_REQUIRE((!text.empty() && text.back() == '\n'));
  text.pop_back();
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(training_writes_models_logs_and_reports) {
  auto& p = made();
  for (auto& folder : {p.teacher, p.student}) {
    for (auto name : {"config.json", "model.safetensors", "supra_tokenizer.json", "log.jsonl", "report.html"})
      BOOST_TEST(fs::exists(fs::path(folder) / name), folder << " has no " << name);
    for (auto& entry : fs::directory_iterator(folder))
      BOOST_TEST(entry.path().string().find(".part-") == std::string::npos, entry.path() << " is left");
    BOOST_TEST(events(folder, "result").size() == 1u);
    BOOST_TEST(events(folder, "start").size() == 1u);
  }
  BOOST_TEST(events(p.teacher, "step").size() == 32u);  // 4096 tokens in steps of 4 x 32
  BOOST_TEST(events(p.student, "step").size() == 64u);  // the student's and scratch's
  const auto teacher = events(p.teacher, "result").front(), student = events(p.student, "result").front();
  const double nothing_learned = std::log(258.0);
  BOOST_TEST(teacher.at("teacher_loss").get<double>() < nothing_learned - 1);
  BOOST_TEST(student.at("student_loss").get<double>() < student.at("swap_loss").get<double>());
  BOOST_TEST(student.at("fit_loss").get<double>() < student.at("swap_loss").get<double>());
  BOOST_TEST(student.at("teacher_loss").get<double>() == teacher.at("teacher_loss").get<double>(),
             boost::test_tools::tolerance(1e-5));  // the same windows
  BOOST_TEST(std::isfinite(student.at("scratch_loss").get<double>()));
  std::size_t at_marks = 0;
  for (auto& line : events(p.student, "eval"))
    at_marks +=
        line.at("phase") == "uptrain" && (line.at("tokens") == 1024 || line.at("tokens") == 2048) && line.at("tag") != "fit";
  BOOST_TEST(at_marks == 2u);
}

// The student's shape from random values, at the rate asked for; the result counts tokens that were trained.
BOOST_AUTO_TEST_CASE(a_student_from_scratch) {
  auto& p = made();
  const auto at = [&](const std::string& name) { return (p.folder / name).string(); };
  const std::string start =
      "uptrain --recipe scratch --teacher " + p.teacher + " --text " + p.text + " --batch 4 --tokens 1000 ";
  const auto run = [&](const std::string& name, const std::string& more) {
    path::run(start + "--out " + at(name) + " " + more);
    return events(at(name), "step");
  };
  const auto usual = run("scratch", ""), slow = run("scratch.slow", "--lr 1e-4"),
             other = run("scratch.other", "--lr-scratch 1e-3");
  BOOST_TEST(usual.size() == 7u);  // 1000 tokens are 7 whole steps of 128
  BOOST_TEST(events(at("scratch"), "result").front().at("student_tokens") == 7 * 128);
  BOOST_TEST(events(at("scratch"), "start").front().at("recipe") == "scratch");
  BOOST_TEST(!events(at("scratch"), "result").front().contains("swap_loss"));
  BOOST_TEST(slow.front().at("lr").get<double>() == usual.front().at("lr").get<double>() / 20,
             boost::test_tools::tolerance(1e-9));
  BOOST_TEST(other.front().at("lr").get<double>() == usual.front().at("lr").get<double>() / 2,
             boost::test_tools::tolerance(1e-9));
}

// Each recipe's steps, the tokens that they count, the losses that they tell.
BOOST_AUTO_TEST_CASE(recipes) {
  auto& p = made();
  const auto uptrain = [&](const std::string& recipe, const std::string& more = "") {
    const std::string out = p.folder / ("recipe." + recipe);
    path::run("uptrain --teacher " + p.teacher + " --text " + p.text + " --batch 4 --tokens 2560 --fit-tokens 256 --recipe " +
              recipe + " --out " + out + more);
    BOOST_TEST(events(out, "start").front().at("recipe") == recipe);
    return out;
  };
  const auto result = [](const std::string& out) { return events(out, "result").front(); };
  const auto paper = result(uptrain("paper"));
  BOOST_TEST(!paper.contains("fit_loss"));
  BOOST_TEST(paper.at("student_tokens") == 2560);
  BOOST_TEST(paper.at("teacher_forward_tokens") == 0);
  for (const std::string recipe : {"transfer", "distill"}) {
    const std::string out = uptrain(recipe, " --transfer-share 0.25 --evaluate-at 256,1280");
    const auto r = result(out);
    BOOST_TEST(r.at("student_tokens") == 2560);  // 20 steps of 128, 5 of them the transfer's
    BOOST_TEST(r.at("transfer_tokens") == 640);
    BOOST_TEST(r.at("teacher_forward_tokens") == 256 + (recipe == "distill" ? 2560 : 640));
    BOOST_TEST(r.at("fit_loss").get<double>() < r.at("swap_loss").get<double>());
    BOOST_TEST(std::isfinite(r.at("transfer_loss").get<double>()));
    const auto steps = events(out, "step");
    BOOST_TEST_REQUIRE(steps.size() == 20u);
    for (std::size_t i = 0; i < 20; ++i) {
      BOOST_TEST(steps[i].at("phase") == (i < 5 ? "transfer" : "uptrain"));
      BOOST_TEST(steps[i].at("tokens") == 128 * (i + 1));
      BOOST_TEST(steps[i].contains("kl") == (i >= 5 && recipe == "distill"));
    }
    if (recipe == "distill")
      BOOST_TEST(steps[9].at("loss").get<double>() == steps[9].at("kl").get<double>() + 0.1 * steps[9].at("ce").get<double>(),
                 boost::test_tools::tolerance(1e-12));
    std::vector<std::string> tags;
    for (auto& e : events(out, "eval")) tags.push_back(e.at("tag"));
    BOOST_TEST((tags == std::vector<std::string>{"teacher", "swap", "fit", "0.000256M", "transfer", "0.00128M", "end"}));
    BOOST_TEST(!fs::exists(out + "/checkpoint.transfer.safetensors"));
    BOOST_TEST(bytes_of(out + "/report.html").find("After the transfer") != std::string::npos);
  }
}

// A teacher whose rotary positions are scaled becomes an RNN with every attention that the program names.
BOOST_AUTO_TEST_CASE(scaled_positions_with_every_attention) {
  auto& p = made();
  const auto at = [&](const std::string& name) { return (p.folder / name).string(); };
  auto c = tiny_config();
  c.scaling.kind = "linear", c.scaling.factor = 2;
  make_model(p.folder / "scaled", c);
  for (const std::string name : {"supra", "supra-retnet", "supra-nodecay", "gated", "learned", "hedgehog", "elu1", "softmax",
                                 "taylor2", "exp", "best", "gated,normalizer=rms_norm", "supra,position=rope_before"}) {
    const std::string out = at("scaled." + name);
    path::run("uptrain --teacher " + at("scaled") + " --text " + p.text + " --out " + out + " --attention " + name +
              " --batch 4 --tokens 128 --fit-tokens 128");
    BOOST_TEST(std::isfinite(p.loss(out, "--limit 2")));
  }
}

BOOST_AUTO_TEST_CASE(reports_need_nothing_else) {
  for (auto& folder : {made().teacher, made().student}) {
    const std::string page = bytes_of(folder + "/report.html");
    BOOST_TEST(page.size() > 2000u);
    BOOST_TEST(page.find("<svg") != page.npos);
    BOOST_TEST(page.find("</html>") != page.npos);
    const std::regex outside(R"re((src|href|srcset|data|action)\s*=\s*["']?(?!["']?(#|data:)))re"
                             R"re(|url\(\s*["']?(?!["']?(#|data:))|@import|<link|<script[^>]*\ssrc)re");
    std::smatch found;
    const std::string what = std::regex_search(page, found, outside) ? found.str() : "";
    BOOST_TEST(what == "", folder << " needs something else");
  }
}

BOOST_AUTO_TEST_CASE(a_saved_state_goes_on_to_the_same_text) {
  for (auto& model : {made().teacher, made().student}) {
    const std::string state = made().folder / "state", start = "generate --ignore-end --model " + model + " ";
    const auto whole = path::run(start + "--tokens 40 --prompt 'the cat '");
    const auto first = path::run(start + "--tokens 15 --prompt 'the cat ' --save-state " + state);
    const auto second = path::run(start + "--tokens 25 --load-state " + state);
    BOOST_TEST(whole.out.starts_with("the cat "));
    BOOST_TEST(without_end(first.out) + second.out == whole.out);
    path::run(start + "--tokens 10 --load-state " + state + " --save-state " + state);  // over itself
    BOOST_TEST(without_end(first.out) +
                   path::run(start + "--tokens 10 --load-state " + made().folder.path.string() + "/state").out !=
               whole.out);
    const std::string drawn = start + "--tokens 30 --temperature 0.8 --top-p 0.9 --prompt a --seed ";
    BOOST_TEST(path::run(drawn + "5").out == path::run(drawn + "5").out);
    BOOST_TEST(path::run(drawn + "5").out != path::run(drawn + "6").out);
  }
}

BOOST_AUTO_TEST_CASE(what_transformers_cannot_open_is_said) {
  const temporary_folder folder;
  for (const bool paper : {false, true}) {
    auto c = tiny_config();
    if (paper) c.norm = ::supra::model::norm_kind::layer_gain;
    const auto from = folder / (paper ? "paper" : "llama"), to = folder / (from.filename().string() + ".out");
    make_model(from, c);
    const auto e = supra_test::supra("convert --model " + from.string() + " --out " + to.string());
    BOOST_TEST(e.code == 0, e.err);
    BOOST_TEST((e.err.find("only supra opens it") != e.err.npos) == paper, e.err);
  }
}

BOOST_AUTO_TEST_CASE(converted_models_have_the_losses) {
  auto& p = made();
  for (auto& model : {p.teacher, p.student}) {
    const std::string f32 = model + ".f32", bf16 = model + ".bf16";
    BOOST_TEST(path::run("convert --model " + model + " --out " + f32).out.find("dtype: f32\n") != std::string::npos);
    BOOST_TEST(path::run("convert --dtype bf16 --model " + model + " --out " + bf16).out.find("dtype: bf16\n") !=
               std::string::npos);
    BOOST_TEST(bytes_of(f32 + "/model.safetensors") == bytes_of(model + "/model.safetensors"));
    const bool rnn = model == p.student;
    for (auto& folder : {model, f32, bf16})
      BOOST_TEST(fs::exists(folder + "/modeling_supra.py") == rnn, folder);
    const std::string paper = model + ".paper", back = model + ".back";  // through the paper's layout to the same bytes
    path::run("convert --format paper --model " + model + " --out " + paper);
    path::run("convert --model " + paper + " --out " + back);
    BOOST_TEST(json::parse(bytes_of(paper + "/config.json")).at("model_type") == "openlm");
    for (auto name : {"model.safetensors", "modeling_supra.py"})
      BOOST_TEST(bytes_of(back + "/" + name) == (fs::exists(model + "/" + name) ? bytes_of(model + "/" + name) : ""), name);
    BOOST_TEST(fs::file_size(bf16 + "/model.safetensors") <
               0.7 * static_cast<double>(fs::file_size(f32 + "/model.safetensors")));
    for (std::string how : {"", "--window 32", "--limit 3"}) {
      const double loss = p.loss(model, how);
      BOOST_TEST(p.loss(paper, how) == loss);
      BOOST_TEST(p.loss(f32, how) == loss);
      BOOST_TEST(p.loss(bf16, how) == loss, boost::test_tools::tolerance(0x1p-7));  // weights are rounded by 2^-9 of themselves
    }
  }
}

BOOST_AUTO_TEST_CASE(info_tells_what_a_model_is) {
  auto& p = made();
  const std::string file = p.folder / "info.json";
  const auto info = [&](const std::string& model) {
    return path::run("info --model " + model + " --json " + file), json::parse(bytes_of(file));
  };
  const auto teacher = info(p.teacher), student = info(p.student);
  BOOST_TEST(teacher.at("attention") == "softmax");
  BOOST_TEST(!teacher.contains("state_bytes"));
  BOOST_TEST(teacher.at("parameters") ==
             258 * 16 + 4 * 16 * 16 + 3 * 16 * 32 + 3 * 16);  // embedding, attention, feed-forward, norms
  BOOST_TEST(teacher.at("softmax_cache_bytes_at_1k") == 1024 * 2 * 16 * 4);
  BOOST_TEST(student.at("attention") == "relu/rope/slopes/group_norm");
  BOOST_TEST(student.at("state_bytes") == 2 * 8 * 8 * 4);  // heads x d x d floats
  BOOST_TEST((student.at("map") == "dense" && student.at("map_depth") == 1 && student.at("map_width") == 1));
  auto c = supra::io::load_model<float>(p.student).config;
  c.attention.map_depth = 2, c.attention.map_width = 2;
  make_model(p.folder / "wide", c);
  const auto wide = info(p.folder / "wide");
  BOOST_TEST((wide.at("map_depth") == 2 && wide.at("map_width") == 2 && wide.at("state_bytes") == 2 * 16 * 8 * 4));
  BOOST_TEST(student.at("parameters") > teacher.at("parameters"));
  for (auto key : {"vocab", "dim", "layers", "heads", "kv_heads", "head_dim", "hidden", "max_length"})
    BOOST_TEST(teacher.at(key) == student.at(key));
}

// A hybrid: its branches' losses in the log, in the result and on the page; its window in the files; how often it is dropped
// counts.
BOOST_AUTO_TEST_CASE(a_hybrid_tells_its_branches) {
  auto& p = made();
  const auto uptrain = [&](const std::string& name, const std::string& more) {
    const std::string out = p.folder / name;
    const auto e = path::run("uptrain --teacher " + p.teacher + " --text " + p.text + " --out " + out +
                             " --attention best,window=8 --batch 4 --tokens 2560 --fit-tokens 1024" + more);
    BOOST_TEST((e.out.find("linear_branch_loss: ") != e.out.npos && e.out.find("window_branch_loss: ") != e.out.npos));
    return out;
  };
  const auto number = [](const json& j, const char* key) { return j.at(key).get<double>(); };
  const std::string out = uptrain("hybrid", "");
  const auto r = events(out, "result").front();
  const double whole = number(r, "student_loss"), linear = number(r, "linear_branch_loss"),
               window = number(r, "window_branch_loss");
  BOOST_TEST((std::isfinite(whole) && std::isfinite(linear) && std::isfinite(window)));
  BOOST_TEST((whole != linear && whole != window && linear != window));
  std::vector<json> student;
  for (auto& e : events(out, "eval")) {
    BOOST_TEST(e.contains("linear_branch_loss") == (e.at("model") == "student"));
    BOOST_TEST(e.contains("window_branch_loss") == (e.at("model") == "student"));
    if (e.at("model") == "student") student.push_back(e);
  }
  BOOST_TEST((number(student.back(), "loss") == whole && number(student.back(), "linear_branch_loss") == linear));
  const std::string page = bytes_of(out + "/report.html");
  BOOST_TEST((page.find("Its linear branch alone") != page.npos && page.find("Its window alone") != page.npos));
  BOOST_TEST(json::parse(bytes_of(out + "/config.json")).at("supra").at("window") == 8);
  const auto loaded = supra::io::load_model<float>(out);
  BOOST_TEST(loaded.config.attention.window == 8);
  const supra::model::parameter_layout layout(loaded.config);
  const auto& mix = layout.at("model.layers.0.self_attn.branch_mix");
  BOOST_TEST((mix.shape == std::vector<std::int64_t>{2}));
  BOOST_TEST((loaded.values[static_cast<std::size_t>(mix.offset)] != 2));  // it was trained
  const std::string file = p.folder / "info.json";
  path::run("info --model " + out + " --json " + file);
  const auto info = json::parse(bytes_of(file));
  BOOST_TEST(info.at("attention") == "relu/rope/per_token/rms_norm_gain, output gate, window 8");
  BOOST_TEST(info.at("window") == 8);
  BOOST_TEST(info.at("state_bytes") == (2 * 8 * 8 + 2 * 2 * 8 * 8) * 4);  // heads x d x d, and 8 tokens' keys and values
  std::size_t lengths = 0, samples = 0;  // that it writes: with memory of that size whatever the length
  for (auto& e : events(out, "growth")) {
    if (e.at("model") != "student") continue;
    for (auto& bytes : e.at("state_bytes")) BOOST_TEST(bytes == info.at("state_bytes"));
    lengths += e.at("state_bytes").size();
  }
  for (auto& e : events(out, "sample")) samples += e.at("model") == "student";
  BOOST_TEST((lengths > 1 && samples > 0));

  const std::string never = uptrain("hybrid.never", " --window-dropout 0"),
                    always = uptrain("hybrid.always", " --window-dropout 1");
  const auto last = [](const std::string& folder) { return bytes_of(folder + "/model.safetensors"); };
  BOOST_TEST((last(out) != last(never) && last(out) != last(always) && last(never) != last(always)));
  BOOST_TEST(last(uptrain("hybrid.again", "")) == last(out));
}

// A teacher of 4 heads and 2 of keys and values gives students of 2 and of 4: the same state, more parameters.
BOOST_AUTO_TEST_CASE(a_student_may_have_more_key_heads) {
  auto& p = made();
  const std::string teacher = p.folder / "grouped";
  path::run("pretrain --text " + p.text + " --out " + teacher +
            " --dim 32 --layers 2 --heads 4 --kv-heads 2 --hidden 32 --seq 32 --tokens 4096 --batch 4 --lr 0.01");
  const auto uptrain = [&](const std::string& name, const std::string& more, std::int64_t kv_heads) {
    const std::string out = p.folder / ("key_heads." + name), file = p.folder / "info.json";
    path::run("uptrain --teacher " + teacher + " --text " + p.text + " --out " + out +
              " --batch 4 --tokens 2560 --fit-tokens 1024 " + more);
    const auto settings = events(out, "start").front().at("settings");
    BOOST_TEST(settings.contains("kv_heads") == (kv_heads == 4));
    BOOST_TEST(settings.value("kv_heads", kv_heads) == kv_heads);
    path::run("info --model " + out + " --json " + file);
    const auto info = json::parse(bytes_of(file));
    BOOST_TEST((info.at("heads") == 4 && info.at("kv_heads") == kv_heads));
    const auto config = json::parse(bytes_of(out + "/config.json"));
    BOOST_TEST((config.at("num_key_value_heads") == kv_heads && config.at("supra").at("shared_map") == false));
    BOOST_TEST(std::isfinite(p.loss(out, "--limit 3")));
    path::run("generate --tokens 5 --prompt the --model " + out);
    return info;
  };
  const auto grouped = uptrain("2", "", 2), whole = uptrain("4", "--scratch --kv-heads 4", 4);
  BOOST_TEST(grouped.at("state_bytes") == whole.at("state_bytes"));
  BOOST_TEST(whole.at("parameters").get<int>() - grouped.at("parameters").get<int>() ==
             2 * (2 * 16 * 32 + 32 * 32 - 16 * 16 + 16));  // of a layer: rows of wk and wv, a map of keys and its bias
  const auto r = events(p.folder / "key_heads.4", "result").front();
  BOOST_TEST(r.at("fit_loss").get<double>() < r.at("swap_loss").get<double>());
  BOOST_TEST(r.at("student_loss").get<double>() < r.at("fit_loss").get<double>());
  BOOST_TEST(std::isfinite(r.at("scratch_loss").get<double>()));
  uptrain("as_teacher", "--kv-heads 2", 2);  // the same run as without the flag
  const auto model = [&](const char* name) { return bytes_of(p.folder / name / "model.safetensors"); };
  BOOST_TEST(model("key_heads.as_teacher") == model("key_heads.2"));
  uptrain("scratch", "--recipe scratch --kv-heads 4", 4);
  const auto hybrid = uptrain("hybrid", "--attention hybrid,window=8 --kv-heads 4", 4);
  BOOST_TEST(hybrid.at("state_bytes") == 2 * (4 * 8 * 8 + 2 * 4 * 8 * 8) * 4);  // its window holds keys of all its heads
}

// The teacher's own text: sampled once, kept, and read by a run that is resumed or given the file.
BOOST_AUTO_TEST_CASE(a_teacher_writes_the_text) {
  auto& p = made();
  const std::string first = p.folder / "sampled", again = p.folder / "sampled_again", from_file = p.folder / "from_file";
  const auto command = [&](const std::string& text, const std::string& out) {
    return "uptrain --teacher " + p.teacher + text + " --tokens 2048 --batch 4 --fit-tokens 1024 --out " + out;
  };
  const auto model = [](const std::string& folder) { return bytes_of(folder + "/model.safetensors"); };
  const auto said = path::run(command(" --text teacher:3", first));
  BOOST_TEST(said.out.find("sampled ") != said.out.npos);
  const auto sampled = events(first, "sampled");
  BOOST_TEST_REQUIRE(sampled.size() == 1u);
  BOOST_TEST((sampled[0].at("seed") == 3 && sampled[0].at("tokens") >= 2223));  // 64 x 33 / 0.95
  BOOST_TEST(sampled[0].at("documents") > 60);
  const std::string file = first + "/sampled.3.safetensors", tokens = bytes_of(file), weights = model(first);
  path::run(command(" --text teacher:3", again));
  BOOST_TEST((bytes_of(again + "/sampled.3.safetensors") == tokens && model(again) == weights));
  path::run(command(" --text " + file, from_file));
  BOOST_TEST(model(from_file) == weights);
  path::run(command(" --text teacher:3", first) + " --resume");
  BOOST_TEST((bytes_of(file) == tokens && model(first) == weights && events(first, "sampled").size() == 1u));
  const auto other = supra_test::supra(command(" --text teacher:3 --sampled 3000", first) + " --resume");
  BOOST_TEST((other.code != 0 && other.err.find("other settings") != other.err.npos), other.err);
  const std::string not_built = " --attention supra,feature=taylor2,position=absolute,decay=learned";
  const auto never = supra_test::supra(command(" --text teacher:3" + not_built, p.folder / "never"));
  BOOST_TEST((never.code != 0 && never.err.find("not built with the attention") != never.err.npos), never.err);
  BOOST_TEST(never.out == "");  // nothing was sampled before
  // with a file beside it, and other draws
  const std::string mixed = p.folder / "mixed";
  path::run(command(" --text teacher:4 --sampled 1000 --text " + p.text, mixed));
  BOOST_TEST((fs::exists(mixed + "/sampled.4.safetensors") && model(mixed) != weights));
  for (const std::string text : {" --text recall:1", " --text recall:1 --text "}) {  // alone, and of passages of a file
    const std::string out = p.folder / ("recall" + std::to_string(text.size()));
    path::run(command(text + (text.ends_with(' ') ? p.text : ""), out));
    BOOST_TEST(model(out) != weights);
    const auto once = model(out);
    path::run(command(text + (text.ends_with(' ') ? p.text : ""), out) + " --resume");
    BOOST_TEST(model(out) == once);
  }
  const std::string one = p.folder / "one.txt";  // cut in two: what repeats does not stand in for a second document
  supra::io::write_file(one, std::regex_replace(made_up_text(60), std::regex("<\\|endoftext\\|>"), " "));
  double loss = 0;
  for (const std::string recall : {"", " --text recall:1"}) {
    const std::string out = p.folder / ("of_one" + std::to_string(recall.size()));
    const auto e = path::run(command(" --text " + one + recall, out));
    BOOST_TEST(e.out.find("the text is one document: its first ") != e.out.npos);
    const auto cut = events(out, "cut");
    BOOST_TEST_REQUIRE(cut.size() == 1u);
    const double held = cut[0].at("held_out_tokens"), trained = cut[0].at("trained_tokens");
    BOOST_TEST((held == std::floor((held + trained) * 0.05) && trained > 1000));
    const double teacher = events(out, "result").front().at("teacher_loss");  // on what is held out, the same
    BOOST_TEST((loss == 0 || loss == teacher));
    loss = teacher;
  }
  path::run("pretrain --tokenizer bytes --text " + file + " --out " + (p.folder / "on_it").string() +
            " --dim 16 --layers 1 --heads 2 --kv-heads 2 --hidden 32 --seq 32 --tokens 512 --batch 4");
}

// Samples go on from the beginning of what is held out: twelve words, or as many tokens where no spaces part a text.
BOOST_AUTO_TEST_CASE(samples_begin_as_the_held_out_text) {
  auto& p = made();
  std::string text = std::regex_replace(made_up_text(60), std::regex("<\\|endoftext\\|>\n"), "") + "end";
  for (const std::string name : {"spaced", "spaceless"}) {
    if (name == "spaceless") std::erase(text, ' ');
    const std::string file = p.folder / (name + ".txt"), out = p.folder / name;
    supra::io::write_file(file, text);
    path::run("uptrain --teacher " + p.teacher + " --text " + file + " --out " + out +
              " --tokens 512 --batch 4 --recipe paper --attention supra");
    const std::string held = text.substr(text.size() - events(out, "cut").at(0).at("held_out_tokens").get<std::size_t>());
    const std::string prompt = events(out, "sample").at(0).at("prompt");
    BOOST_TEST_REQUIRE(held.size() > 200u);
    if (name == "spaceless") BOOST_TEST(prompt == held.substr(0, 96));
    else BOOST_TEST((held.starts_with(prompt + " ") && std::ranges::count(prompt.substr(1), ' ') == 11), prompt);
  }
}

BOOST_AUTO_TEST_CASE(every_command_has_help) {
  const auto all = path::run("--help");
  const std::map<std::string, std::string> commands = {
      {"pretrain", "--dim"},  {"uptrain", "--teacher"}, {"generate", "--prompt"}, {"evaluate", "--window"},
      {"convert", "--dtype"}, {"info", "--json"},       {"demo", "--scale"}};
  for (auto& [command, flag] : commands) {
    BOOST_TEST(all.out.find(command) != all.out.npos);
    BOOST_TEST(path::run(command + " --help").out.find(flag) != std::string::npos);
  }
  BOOST_TEST(path::run("uptrain --help").out.find("the transfer's is") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_demo_does_it_all) {
  const std::string out = made().folder / "demo";
  path::run("demo --scale 0.005 --out " + out);
  for (auto name : {"model.safetensors", "report.html", "log.jsonl", "teacher/model.safetensors", "teacher/report.html"})
    BOOST_TEST(fs::exists(fs::path(out) / name), name);
  BOOST_TEST(events(out, "result").front().contains("recovered"));
  path::run("generate --tokens 8 --prompt 'Once ' --model " + out);
}
