// The tasks by name: their files, what is reported of each, and how a folder's file becomes examples.
#pragma once

#include <filesystem>
#include <functional>

#include "supra/evaluate/mmlu.hpp"
#include "supra/io/mapped_file.hpp"

namespace supra::evaluate {

struct task {
  std::string name;
  std::vector<std::string> files;           // the first that a folder has is taken
  double chance = 0;                        // accuracy of guessing
  example (*row)(const fields&) = nullptr;  // of a line of JSON; none: read in another way
  std::string beside;                       // a second file that must be there
  bool alone = false;                       // one request an example, which is right where every token is the likeliest
};

inline const std::vector<task>& tasks() {
  static const std::vector<task> all = {
      {"arc_easy", {"arc_easy.jsonl"}, 0.25, arc, ""},
      {"arc_challenge", {"arc_challenge.jsonl"}, 0.25, arc, ""},
      {"piqa", {"piqa.jsonl"}, 0.5, piqa, ""},
      {"winogrande", {"winogrande.jsonl"}, 0.5, winogrande, ""},
      {"hellaswag", {"hellaswag.jsonl", "hellaswag_val_full.txt", "hellaswag_val_full.txt.bz2"}, 0.25, hellaswag_row, ""},
      {"openbookqa", {"openbookqa.jsonl", "openbook_qa.jsonl"}, 0.25, openbookqa, ""},
      {"lambada_openai", {"lambada_openai.jsonl"}, 0, lambada, "", true},
      {"boolq", {"boolq.jsonl"}, 0.5, boolq, ""},
      {"mmlu", {"mmlu.jsonl"}, 0.25, nullptr, "mmlu_dev.jsonl"}};
  return all;
}
inline const task& task_named(const std::string& name) {
  std::string known;
  for (auto& t : tasks()) {
    if (t.name == name) return t;
    known += (known.empty() ? "" : ", ") + t.name;
  }
  io::fail("there is no task ", io::in_quotes(name), "; tasks are ", known, ", and all");
}

// The file of a task in a folder; empty where there is none.
inline std::filesystem::path file_of(const task& t, const std::filesystem::path& folder) {
  std::error_code failed;
  if (!t.beside.empty() && !std::filesystem::exists(folder / t.beside, failed)) return {};
  for (auto& name : t.files)
    if (std::filesystem::exists(folder / name, failed)) return folder / name;
  return {};
}

inline std::string read_plain(const std::filesystem::path& path) {
  io::need(path.extension() != ".bz2", path.string(), ": is packed; unpack it with bunzip2");
  std::error_code failed;
  io::need(std::filesystem::is_regular_file(path, failed), path.string(), ": is no regular file");
  const io::mapped_file file(path);
  return std::string(file.text());
}

// f(row) of each line that is not white space, as far as `limit`.
template <class F>
auto each_line(const std::string& text, const std::string& where, std::size_t limit, F f) {
  std::vector<decltype(f(std::declval<const fields&>()))> all;
  std::size_t number = 1;
  for (std::size_t at = 0; at < text.size() && all.size() < limit; ++number) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const auto line = stripped(std::string_view(text).substr(at, end - at));
    at = end + 1;
    if (line.empty()) continue;
    const std::string here = where + ", line " + std::to_string(number);
    const io::json row = io::parse_json(line, here);
    all.push_back(f(fields(row, here)));
  }
  return all;
}

// The first `limit` examples of a task. `read` gives a file's text: one that unpacks can be put here.
inline std::vector<example> load(const task& t, const std::filesystem::path& folder, std::size_t limit = SIZE_MAX,
                                 const std::function<std::string(const std::filesystem::path&)>& read = read_plain) {
  const auto path = file_of(t, folder);
  if (path.empty()) {
    std::string names;
    for (auto& name : t.files) names += (names.empty() ? "" : ", ") + name;
    io::fail(folder.string(), ": holds no file of the task ", t.name, " (", names,
             t.beside.empty() ? "" : ", and " + t.beside + " beside it", ")");
  }
  std::vector<example> all;
  if (!t.row) {
    const auto shown = each_line(read(folder / t.beside), (folder / t.beside).string(), SIZE_MAX, mmlu_row);
    all = mmlu(each_line(read(path), path.string(), limit, mmlu_row), shown, (folder / t.beside).string());
  } else if (path.extension() == ".jsonl") {
    all = each_line(read(path), path.string(), limit, t.row);
  } else {
    all = hellaswag_lines(read(path), path.string());
  }
  io::need(!all.empty(), path.string(), ": holds no example");
  if (all.size() > limit) all.resize(limit);
  return all;
}

}  // namespace supra::evaluate
