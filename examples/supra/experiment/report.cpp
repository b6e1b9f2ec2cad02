// The page of an experiment.
#include "report.hpp"

#include <fmt/format.h>

#include "../report/page.hpp"
#include "../report/sections.hpp"
#include "charts.hpp"
#include "supra/io/file_out.hpp"

namespace supra::program::experiments {
namespace {

using report::escape;
using report::loss_text;
using report::section;

std::string unfinished(const std::vector<run>& runs) {
  const auto waiting = std::ranges::count_if(runs, [](auto& r) { return !r.done() && r.failure.empty(); });
  const auto failed = std::ranges::count_if(runs, [](auto& r) { return !r.failure.empty(); });
  std::string s;
  if (waiting > 0) s += fmt::format("{} of {} runs have not been made yet. ", waiting, runs.size());
  if (failed > 0) s += fmt::format("{} of {} runs failed. ", failed, runs.size());
  return s;
}

// What was found, in a sentence: the lowest loss among the variants that were asked about.
std::string finding(const summary& s, const std::vector<run>& runs) {
  const row* best = nullptr;
  for (auto& r : s.rows)
    if (!best && s.ranked(r).n > 0 && s.whole(r) && r.variant != from_scratch) best = &r;
  const std::string left = unfinished(runs);
  if (!best) return left + "No variant has a loss of every seed yet.";
  std::string text = fmt::format("{}{} has the lowest loss, {} nats per token", left, best->label,
                                 mean_text(s.ranked(*best), best->runs.size(), loss_text));
  if (best->variant == s.about.baseline) return text + "; it is the baseline.";
  const auto& d = best->difference;
  if (d.n == 0) return text + ".";
  return text + fmt::format(": {:.3f}{} {} than {}{}.", std::abs(d.mean),
                            there(d.deviation) ? fmt::format(" ± {:.3f}", d.deviation) : "", d.mean <= 0 ? "less" : "more",
                            s.about.baseline, d.n > 1 ? ", seed by seed" : "");
}

std::string about(const summary& s) {
  std::set<double> tokens;
  for (auto& r : s.rows)
    for (auto* one : r.runs)
      if (one->done()) tokens.insert(one->number("student_tokens"));
  std::string text = fmt::format("{} variants", s.about.variants.size());
  if (s.about.teachers.size() > 1) text += fmt::format(" of {} teachers", s.about.teachers.size());
  text += fmt::format(", {} seed{}", s.about.seeds, s.about.seeds == 1 ? "" : "s");
  if (tokens.size() == 1) text += ", " + report::count_text(*tokens.begin()) + " tokens a run";
  return text + (s.about.made_up() ? ". The teacher is a small transformer, pretrained on made-up stories." : ".");
}

std::string cell(const statistics& s, std::size_t runs, std::string (*text)(double)) {
  if (s.n == 0) return "<td class=n>–</td>";
  const std::string all = mean_text(s, runs, text);
  const auto at = std::min(all.find(" ±"), all.find(" ("));
  return "<td class=n>" + all.substr(0, at) + (at == all.npos ? "" : "<span>" + all.substr(at) + "</span>") + "</td>";
}

std::string name_cell(const summary& s, const row& r) {
  std::string text = fmt::format("<td><span class='swatch {}'></span>{}", look_of(s, r), escape(r.label));
  if (r.variant == s.about.baseline) text += " (baseline)";
  if (r.failed > 0) text += fmt::format(" <span>{} of {} failed</span>", r.failed, r.runs.size());
  return text + "</td>";
}

// What a variant's recovered is counted from.
std::string scratch_of(const summary& s) {
  const auto own = [](auto& v) { return v.settings.value("scratch", json()) == true; };
  const auto& all = s.about.variants;
  if (std::ranges::all_of(all, own)) return "each run's own, of its shape.";
  const std::string& shape = s.about.shape_of_scratch;
  const std::string one = shape == from_scratch ? "the variant scratch" : "the shape of " + escape(shape) + ",";
  return one + " for all variants" + (std::ranges::any_of(all, own) ? ", but each run's own where scratch is set." : ".");
}

std::string table(const summary& s) {
  const auto columns = columns_of(s);
  std::string text = "<div class=wide><table><thead><tr><th>variant</th>";
  for (auto& c : columns) text += "<th>" + escape(c.name) + "</th>";
  text += "</tr></thead>";
  for (auto& r : s.rows) {
    text += "<tr>" + name_cell(s, r);
    for (auto& c : columns) text += cell(r.*c.what, r.runs.size(), c.text);
    text += "</tr>";
  }
  text +=
      "</table></div><p class=said>Mean over seeds ± sample standard deviation; losses in nats per token. The difference to " +
      escape(s.about.baseline) + " is taken seed by seed, so that what seeds have in common does not count.";
  if (std::ranges::any_of(s.rows, [](auto& r) { return r.recovered.n > 0; }))
    text += " Recovered: (scratch − loss) / (scratch − teacher), with scratch trained from nothing on as many tokens: " +
            scratch_of(s);
  return text + "</p>";
}

template <class Points>
report::chart curves(const summary& s, const std::string& title, report::axis x, bool dots, Points&& of, bool smooth) {
  report::chart c{title, "", std::move(x), {"loss, nats per token", false, report::trimmed, "loss"}, {}};
  for (auto& r : s.rows) {
    auto curve = mean_curve(r, of);
    if (curve.empty()) continue;
    if (smooth && curve.size() > 20) curve = report::smoothed(curve);
    c.lines.push_back({r.label, (dots ? "line held " : "line ") + look_of(s, r), std::move(curve), dots, {}});
  }
  return c;
}

std::string losses(const summary& s) {
  const report::axis tokens{"tokens seen in training", false, report::count_text, "count"};
  auto held = curves(s, "Held-out loss as training goes on, mean over seeds", tokens, true, held_out_points, false);
  for (auto& m : marks_of(s))
    if (m.name == "teacher") held.levels.push_back({m.name, m.look, m.x});
  report::choose_scale(held);
  auto steps = curves(s, "Training loss, mean over seeds, smoothed", tokens, false, step_points, true);
  report::choose_scale(steps);
  held.height = 400, steps.height = 300;
  return draw(std::move(held)) + draw(std::move(steps));
}

// The length that all runs were trained at, or missing.
double trained_length(const summary& s) {
  std::set<double> all;
  for (auto& r : s.rows)
    for (auto* one : r.runs)
      if (one->done()) all.insert(report::number(one->log.start, "seq"));
  return all.size() == 1 ? *all.begin() : missing;
}

report::series teacher_line(const json& found, report::points at) {
  const std::string name = report::text(found, "teacher");
  return {"teacher" + (name.empty() ? "" : ", " + name), "line held teacher", std::move(at), true, {}};
}

std::string positions(const summary& s, const json& told) {
  auto c = curves(s, "Mean loss by how many tokens came before", {"position, tokens", true, report::count_text, "count"}, true,
                  position_points, false);
  if (c.lines.empty()) return "";
  c.note =
      "Of the held-out text, in windows longer than those of the training; beyond these a model that uses its past well goes "
      "on "
      "falling, one that cannot rises.";
  for (auto& t : told.value("teachers_by_position", json::array())) c.lines.push_back(teacher_line(t, bins_of(t)));
  double low = 1e300, high = 0;
  for (auto& l : c.lines)
    for (auto& p : l.at)
      if (there(p.y)) low = std::min(low, p.y), high = std::max(high, p.y);
  if (const double n = trained_length(s); there(n))
    c.lines.push_back({"length of training", "level scratch", {{n, low}, {n, high}}, false, {}});
  report::choose_scale(c);
  c.height = 400;
  return draw(std::move(c));
}

std::string recall_chart(const summary& s, const json& told, const std::string& title, const std::string& of, const char* kind,
                         const char* list, const char* level) {
  const auto points = [&](const json& found) { return recall_points(found, kind, list, level); };
  auto c = curves(
      s, title, {of, true, report::count_text, "plain"}, true, [&](const run& r) { return points(r.recall); }, false);
  for (auto& t : told.value("teachers_recall", json::array())) c.lines.push_back(teacher_line(t, points(t)));
  c.y = {"accuracy", false, report::trimmed, "loss"}, c.from_zero = true, c.height = 300;
  return draw(std::move(c));
}
std::string recalls(const summary& s, const json& told) {
  return recall_chart(s, told, "Passages of the held-out text repeated, by how far back they are", "distance, tokens", "copies",
                      "by_distance", "distance") +
         recall_chart(s, told, "Values of keys, by how many pairs came before", "pairs", "pairs", "by_number", "pairs");
}

bool same_in_all(const summary& s, const std::string& key) {
  const auto value = [&](auto& settings) { return settings.value(key, json()); };
  for (auto& v : s.about.variants)
    if (value(v.settings) != value(s.about.variants.front().settings)) return false;
  return true;
}

std::string settings(const summary& s, const json& told) {
  json common = json::object();
  std::vector<std::string> own;
  for (auto& v : s.about.variants)
    for (auto& [key, value] : v.settings.items()) {
      if (same_in_all(s, key)) common[key] = value;
      else if (std::ranges::find(own, key) == own.end()) own.push_back(key);
    }
  std::string text = "<div><h3>What the variants differ in</h3><div class=wide><table><thead><tr><th>variant</th>";
  for (auto& key : own) text += "<th>" + escape(key) + "</th>";
  text += "</tr></thead>";
  for (auto& v : s.about.variants) {
    text += "<tr><td>" + escape(v.name) + "</td>";
    for (auto& key : own)
      text += "<td>" + (v.settings.contains(key) ? escape(report::value_text(v.settings.at(key))) : "–") + "</td>";
    text += "</tr>";
  }
  text += "</table></div></div><div><h3>What they have in common</h3><table>" + report::rows_of(common, {});
  json shared = told.at("settings");
  for (auto key : {"variants", "window", "windows", "text_fingerprint", "held_out"}) shared.erase(key);
  if (const json one = shared.at("teachers").value("teacher", json()); !one.is_null())
    shared.erase("teachers"), shared["teacher"] = one;
  shared["text"] = fmt::format("{}", fmt::join(shared.value("text", std::vector<std::string>()), ", "));
  for (auto it = shared.begin(); it != shared.end();) it = *it == "" ? shared.erase(it) : std::next(it);
  return "<div class=two>" + text + report::rows_of(shared, {}) + "</table></div></div>";
}

std::string run_row(const run& r) {
  const auto n = [](const std::string& s) { return "<td class=n>" + s + "</td>"; };
  std::string text =
      "<tr><td>" + escape(r.variant + (r.teacher.empty() ? "" : ", " + r.teacher)) + "</td>" + n(std::to_string(r.seed));
  if (!r.done()) {
    const auto last = r.last_step();
    const std::string at = last ? fmt::format(" at step {} of {}", last->second + 1, last->first) : "";
    const std::string why = r.failure.empty() ? "not made yet" : "failed" + at + ": " + r.failure;
    return text + "<td colspan=6>" + escape(why) + "</td></tr>";
  }
  for (const double x : {r.loss(), r.swap(), r.fit()}) text += n(there(x) ? fmt::format("{:.4f}", x) : "–");
  text += n(there(r.recovered) ? fmt::format("{:.3f}", r.recovered) : "–") + n(report::time_text(r.number("seconds")));
  return text + "<td>" + (r.failure.empty() ? "" : "measuring failed: " + escape(r.failure)) + "</td></tr>";
}

std::string every_run(const std::vector<run>& runs) {
  std::string text = "<div class=wide><table><thead><tr>";
  for (auto name : {"variant", "seed", "held-out loss", "at the swap", "after the fit", "recovered", "time", ""})
    text += std::string("<th>") + name + "</th>";
  text += "</tr></thead>";
  for (auto& r : runs) text += run_row(r);
  return text + "</table></div>";
}

std::string command(const json& told) {
  const std::string typed = told.value("command", "");
  return typed.empty() ? "" : "<pre>" + escape(typed) + "</pre>";
}

}  // namespace

void write_page(const summary& s, const std::vector<run>& runs, const json& told, const std::string& html_path) {
  std::string body = report::header(s.about.title, finding(s, runs), {s.about.question, about(s)}, "");
  body += section("Loss", seed_plot(s) + table(s)) + section("Training", losses(s));
  body += section("Loss by position", positions(s, told)) + section("Recall", recalls(s, told));
  for (auto& why : told.value("teachers_failures", std::vector<std::string>()))
    body += "<p class=said>A teacher could not be measured: " + escape(why) + "</p>";
  body += section("Settings", settings(s, told)) + section("Runs", every_run(runs)) + section("The command", command(told));
  body += "<footer>Made by supra experiment; each run has a page of its own in runs.</footer>";
  io::write_file(html_path, report::document(s.about.title, body, style), io::existing::overwrite);
}

}  // namespace supra::program::experiments
