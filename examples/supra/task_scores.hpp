// Scores on tasks: their files read and checked, a model's predictions, and what is told of them.
#pragma once

#include "session.hpp"
#include "supra/evaluate/scores.hpp"
#include "supra/evaluate/tasks.hpp"
#include "unpack.hpp"

namespace supra::program {

struct loaded_task {
  const evaluate::task* task;
  std::vector<evaluate::example> examples;
};

// What --tasks asks for, read from --data; tasks of `all` that have no file there are named.
inline std::vector<loaded_task> load_tasks(const evaluate_options& o) {
  namespace fs = std::filesystem;
  std::vector<loaded_task> all;
  if (o.tasks.empty()) return all;
  const char* const data = std::getenv("SUPRA_DATA_DIR");
  io::need(!o.data.empty() || data,
           "--tasks needs --data, a folder with the tasks' files (or SUPRA_DATA_DIR, whose eval is one)");
  const fs::path folder = o.data.empty() ? fs::path(data) / "eval" : fs::path(o.data);
  std::error_code failed;
  io::need(fs::is_directory(folder, failed), "--data ", folder.string(), ": there is no such folder");
  const std::size_t limit = o.limit ? static_cast<std::size_t>(*o.limit) : SIZE_MAX;
  std::string missing;
  const auto add = [&](const evaluate::task& t) {  // once, however often it is named
    if (std::ranges::find(all, &t, &loaded_task::task) == all.end()) all.push_back({&t, {}});
  };
  for (auto& name : o.tasks) {
    if (name != "all") {
      add(evaluate::task_named(name));
      continue;
    }
    for (auto& t : evaluate::tasks()) {
      if (!evaluate::file_of(t, folder).empty())
        add(t);
      else
        missing += (missing.empty() ? "" : ", ") + t.name;
    }
    io::need(!all.empty(), "--data ", folder.string(), ": holds no task's file; docs/evaluate.md names them");
  }
  for (auto& t : all) t.examples = evaluate::load(*t.task, folder, limit, read_unpacked);
  if (!missing.empty()) fmt::print(stderr, "no file in {}: {}\n", folder.string(), missing);
  return all;
}

inline json as_json(const evaluate::metrics& m) {
  json r{{"n", m.examples}};
  const auto add = [&](const std::string& name, const evaluate::share& s) {
    r[name] = number(s.value), r[name + "_stderr"] = number(s.error);
  };
  add("acc", m.acc);
  if (m.acc_norm) add("acc_norm", *m.acc_norm);
  if (m.perplexity) add("perplexity", *m.perplexity);
  return r;
}
// A line for each example.
inline std::string prediction_lines(const std::string& model, const loaded_task& t, const evaluate::encoded& tokens,
                                    const std::vector<evaluate::prediction>& predictions) {
  std::string lines;
  std::size_t at = 0;
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const auto& e = t.examples[i];
    const auto& p = predictions[i];
    const auto some = [&](const std::vector<std::int64_t>& x) {
      const auto from = x.begin() + static_cast<std::ptrdiff_t>(at);
      return std::vector(from, from + static_cast<std::ptrdiff_t>(e.requests.size()));
    };
    json line{{"model", model}, {"task", t.task->name}, {"i", i}, {"gold", e.gold}, {"ll", p.log_likelihoods}};
    line["context_tokens"] = some(tokens.context), line["continuation_tokens"] = some(tokens.continuation);
    at += e.requests.size();
    if (t.task->alone)
      line["greedy"] = bool(p.greedy.front());
    else
      line["pred"] = p.taken;
    if (!e.characters.empty()) line["characters"] = e.characters, line["pred_norm"] = p.taken_norm;
    lines += line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  }
  return lines;
}

// Scores of all tasks, and the lines of their predictions.
template <class B>
json task_scores(const std::string& model, model::decoder<B, scalar<B>>& weights, const io::tokenizer& tokenizer,
                 const std::vector<loaded_task>& tasks, std::string& lines) {
  const auto& c = weights.c;
  // The states before and after a layer, at most one of each a text, take up to 2 GiB; a window's keys are not kept here.
  evaluate::batch_limits most{on_host<B>() ? 2048 : 32768};
  auto states = c;
  states.attention.window = 0;
  if (c.linear) most.texts = (std::int64_t{1} << 31) / (2 * state_bytes(states) / c.layers);
  const auto before_nothing = static_cast<std::int32_t>(std::max<std::int64_t>(0, c.bos >= 0 ? c.bos : c.eos));
  json all = json::object();
  model::continuation_scores<B, scalar<B>> scores(weights);
  for (auto& t : tasks) {
    const progress clock("", 0);
    const auto tokens = evaluate::encode(tokenizer, t.examples, c.max_length, before_nothing);
    progress bar(t.task->name, static_cast<double>(t.examples.size()), "examples");
    const auto predictions = evaluate::run(scores, t.task->name, t.examples, tokens, most,
                                           [&](std::size_t done) { bar.show(static_cast<double>(done), NAN); });
    bar.clear();
    auto r = as_json(evaluate::measure(t.examples, predictions, t.task->alone));
    r["chance"] = t.task->chance, r["cut"] = tokens.cut, r["seconds"] = clock.seconds();
    if (tokens.cut > 0)
      fmt::print(stderr, "{}: {} of {} texts are longer than the model's {} tokens; they lost tokens at their beginning\n",
                 t.task->name, tokens.cut, tokens.texts.size(), c.max_length);
    all[t.task->name] = std::move(r);
    lines += prediction_lines(model, t, tokens, predictions);
  }
  return all;
}

// For people: a line for each task.
inline void print_tasks(const json& tasks) {
  const auto told = [](const json& x, int digits) {  // null: it was not finite
    return x.is_null() ? std::string("–") : fmt::format("{:.{}g}", x.get<double>(), digits);
  };
  const auto cell = [&](const json& r, const std::string& name) {
    return r.contains(name) ? told(r.at(name), 4) + " ± " + told(r.at(name + "_stderr"), 2) : std::string("");
  };
  fmt::print("{:<15} {:>6}  {:<18} {:<18} {}\n", "task", "n", "acc", "acc_norm", "perplexity");
  for (auto& [name, r] : tasks.items())
    fmt::print("{:<15} {:>6}  {:<18} {:<18} {}\n", name, r.at("n").template get<std::int64_t>(), cell(r, "acc"),
               cell(r, "acc_norm"), cell(r, "perplexity"));
}

}  // namespace supra::program
