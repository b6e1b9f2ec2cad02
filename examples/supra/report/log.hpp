// A run as its log tells it: JSON lines read into what the page needs. Losses are nats per token.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "supra/io/mapped_file.hpp"
#include "text.hpp"

namespace supra::program::report {

using record = nlohmann::ordered_json;

inline double number(const record& r, const char* key) {
  const auto it = r.find(key);
  if (it == r.end() || !it->is_number()) return missing;
  const double x = it->get<double>();
  return std::abs(x) < 1e300 ? x : missing;
}
inline std::string text(const record& r, const char* key) {
  const auto it = r.find(key);
  return it != r.end() && it->is_string() ? it->get<std::string>() : "";
}
inline std::vector<double> numbers(const record& r, const char* key) {
  std::vector<double> out;
  if (const auto it = r.find(key); it != r.end() && it->is_array())
    for (const auto& x : *it) out.push_back(x.is_number() ? x.get<double>() : missing);
  return out;
}

struct step {
  double number, tokens, loss, lr, grad_norm, speed, kl;
  bool linear_alone = false;  // of a hybrid: its window was left out
};  // loss: of the text, but in the phase transfer
struct evaluation {
  std::string phase, model, tag;
  double tokens, loss, linear_branch = missing, window_branch = missing;  // the last two: a hybrid's branches, each alone
};
struct sample { std::string model, text; };
struct growth { std::vector<double> tokens, bytes, seconds; };

struct run {
  record start = record::object(), result;                                        // result: null until the run has ended
  std::map<std::string, std::vector<step>> steps;                                 // by phase
  std::vector<evaluation> evaluations;
  double entropy = missing;
  std::vector<std::pair<std::string, std::vector<sample>>> samples;               // by prompt
  std::map<std::string, growth> growths;                                          // by model
  std::size_t broken = 0;                                                         // lines that were no JSON objects

  // The result's number; before the end, the last evaluation of that kind.
  double loss(const char* key, std::string_view model, std::string_view tag) const {
    if (result.is_object() && result.contains(key)) return number(result, key);
    for (auto e = evaluations.rbegin(); e != evaluations.rend(); ++e)
      if (e->model == model && (tag.empty() || e->tag == tag)) return e->loss;
    return missing;
  }
  double teacher() const { return loss("teacher_loss", "teacher", ""); }
  double student() const {
    if (result.is_object()) return number(result, "student_loss");
    for (auto e = evaluations.rbegin(); e != evaluations.rend(); ++e)
      if (e->model == "student" && e->tokens > 0) return e->loss;
    return missing;
  }
  // A hybrid's branch alone: the result's number of this key, before the end the last evaluation's.
  double branch(const char* key, double evaluation::*of) const {
    if (result.is_object()) return number(result, key);
    for (auto e = evaluations.rbegin(); e != evaluations.rend(); ++e)
      if (e->model == "student" && e->tokens > 0) return (*e).*of;
    return missing;
  }
  double linear_branch() const { return branch("linear_branch_loss", &evaluation::linear_branch); }
  double window_branch() const { return branch("window_branch_loss", &evaluation::window_branch); }
  double scratch() const { return loss("scratch_loss", "scratch", ""); }
  // The share of what the teacher has ahead of the same shape trained from scratch.
  double recovered() const {
    if (const double r = result.is_object() ? number(result, "recovered") : missing; there(r)) return r;
    const double gap = scratch() - teacher();
    return gap > 0 ? (scratch() - student()) / gap : missing;
  }
};

// A run that was resumed repeats steps and evaluations: what comes later replaces.
inline void add_step(run& r, const record& line) {
  auto& steps = r.steps[text(line, "phase")];
  const step s{number(line, "step"), number(line, "tokens"),    number(line, line.contains("ce") ? "ce" : "loss"),
               number(line, "lr"),   number(line, "grad_norm"), number(line, "tokens_per_second"),
               number(line, "kl"),   line.value("linear_branch_alone", record()) == true};
  if (!there(s.number) || !there(s.tokens)) return;
  while (!steps.empty() && steps.back().number >= s.number) steps.pop_back();
  steps.push_back(s);
}
inline void add_evaluation(run& r, const record& line) {
  const evaluation e{text(line, "phase"), text(line, "model"), text(line, "tag"), number(line, "tokens"), number(line, "loss"),
                     number(line, "linear_branch_loss"), number(line, "window_branch_loss")};
  std::erase_if(r.evaluations, [&](const evaluation& old) {
    return old.phase == e.phase && old.model == e.model && old.tag == e.tag && (old.tokens == e.tokens || !there(e.tokens));
  });
  r.evaluations.push_back(e);
}
inline void add_sample(run& r, const record& line) {
  const std::string prompt = text(line, "prompt");
  auto at = std::find_if(r.samples.begin(), r.samples.end(), [&](const auto& s) { return s.first == prompt; });
  if (at == r.samples.end()) at = r.samples.insert(at, {prompt, {}});
  std::erase_if(at->second, [&](const sample& s) { return s.model == text(line, "model"); });
  at->second.push_back({text(line, "model"), text(line, "text")});
}

inline void add(run& r, const record& line) {
  const std::string event = text(line, "event");
  if (event == "start") r.start.update(line);
  if (event == "step") add_step(r, line);
  if (event == "eval") add_evaluation(r, line);
  if (event == "entropy") r.entropy = number(line, "nats_per_token");
  if (event == "sample") add_sample(r, line);
  if (event == "growth")
    r.growths[text(line, "model")] = {numbers(line, "tokens"), numbers(line, "state_bytes"),
                                      numbers(line, "seconds_per_token")};
  if (event == "result") r.result = line;
}

inline run read_log(const std::string& path) {
  const io::mapped_file file(path);
  const auto bytes = file.bytes();
  std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto shallow = [](int depth, record::parse_event_t, record&) { return depth < 32; };
  run r;
  while (!all.empty()) {
    const std::size_t end = std::min(all.find('\n'), all.size());
    const std::string line = valid_utf8(all.substr(0, end));
    all.remove_prefix(std::min(end + 1, all.size()));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    const record parsed = record::parse(line, shallow, false);
    if (parsed.is_object()) add(r, parsed);
    else ++r.broken;
  }
  return r;
}

}  // namespace supra::program::report
