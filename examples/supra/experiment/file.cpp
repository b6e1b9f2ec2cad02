// An experiment's file, read.
#include "file.hpp"

#include <algorithm>
#include <filesystem>
#include <initializer_list>

#include "supra/io/mapped_file.hpp"

namespace supra::program::experiments {
namespace {

void only(const io::fields& f, std::initializer_list<std::string_view> known) {
  std::string all;
  for (auto key : known) all += (all.empty() ? "" : ", ") + std::string(key);
  for (auto& [key, value] : f.all().items())
    io::need(std::ranges::find(known, key) != known.end(), f.where(), ": the key ", io::in_quotes(key),
             " is not known; known are ", all);
}

std::string needed(const io::fields& f, const std::string& key) {
  f.at(key);
  const std::string s = f.text(key, "");
  io::need(!s.empty(), f.where(), ": ", io::in_quotes(key), " is empty");
  return s;
}

// A name becomes a folder's, and is given in lists with commas.
void check_name(const std::string& name, const std::string& where) {
  const auto good = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '.' || c == '-' || c == '+'; };
  io::need(!name.empty() && name.size() <= 60 && std::ranges::all_of(name, good) &&
               std::isalnum(static_cast<unsigned char>(name.front())),
           where, ": the name ", io::in_quotes(name),
           " must be letters, digits, _ . - + (at most 60), a letter or digit first");
}

std::int64_t positive(const io::fields& f, const std::string& key, std::int64_t otherwise, std::int64_t most) {
  const std::int64_t n = f.integer(key, otherwise);
  io::need(!f.has(key) || (n >= 1 && n <= most), f.where(), ": ", io::in_quotes(key), " must be from 1 to ", most, ", found ",
           n);
  return n;
}

template <class Each>
void each_of(const io::fields& f, const std::string& key, Each&& each) {
  const io::json& list = f.at(key);
  io::need(list.is_array() && !list.empty(), f.where(), ": ", io::in_quotes(key), " must be a list, not empty");
  for (std::size_t i = 0; i < list.size(); ++i) each(list[i], f.where() + ", " + key + " " + std::to_string(i + 1));
}

std::vector<std::string> texts_of(const io::fields& f, const std::string& key) {
  std::vector<std::string> all;
  if (!f.has(key)) return all;
  if (f.at(key).is_string()) return {f.text(key, "")};
  each_of(f, key, [&](const io::json& one, const std::string& where) {
    io::need(one.is_string(), where, ": must be a string");
    all.push_back(one.get<std::string>());
  });
  return all;
}

made_up_teacher made_up_of(const io::fields& f) {
  made_up_teacher m;
  const std::int64_t most = std::int64_t{1} << 40;
  m.dim = positive(f, "dim", m.dim, 65536), m.layers = positive(f, "layers", m.layers, 1024);
  m.heads = positive(f, "heads", m.heads, 65536), m.kv_heads = positive(f, "kv_heads", m.heads, 65536);
  m.hidden = positive(f, "hidden", m.hidden, 1 << 20), m.seq = positive(f, "seq", m.seq, 1 << 20);
  m.tokens = positive(f, "tokens", m.tokens, most), m.batch = positive(f, "batch", m.batch, 1 << 20);
  m.lr = f.number("lr", m.lr);
  io::need(m.lr > 0, f.where(), ": \"lr\" must be above 0, found ", m.lr);
  io::need(m.dim % (2 * m.heads) == 0, f.where(), ": \"dim\" ", m.dim, " must be a multiple of twice the \"heads\" ", m.heads,
           ", for rotary positions turn pairs of channels");
  io::need(m.heads % m.kv_heads == 0, f.where(), ": \"heads\" ", m.heads, " must be a multiple of \"kv_heads\" ", m.kv_heads);
  return m;
}

// A model's path, or an object: a made-up teacher's shape and training, with a name where there are several.
teacher teacher_of(const io::json& given, const std::string& where, bool named) {
  teacher t;
  if (given.is_string() && !named) {
    t.path = given.get<std::string>();
    io::need(!t.path.empty(), where, ": is empty; it is a model's path, or an object");
    return t;
  }
  io::need(given.is_object(), where, ": must be ", named ? "" : "a model's path or ", "an object, found ",
           io::in_quotes(given.dump()));
  const io::fields f(given, where);
  only(f, {"name", "path", "tokenizer", "dim", "layers", "heads", "kv_heads", "hidden", "seq", "tokens", "batch", "lr"});
  t.name = named ? needed(f, "name") : f.text("name", "");
  if (named) check_name(t.name, where);
  if (f.has("path")) {
    only(f, {"name", "path", "tokenizer"});
    t.path = needed(f, "path"), t.tokenizer = f.text("tokenizer", "");
  } else {
    io::need(!f.has("tokenizer"), where, ": \"tokenizer\" goes with a \"path\": the made-up teacher has its own");
    t.made = made_up_of(f);
  }
  return t;
}

void read_teachers(experiment& e, const io::fields& f) {
  io::need(!f.has("teacher") || !f.has("teachers"), f.where(), ": \"teacher\" and \"teachers\" contradict each other");
  if (!f.has("teachers")) {
    e.teachers = {f.has("teacher") ? teacher_of(f.at("teacher"), f.where() + ", teacher", false) : teacher{}};
    return;
  }
  each_of(f, "teachers", [&](const io::json& one, const std::string& where) {
    e.teachers.push_back(teacher_of(one, where, true));
    const auto& added = e.teachers.back();
    for (auto& t : e.teachers)
      io::need(&t == &added || t.name != added.name, where, ": the name ", io::in_quotes(added.name), " is there twice");
    io::need(added.path.empty() == e.teachers.front().path.empty(), where,
             ": some teachers have a path and others are made up; ", "a text suits one kind, make two experiments");
  });
}

void read_variants(experiment& e, const io::fields& f) {
  each_of(f, "variants", [&](const io::json& one, const std::string& where) {
    variant v{needed(io::fields(one, where), "name"), json::object()};
    check_name(v.name, where);
    for (auto& [key, value] : one.items())
      if (key != "name") v.settings[key] = value;
    io::need(!v.settings.contains("held_out"), where,
             ": \"held_out\" is a setting of all variants, or they are not comparable");
    uptrain_of(v.settings, where);
    io::need(std::ranges::none_of(e.variants, [&](auto& other) { return other.name == v.name; }), where, ": the name ",
             io::in_quotes(v.name), " is there twice");
    e.variants.push_back(std::move(v));
  });
  e.baseline = f.text("baseline", e.variants.front().name);
  io::need(std::ranges::any_of(e.variants, [&](auto& v) { return v.name == e.baseline; }), f.where(), ": the baseline ",
           io::in_quotes(e.baseline), " is not the name of a variant");
}

void read_measures(experiment& e, const io::fields& f) {
  static const std::set<std::string> known = {"held_out", "recovered", "by_position", "recall", "time"};
  for (auto& what : texts_of(f, "measure")) {
    io::need(known.contains(what), f.where(), ": the measure ", io::in_quotes(what),
             " is not known; known are held_out, recovered, by_position, recall, time");
    e.measure.insert(what);
  }
  e.window = positive(f, "window", 0, std::int64_t{1} << 30), e.windows = positive(f, "windows", e.windows, 1 << 20);
}

// VALUE as JSON, or as the text that it is.
std::pair<std::string, json> key_and_value(const std::string& given) {
  const auto at = given.find('=');
  io::need(at != given.npos && at > 0, "--set ", given, ": must be KEY=VALUE, for instance lr=3e-4");
  const std::string value = given.substr(at + 1);
  const json parsed = json::parse(value, nullptr, false);
  return {given.substr(0, at), parsed.is_discarded() ? json(value) : parsed};
}

void choose_variants(experiment& e, const std::vector<std::string>& names) {
  std::string known;
  for (auto& v : e.variants) known += (known.empty() ? "" : ", ") + v.name;
  for (auto& name : names)
    io::need(std::ranges::any_of(e.variants, [&](auto& v) { return v.name == name; }), "--variants ", name,
             ": there is no such variant; there are ", known);
  std::erase_if(e.variants, [&](auto& v) { return std::ranges::find(names, v.name) == names.end(); });
  if (std::ranges::find(names, e.baseline) == names.end()) e.baseline = e.variants.front().name;
}

// A setting for all that none would take is a mistake.
void check_taken(const experiment& e, const std::string& key, const std::string& flag) {
  io::need(std::ranges::any_of(e.variants, [&](auto& v) { return !v.settings.contains(key); }), flag, ": every variant has a ",
           io::in_quotes(key), " of its own, so this would change nothing; change a copy of the file (--show)");
}

// A folder's name is whole: what follows a dot is part of it, such as Llama-3.2-1B.
std::string name_of(const std::filesystem::path& p) {
  const auto kind = p.extension();
  return (kind == ".gguf" || kind == ".bin" || kind == ".safetensors" ? p.stem() : p.filename()).string();
}

void choose_teachers(experiment& e, const experiment_options& o) {
  io::need(!o.text.empty() || !e.text.empty(), "--teacher needs --text, files to train on");
  e.teachers.clear();
  for (auto& path : o.teachers) {
    std::filesystem::path p(path);
    if (!p.has_filename()) p = p.parent_path();
    const std::string name = o.teachers.size() > 1 ? name_of(p) : "";
    if (!name.empty()) check_name(name, "--teacher " + path);
    io::need(std::ranges::none_of(e.teachers, [&](auto& t) { return t.name == name; }), "--teacher ", path,
             ": another --teacher is named ", name, " too; give one of them a link of another name");
    e.teachers.push_back({name, path, "", {}});
  }
}

// Each variant's settings with the common ones, and what follows from those of all variants.
void complete(experiment& e) {
  e.lengths.clear();
  for (auto& t : e.teachers) t.made.held_out = uptrain_of(e.common, "settings").train.held_out;
  for (auto& v : e.variants) {
    json all = e.common;
    all.update(v.settings);
    v.settings = std::move(all);
    if (v.name == e.baseline) e.from_nothing = v.settings, e.shape_of_scratch = v.name;
    e.lengths.push_back(uptrain_of(v.settings, v.name).train.seq);
  }
  e.from_nothing["recipe"] = "scratch";
  for (auto key : {"lr", "scratch", "kl", "ce", "transfer_share"}) e.from_nothing.erase(key);  // its rate is lr_scratch
  for (auto& v : e.variants)
    if (v.name == from_scratch) e.from_nothing = v.settings, e.shape_of_scratch = v.name;
}

}  // namespace

std::string experiment_text(const std::string& given, std::string& where) {
  where = given;
  std::string known;
  for (auto& e : embedded) {
    if (e.name == given) return where = "the experiment " + given, std::string(e.text);
    known += (known.empty() ? "" : ", ") + std::string(e.name);
  }
  std::error_code failed;
  io::need(std::filesystem::exists(given, failed), "there is no experiment ", io::in_quotes(given),
           ", and no file of this name; there are ", known, ", and files of your own");
  const io::mapped_file file(given);
  io::need(file.size() <= 1'000'000, given, ": a file of ", file.size(), " bytes is no experiment");
  return std::string(file.text());
}

experiment read_experiment(std::string_view text, const std::string& where) {
  const io::json parsed = io::parse_json(text, where);
  const io::fields f(parsed, where);
  only(f, {"name", "title", "question", "teacher", "teachers", "tokenizer", "text", "settings", "variants", "baseline", "seeds",
           "measure", "window", "windows"});
  experiment e;
  e.name = needed(f, "name"), e.title = needed(f, "title"), e.question = needed(f, "question");
  check_name(e.name, where);
  e.tokenizer = f.text("tokenizer", ""), e.text = texts_of(f, "text");
  read_teachers(e, f);
  io::need(e.made_up() || !e.text.empty(), where, ": a teacher of your own needs \"text\", files to train on");
  if (f.has("settings")) {
    e.common = f.at("settings");
    uptrain_of(e.common, where + ", settings");
  }
  read_variants(e, f);
  read_measures(e, f);
  e.seeds = positive(f, "seeds", e.seeds, 1000);
  return e;
}

void take_flags(experiment& e, const experiment_options& o) {
  if (!o.teachers.empty()) choose_teachers(e, o);
  if (!o.text.empty()) e.text = o.text;
  if (!o.tokenizer.empty()) e.tokenizer = o.tokenizer;
  for (auto& t : e.teachers)
    if (t.tokenizer.empty() || !o.tokenizer.empty()) t.tokenizer = e.tokenizer;
  io::need(!e.made_up() || (e.text.empty() && e.tokenizer.empty()), "--text and --tokenizer go with a --teacher: ",
           "the made-up one has its own");
  if (o.seeds) e.seeds = *o.seeds;
  auto chosen = e;
  if (!o.variants.empty()) choose_variants(chosen, o.variants);
  for (auto& given : o.set) {
    const auto [key, value] = key_and_value(given);
    e.common[key] = value;
    uptrain_of(e.common, "--set");
    check_taken(chosen, key, "--set " + given);
  }
  if (o.tokens) e.common["tokens"] = *o.tokens, check_taken(chosen, "tokens", "--tokens " + std::to_string(*o.tokens));
  complete(e);
  if (!o.variants.empty()) choose_variants(e, o.variants);
}

}  // namespace supra::program::experiments
