// Rows of runs.
#include "summary.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "../report/evaluation.hpp"

namespace supra::program::experiments {
namespace {

std::string signed_loss(double x) { return fmt::format("{:+.3f}", x); }
std::string share(double x) { return fmt::format("{:.2f}", x); }
std::string whole(double x) { return fmt::format("{:.0f}", x); }

const run* same_seed(const std::vector<run>& all, const run& r, const std::string& variant) {
  for (auto& other : all)
    if (other.variant == variant && other.teacher == r.teacher && other.seed == r.seed) return &other;
  return nullptr;
}

// (scratch - x) / (scratch - teacher), with as many tokens of the same length.
double recovered_by(const run& r, const run* scratch) {
  if (const double own = r.number("recovered"); report::there(own)) return own;
  if (!scratch || scratch == &r) return report::missing;
  for (auto key : {"tokens", "seq"})
    if (report::number(scratch->log.start, key) != report::number(r.log.start, key)) return report::missing;
  const double gap = scratch->loss() - r.log.teacher();
  return gap > 0 ? (scratch->loss() - r.loss()) / gap : report::missing;
}

// Of evaluate --recall: a kind's one number.
double recall_of(const run& r, const char* kind, const char* what) {
  const auto& all = report::object_of(r.recall, "recall");
  return report::number(report::object_of(all, kind), what);
}

template <class Get>
std::vector<double> each(const row& r, Get&& get) {
  std::vector<double> all;
  for (auto* one : r.runs) all.push_back(get(*one));
  return all;
}
template <class Get>
statistics over(const row& r, Get&& get) {
  return statistics_of(each(r, get));
}

void count(row& r) {
  const auto number = [](const char* key) { return [key](const run& one) { return one.number(key); }; };
  r.loss = over(r, number("student_loss")), r.seconds = over(r, number("seconds"));
  r.linear_branch = over(r, number("linear_branch_loss")), r.window_branch = over(r, number("window_branch_loss"));
  r.recovered = over(r, [](auto& one) { return one.recovered; });
  r.swap = over(r, [](auto& one) { return one.swap(); }), r.fit = over(r, [](auto& one) { return one.fit(); });
  r.long_loss = over(r, [](auto& one) { return one.long_loss(); });
  r.copied = over(r, [](auto& one) { return recall_of(one, "copies", "gain_of_unseen"); });
  r.paired = over(r, [](auto& one) { return recall_of(one, "pairs", "accuracy"); });
  r.speed = over(r, [](auto& one) { return one.speed(); }), r.next_token = over(r, [](auto& one) { return one.next_token(); });
  r.teacher_loss = over(r, [](auto& one) { return one.log.teacher(); }).mean;
  r.failed = static_cast<std::size_t>(std::ranges::count_if(r.runs, [](auto* one) { return !one->failure.empty(); }));
}

std::vector<row> rows_of(const experiment& e, const std::vector<run>& runs) {
  std::vector<row> rows;
  for (auto& r : runs) {
    const auto same = [&](const row& x) { return x.variant == r.variant && x.teacher == r.teacher; };
    auto at = std::ranges::find_if(rows, same);
    if (at == rows.end()) {
      row fresh;
      fresh.variant = fresh.label = r.variant, fresh.teacher = r.teacher, fresh.settings = r.settings;
      if (e.teachers.size() > 1) fresh.label += ", " + r.teacher;
      at = rows.insert(rows.end(), std::move(fresh));
    }
    at->runs.push_back(&r);
  }
  return rows;
}

json told(const statistics& s) { return {{"mean", number(s.mean)}, {"deviation", number(s.deviation)}, {"n", s.n}}; }

json told(const run& r) {
  json j{{"variant", r.variant}, {"seed", r.seed}, {"folder", r.folder},
         {"state", !r.failure.empty() ? "failed" : r.done() ? "ended" : "waiting"}};
  if (!r.teacher.empty()) j["teacher"] = r.teacher;
  if (!r.failure.empty()) j["failure"] = r.failure;
  if (const auto last = r.last_step(); last && !r.failure.empty() && !r.done())
    j["failed_phase"] = last->first, j["failed_at_step"] = last->second + 1;
  if (r.done())
    for (auto& [key, value] : r.log.result.items())
      if (key != "event") j[key] = value;
  if (r.done()) j["swap_loss"] = number(r.swap()), j["fit_loss"] = number(r.fit()), j["teacher_loss"] = number(r.log.teacher());
  j["recovered"] = number(r.recovered);
  for (auto& e : r.log.evaluations)
    if (e.model == "student") j["curve"].push_back({{"tokens", number(e.tokens)}, {"loss", number(e.loss)}, {"when", e.tag}});
  for (auto& [key, found] : {std::pair{"by_position", &r.by_position}, {"recall", &r.recall}})
    if (found->is_object()) j[key] = found->contains(key) ? found->at(key) : *found;
  return j;
}

std::size_t width_of(const std::string& s) {
  return static_cast<std::size_t>(std::ranges::count_if(s, [](unsigned char b) { return b >> 6 != 2; }));
}

}  // namespace

const row* summary::of(const std::string& variant, const std::string& teacher) const {
  for (auto& r : rows)
    if (r.variant == variant && r.teacher == teacher) return &r;
  return nullptr;
}

summary summarise(const experiment& e, std::vector<run>& runs) {
  for (auto& r : runs) r.recovered = recovered_by(r, same_seed(runs, r, from_scratch));
  summary s{e, rows_of(e, runs)};
  std::set<double> lengths;
  for (auto& r : runs)
    if (r.done()) lengths.insert(report::number(r.log.start, "seq"));
  s.by_long_loss = lengths.size() > 1 && e.measures("by_position");
  const auto value = [&](const run& r) { return s.by_long_loss ? r.long_loss() : r.loss(); };
  for (auto& r : s.rows) count(r);
  for (auto& r : s.rows)
    if (const row* base = s.of(e.baseline, r.teacher); base && base != &r && r.variant != from_scratch)
      r.difference = difference_of(each(r, value), each(*base, value));
  std::ranges::stable_sort(s.rows, [&](auto& a, auto& b) {
    const auto order = [&](const row& r) {
      return std::tuple(s.ranked(r).n == 0, !s.whole(r), s.ranked(r).n ? s.ranked(r).mean : 0);
    };
    return order(a) < order(b);
  });
  return s;
}

std::vector<column> columns_of(const summary& s) {
  const bool time = s.about.measures("time"), long_text = s.about.measures("by_position");
  std::vector<column> all = {{"held-out loss", "loss", &row::loss, report::loss_text}};
  if (long_text) all.push_back({"loss over long texts", "long_loss", &row::long_loss, report::loss_text});
  all.push_back({"to " + s.about.baseline, "difference", &row::difference, signed_loss});
  all.push_back({"linear branch alone", "linear_branch", &row::linear_branch, report::loss_text});
  all.push_back({"window alone", "window_branch", &row::window_branch, report::loss_text});
  all.push_back({"recovered", "recovered", &row::recovered, share});
  all.push_back({"copies, gain", "copies_gain_of_unseen", &row::copied, share});
  all.push_back({"pairs", "pairs_accuracy", &row::paired, share});
  all.push_back({"at the swap", "swap", &row::swap, report::loss_text});
  all.push_back({"after the fit", "fit", &row::fit, report::loss_text});
  if (time) all.push_back({"tokens/s", "tokens_per_second", &row::speed, whole});
  if (time) all.push_back({"next token", "seconds_per_token", &row::next_token, report::short_time_text});
  if (time) all.push_back({"seconds", "seconds", &row::seconds, whole});
  std::erase_if(all, [&](auto& c) { return std::ranges::none_of(s.rows, [&](auto& r) { return (r.*c.what).n > 0; }); });
  return all;
}

std::string mean_text(const statistics& s, std::size_t runs, std::string (*text)(double)) {
  if (s.n == 0) return "–";
  std::string spread = report::there(s.deviation) ? " ± " + text(s.deviation) : "";
  if (const auto plus = spread.find('+'); plus != spread.npos) spread.erase(plus, 1);
  return text(s.mean) + spread + (s.n < runs ? fmt::format(" ({} of {})", s.n, runs) : "");
}

std::string table_text(const summary& s) {
  const auto columns = columns_of(s);
  std::vector<std::vector<std::string>> lines(1, {"variant"});
  for (auto& c : columns) lines[0].push_back(c.name);
  for (auto& r : s.rows) {
    lines.push_back({r.label + (r.failed ? fmt::format(" ({} of {} failed)", r.failed, r.runs.size()) : "")});
    for (auto& c : columns) lines.back().push_back(mean_text(r.*c.what, r.runs.size(), c.text));
  }
  std::vector<std::size_t> widths(lines[0].size());
  for (auto& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width_of(line[i]));
  std::string all;
  for (auto& line : lines) {
    std::string one;
    for (std::size_t i = 0; i < line.size(); ++i) one += line[i] + std::string(widths[i] + 2 - width_of(line[i]), ' ');
    all += one.erase(one.find_last_not_of(' ') + 1) + "\n";
  }
  return all;
}

json told(const summary& s, const std::vector<run>& runs) {
  json j = json::object();
  if (report::there(s.entropy)) j["entropy_nats_per_token"] = s.entropy;
  j["variants"] = json::array(), j["runs"] = json::array();
  for (auto& r : s.rows) {
    json one{{"variant", r.variant}};
    if (!r.teacher.empty()) one["teacher"] = r.teacher;
    one.update(
        {{"settings", r.settings}, {"teacher_loss", number(r.teacher_loss)}, {"runs", r.runs.size()}, {"failed", r.failed}});
    for (auto& c : columns_of(s)) one[c.key] = told(r.*c.what);
    j["variants"].push_back(std::move(one));
  }
  for (auto& r : runs) j["runs"].push_back(told(r));
  return j;
}

}  // namespace supra::program::experiments
