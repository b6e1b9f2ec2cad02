// The runs of an experiment.
#include "runner.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <new>

#include "../report/evaluation.hpp"
#include "../session.hpp"
#include "../training_text.hpp"
#include "report.hpp"

namespace supra::program::experiments {
namespace fs = std::filesystem;

namespace {

// What the commands say of single runs is in their logs; standard output is the experiment's own.
class muted {
 public:
  muted() : kept_((std::fflush(stdout), ::dup(STDOUT_FILENO))) {
    const int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    io::need(kept_ >= 0 && nothing >= 0, "standard output cannot be set aside: ", std::strerror(errno));
    ::dup2(nothing, STDOUT_FILENO), ::close(nothing);
  }
  muted(const muted&) = delete;
  muted& operator=(const muted&) = delete;
  ~muted() { std::fflush(stdout), ::dup2(kept_, STDOUT_FILENO), ::close(kept_); }

 private:
  int kept_;
};

// Held while a folder is worked in: its files are one process's.
class folder_lock {
 public:
  folder_lock(const std::string& folder, bool wait) : file_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    io::need(file_ < 0 || ::flock(file_, wait ? LOCK_EX : LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK, folder,
             ": another supra experiment is at work there; wait for its end, or name another --out");
  }
  folder_lock(const folder_lock&) = delete;
  folder_lock& operator=(const folder_lock&) = delete;
  ~folder_lock() {
    if (file_ >= 0) ::close(file_);
  }

 private:
  int file_;
};

bool on_terminal() { return isatty(STDERR_FILENO) != 0; }

std::string absolute(const std::string& path) {
  std::error_code failed;
  const auto found = fs::weakly_canonical(path, failed);
  return failed || !fs::exists(found, failed) ? path : found.string();
}
std::string teacher_key(const teacher& t) { return t.name.empty() ? "teacher" : t.name; }

std::string words(const json& v) { return v.is_null() ? "not given" : v.is_string() ? v.get<std::string>() : v.dump(); }

// Variants and teachers may be added, and weights are not known before they are made; whatever is on both sides must be the
// same.
bool may_be_added(const std::string& at, const std::string& key) {
  return at == "variants" || at == "teachers" || (at.starts_with("teachers.") && key == "weights");
}

// The first setting that differs, in words; empty where none does.
std::string difference(const json& then, const json& now, const std::string& at) {
  if (!then.is_object() || !now.is_object())
    return then == now ? "" : at + " was " + words(then) + ", now it is " + words(now);
  std::set<std::string> keys;
  for (auto* side : {&then, &now})
    for (auto& [key, value] : side->items()) keys.insert(key);
  for (auto& key : keys) {
    if (may_be_added(at, key) && (!then.contains(key) || !now.contains(key))) continue;
    const std::string found = difference(then.value(key, json()), now.value(key, json()), at.empty() ? key : at + "." + key);
    if (!found.empty()) return found;
  }
  return "";
}

// Variants with a run that has a checkpoint or a result. A run's folder is VARIANT[@TEACHER]-SEED.
std::set<std::string> begun_in(const std::string& runs) {
  std::set<std::string> all;
  std::error_code failed;
  for (auto& entry : fs::directory_iterator(runs, failed)) {
    const std::string name = entry.path().filename().string();
    if (begun(entry.path().string()) || ended(entry.path().string()))
      all.insert(name.substr(0, std::min(name.find('@'), name.rfind('-'))));
  }
  return all;
}

std::string sentence_of(const std::exception& error) {
  return dynamic_cast<const std::bad_alloc*>(&error) ? "there is not enough memory for it" : error.what();
}

}  // namespace

runner::runner(commands& on, experiment given, const experiment_options& options)
    : on(on), e(std::move(given)), o(options) {
  take_flags(e, o);
  if (o.out.empty()) o.out = "experiments/" + e.name;
  for (auto& file : e.text)
    if (!is_made(file)) file = absolute(file);
  for (auto& t : e.teachers)
    for (auto* path : {&t.path, &t.tokenizer})
      if (!path->empty()) *path = absolute(*path);
  plan(), check(), check_folder();
}

void runner::check() {
  std::int64_t longest = 0;
  for (auto& t : e.teachers) {
    opened_teachers.push_back(opened(t));
    for (auto& r : runs)
      if (r.teacher == t.name && r.seed == 0) check_variant({r.variant, r.settings}, opened_teachers.back());
    const auto& its = opened_teachers.back();
    for (auto n : e.lengths) longest = std::max(longest, n > 0 ? std::min(n, its.longest) : its.usual);
  }
  if (e.window == 0) e.window = 16 * longest;
  text_fingerprint = check_texts(e);
}

json runner::settings() const {
  json j{{"backend", o.backend}, {"text", e.text}, {"window", e.window}, {"windows", e.windows}};
  j["text_fingerprint"] = text_fingerprint, j["held_out"] = uptrain_of(e.common, "settings").train.held_out;
  j["teachers"] = json::object(), j["variants"] = json::object();
  for (std::size_t i = 0; i < e.teachers.size(); ++i) {
    const auto& t = e.teachers[i];
    json& its = j["teachers"][teacher_key(t)];
    its = t.path.empty() ? told(t.made) : json{{"path", t.path}, {"tokenizer", t.tokenizer}};
    if (!opened_teachers[i].weights.empty()) its["weights"] = opened_teachers[i].weights;
  }
  for (auto& v : e.variants) j["variants"][v.name] = v.settings;
  for (auto& r : runs)
    if (r.variant == from_scratch) j["variants"][r.variant] = r.settings;
  return j;
}

void runner::check_folder() {
  std::error_code failed;
  const fs::path file = fs::path(o.out) / "experiment.json";
  if (!fs::exists(file, failed)) return check_output(o.out);
  json old = report::object_of(json_in(file), "settings");
  for (auto key : {"variants", "teachers"})
    io::need(old.contains(key) && old.at(key).is_object(), file.string(),
             ": is not what supra experiment writes; name another --out");
  begun_variants = begun_in(o.out + "/runs");
  json variants = json::object();
  for (auto& [name, value] : old.at("variants").items())
    if (begun_variants.contains(name)) variants[name] = value;
  old["variants"] = variants;
  const std::string found = difference(old, settings(), "");
  io::need(found.empty() || begun_variants.empty(), o.out, ": was made with other settings: ", found,
           "; give the same, or another --out");
  other_settings = !found.empty();
}

void runner::forget_teachers() {
  std::vector<fs::path> measured;
  std::error_code failed;
  for (auto& entry : fs::directory_iterator(o.out, failed))
    if (entry.path().filename().string().starts_with("teacher") && entry.path().extension() == ".json")
      measured.push_back(entry.path());
  for (auto& path : measured) fs::remove(path, failed);
}

void runner::plan() {
  std::vector<variant> all = e.variants;
  const bool own = std::ranges::any_of(all, [](auto& v) { return v.name == from_scratch; });
  if (e.measures("recovered") && !own) all.push_back({from_scratch, e.from_nothing});
  for (std::int64_t seed = 0; seed < e.seeds; ++seed)
    for (auto& t : e.teachers)
      for (auto& v : all) {
        const std::string folder = v.name + (t.name.empty() ? "" : "@" + t.name) + "-" + std::to_string(seed);
        run r;
        r.variant = v.name, r.teacher = t.name, r.folder = o.out + "/runs/" + folder, r.seed = seed, r.settings = v.settings;
        runs.push_back(std::move(r));
      }
}

void runner::prepare() {
  const double share = uptrain_of(e.common, "settings").train.held_out;
  if (e.made_up()) {
    const std::string folder = (fs::path(o.out) / ".." / "made_up").lexically_normal().string();
    std::error_code failed;
    fs::create_directories(folder, failed);
    const folder_lock alone(folder, true);
    const auto made = make_stories(folder, share);
    texts = {made.text}, entropy = made.entropy;
    for (auto& t : e.teachers) {
      if (on_terminal() && !ended(folder + "/" + made_up_name(t.made))) fmt::print(stderr, "making the teacher\n");
      const muted quiet;
      teacher_paths.push_back(make_teacher(on, t.made, folder, made.text));
      opened_teachers[teacher_paths.size() - 1].weights = fingerprint_of_weights(teacher_paths.back());
    }
  } else {
    texts = e.text;
    for (auto& t : e.teachers) teacher_paths.push_back(t.path);
  }
  if (!e.measures("by_position") && !e.measures("recall")) return;
  const auto docs = documents(read_text(texts));
  check_not_empty(docs, texts);
  const auto tokenizer =
      tokenizer_for(e.teachers.front().tokenizer, teacher_paths.front(), io::open_model(teacher_paths.front()).config);
  const std::string between = tokenizer->encode(separator).size() == 1 ? std::string(separator) : " ";
  std::string text;
  for (std::size_t i = docs.size() - held_out_of(docs.size(), share); i < docs.size(); ++i) text += docs[i] + between;
  if (docs.size() == 1)
    text = tokenizer->decode_all(divided({tokenizer->encode(docs.front())}, share, texts.front()).all.back());
  held_out = o.out + "/held_out.txt";
  io::write_file(held_out, text, io::existing::overwrite);
}

uptrain_options runner::asked(const run& r) const {
  auto u = uptrain_of(r.settings, r.variant);
  for (std::size_t i = 0; i < e.teachers.size(); ++i)
    if (e.teachers[i].name == r.teacher) u.teacher = teacher_paths[i], u.train.tokenizer = e.teachers[i].tokenizer;
  u.train.text = texts;
  u.train.out = r.folder, u.train.seed = static_cast<std::uint64_t>(r.seed);
  return u;
}

void runner::train(run& r) {
  auto u = asked(r);
  std::error_code failed;
  u.train.resume = begun(r.folder);
  if (!u.train.resume) fs::remove_all(r.folder, failed);
  on.uptrain(u);
}

evaluate_options runner::evaluation(const std::string& model, const std::string& json_file) const {
  evaluate_options v;
  v.model = model, v.json = json_file;
  for (auto& t : e.teachers)  // a run's folder carries its own
    if (t.path == model) v.tokenizer = t.tokenizer;
  return v;
}

// What a teacher says, up to the length that it was made for; measured once.
json runner::of_teacher(std::size_t i, const std::string& what) const {
  const auto& t = e.teachers[i];
  const std::string file = o.out + "/" + (t.name.empty() ? "teacher." : "teacher@" + t.name + ".") + what + ".json";
  if (!json_in(file).is_object()) {
    auto v = evaluation(teacher_paths[i], file);
    if (what == "recall") v.recall = true, v.recall_text = held_out;
    else v.text = {held_out}, v.by_position = true, v.limit = 16 * e.windows;
    const muted quiet;
    on.evaluate(v);
  }
  json found = json_in(file);
  if (!t.name.empty()) found["teacher"] = t.name;
  return found;
}
void runner::measure_teachers() {
  for (auto what : {"by_position", "recall"})
    for (std::size_t i = 0; e.measures(what) && i < e.teachers.size(); ++i) try {
        teachers_found[what].push_back(of_teacher(i, what));
      } catch (const std::exception& error) { teachers_failures.push_back(sentence_of(error)); }
}

void runner::measure(run& r) {
  if (e.measures("by_position") && !r.by_position.is_object()) {
    auto v = evaluation(r.folder, r.folder + "/by_position.json");
    v.text = {held_out}, v.by_position = true, v.limit = e.windows, v.window = e.window;
    on.evaluate(v);
  }
  if (e.measures("recall") && !r.recall.is_object()) {
    auto v = evaluation(r.folder, r.folder + "/recall.json");
    v.recall = true, v.recall_text = held_out;
    on.evaluate(v);
  }
}

void runner::tell_progress(std::size_t at, double seconds) const {
  if (!on_terminal()) return;
  const auto& r = runs[at];
  fmt::print(stderr, "run {} of {}: {}{}, seed {}", at + 1, runs.size(), r.variant, r.teacher.empty() ? "" : ", " + r.teacher,
             r.seed);
  const auto left = static_cast<double>(std::ranges::count_if(runs, [](auto& x) { return !x.done() && x.failure.empty(); }));
  if (made > 0) fmt::print(stderr, "; about {} left for all", clock_text(seconds / static_cast<double>(made) * left));
  fmt::print(stderr, "\n");
}

void runner::write() {
  auto s = summarise(e, runs);
  s.entropy = entropy;
  json j{
      {"experiment", e.name}, {"title", e.title}, {"question", e.question}, {"command", o.command}, {"baseline", e.baseline}};
  const fs::path file = fs::path(o.out) / "experiment.json";
  j["settings"] = settings();
  if (const json old = json_in(file); old.is_object()) {  // of runs that were made before and are not asked for now
    for (auto key : {"variants", "teachers"})
      for (auto& [name, value] : old.at("settings").at(key).items())
        if (!begun_variants.empty() && (key == std::string("teachers") || begun_variants.contains(name)) &&
            !j["settings"][key].contains(name))
          j["settings"][key][name] = value;
  }
  j.update(told(s, runs));
  for (auto& [what, found] : teachers_found) j["teachers_" + what] = found;
  if (!teachers_failures.empty()) j["teachers_failures"] = teachers_failures;
  io::write_file(file, j.dump(2, ' ', false, json::error_handler_t::replace) + "\n", io::existing::overwrite);
  write_page(s, runs, j, o.out + "/report.html");
}

void runner::go() {
  std::error_code failed;
  fs::create_directories(o.out, failed);
  io::need(!failed, o.out, ": cannot be made: ", failed.message(), "; name another --out");
  const folder_lock alone(o.out, false);
  for (auto& r : runs) read(r);
  if (!fs::exists(o.out + "/experiment.json", failed)) write();  // whatever comes, the folder can be gone on with
  fs::create_directories(o.out + "/runs", failed);
  io::need(!failed, o.out, "/runs: cannot be made: ", failed.message());
  prepare(), check_folder();  // again, now that the weights are known
  if (other_settings) forget_teachers();
  write();
  measure_teachers(), write();
  const progress clock("", 0);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    auto& r = runs[i];
    const bool whole = r.done() && (!e.measures("by_position") || r.by_position.is_object()) &&
                       (!e.measures("recall") || r.recall.is_object());
    if (whole) continue;
    tell_progress(i, clock.seconds());
    try {
      const muted quiet;
      if (!r.done()) train(r);
      read(r);
      measure(r);
    } catch (const std::exception& error) { r.failure = sentence_of(error); }
    read(r), ++made;
    write();
  }
  const auto bad = std::ranges::count_if(runs, [](auto& r) { return !r.failure.empty(); });
  fmt::print("{}", table_text(summarise(e, runs)));
  print_result({{"json", o.out + "/experiment.json"}, {"report", o.out + "/report.html"}}, "");
  const auto first = std::ranges::find_if(runs, [](auto& r) { return !r.failure.empty(); });
  if (bad > 0)
    io::fail(bad, " of ", runs.size(), " runs failed; the first, ", first->variant, " with seed ", first->seed, ": ",
             first->failure);
  if (!teachers_failures.empty()) io::fail("the teacher could not be measured, the runs were: ", teachers_failures.front());
}

}  // namespace supra::program::experiments

namespace supra::program {

void run_experiment(commands& on, const experiment_options& o) {
  std::string where;
  const std::string text = experiments::experiment_text(o.experiment, where);
  experiments::runner(on, experiments::read_experiment(text, where), o).go();
}

void list_experiments() {
  for (auto& file : experiments::embedded) {
    const auto e = experiments::read_experiment(file.text, std::string(file.name));
    fmt::print("{}: {}\n", e.name, e.question);
  }
}

void show_experiment(const std::string& name_or_file) {
  std::string where;
  fmt::print("{}", experiments::experiment_text(name_or_file, where));
}

}  // namespace supra::program
