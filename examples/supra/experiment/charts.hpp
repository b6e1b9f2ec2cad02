// What an experiment's page draws: every seed as a dot, curves that are means over seeds.
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "../report/evaluation.hpp"
#include "summary.hpp"

namespace supra::program::experiments {

using report::missing;
using report::there;

inline constexpr int colours = 10;
inline const std::string style = R"(
.v0{--c:#d2540f}.v1{--c:#0e8585}.v2{--c:#8646c2}.v3{--c:#a87b00}.v4{--c:#c0265a}.v5{--c:#4f7a12}.v6{--c:#795843}
.v7{--c:#4a58c4}.v8{--c:#159a4a}.v9{--c:#5f6d80}
@media (prefers-color-scheme:dark){.v0{--c:#ff8b4a}.v1{--c:#3cc7c7}.v2{--c:#bb8cf0}.v3{--c:#e0b53c}.v4{--c:#f2709c}
.v5{--c:#a3cf5c}.v6{--c:#c7a38b}.v7{--c:#93a0ff}.v8{--c:#54d18a}.v9{--c:#a5b2c4}}
.seeds{display:block;width:100%;height:auto}.seeds .mean{stroke:var(--c);stroke-width:3}.seeds .spread{fill:var(--c);opacity:.2}
.seeds circle{stroke-width:1.4}.seeds .name{fill:var(--ink);font-size:13.5px}.seeds .value{fill:var(--ink)}
.seeds line.level{stroke-width:1.4}
.swatch{display:inline-block;width:10px;height:10px;border-radius:3px;background:var(--c);margin-right:8px}
.wide th,.wide td{overflow-wrap:normal}.wide td:first-child{white-space:nowrap}
td.n span{color:var(--soft);font-size:12.5px}tr.best td{font-weight:600}tr.best td span{font-weight:400}
pre{background:var(--sheet);border:1px solid var(--rule);border-radius:6px;padding:12px 14px;overflow-x:auto;
font-size:13.5px;margin:0 0 16px}
.wide{overflow-x:auto}
)";

// A row's colour: its place in the file, so that it does not change with the results; grey for the one from nothing.
inline std::string look_of(const summary& s, const row& r) {
  if (r.variant == from_scratch) return "scratch";
  std::size_t at = 0;
  for (auto& t : s.about.teachers)
    for (auto& v : s.about.variants) {
      if (v.name == r.variant && t.name == r.teacher) return "v" + std::to_string(at % colours);
      ++at;
    }
  return "v0";
}

struct mark {
  std::string name, look;
  double x;
};
// The levels that a loss is seen against; the teacher's only where there is one.
inline std::vector<mark> marks_of(const summary& s) {
  std::vector<mark> all;
  if (there(s.entropy) && !s.by_long_loss) all.push_back({"entropy of the text", "level floor", s.entropy});
  if (s.about.teachers.size() == 1 && !s.by_long_loss)
    for (auto& r : s.rows)
      if (there(r.teacher_loss)) {
        all.push_back({"teacher", "level teacher", r.teacher_loss});
        break;
      }
  return all;
}

inline std::vector<double> seeds_of(const summary& s, const row& r) {
  std::vector<double> all;
  for (auto* one : r.runs)
    if (const double x = s.by_long_loss ? one->long_loss() : one->loss(); there(x)) all.push_back(x);
  return all;
}

// One line of the plot: the spread as a band, the mean as a stroke, seeds as dots, and the mean in figures.
inline std::string svg_seeds(const summary& s, const row& r, const report::axis& x, double left, double width, double y) {
  const auto at = [&](double v) { return left + x.place(v) * width; };
  const auto& all = s.ranked(r);
  const std::string look = look_of(s, r);
  const auto seen = [&](double v) { return v >= x.low && v <= x.high; };
  std::string out =
      fmt::format("<text class=name x={:.1f} y={:.1f} text-anchor=end>{}</text>", left - 12, y + 4.5, report::escape(r.label));
  if (all.n == 0)
    return out + fmt::format("<text x={:.1f} y={:.1f}>{}</text>", left + 8, y + 4.5, r.failed ? "failed" : "not run yet");
  const std::string figures = fmt::format("<text class=value x={:.1f} y={:.1f}>{}</text>", left + width + 14, y + 4.5,
                                          mean_text(all, r.runs.size(), report::loss_text));
  if (!seen(all.mean))
    return out + fmt::format("<text x={:.1f} y={:.1f} text-anchor=end>right of the plot</text>", left + width - 8, y + 4.5) +
           figures;
  if (there(all.deviation)) {
    const double from = at(std::max(x.low, all.mean - all.deviation)), to = at(std::min(x.high, all.mean + all.deviation));
    out += fmt::format("<rect class='spread {}' x={:.1f} y={:.1f} width={:.1f} height=16 rx=3 />", look, from, y - 8,
                       std::max(1.0, to - from));
  }
  out += fmt::format("<line class='mean {0}' x1={1:.1f} x2={1:.1f} y1={2:.1f} y2={3:.1f} />", look, at(all.mean), y - 9, y + 9);
  for (const double v : seeds_of(s, r))
    out += fmt::format("<circle class={} cx={:.1f} cy={:.1f} r=4><title>{}: {}</title></circle>", look, at(v), y,
                       report::escape(r.label), report::loss_text(v));
  return out + figures;
}

// The range of the variants' dots, with a level, or what was trained from nothing, where that is not so far off that it would
// press them together; `drawn` are the levels that are in.
inline bool fit_seeds(report::axis& x, const summary& s, const std::vector<mark>& marks, std::vector<mark>& drawn) {
  std::vector<double> values;
  for (int nothing = 0; nothing < 2 && values.empty(); ++nothing)
    for (auto& r : s.rows)
      for (const double v : seeds_of(s, r))
        if ((r.variant != from_scratch) == (nothing == 0)) values.push_back(v);
  if (values.empty()) return false;
  const auto [low, high] = std::ranges::minmax(values);
  const double far = 0.75 * (high - low);
  for (auto& r : s.rows)
    if (r.variant == from_scratch && s.ranked(r).mean < high + far)
      for (const double v : seeds_of(s, r)) values.push_back(v);
  for (auto& m : marks)
    if (m.x > low - far) values.push_back(m.x), drawn.push_back(m);
  x.log = low > 0 && high > 4 * low;
  if (x.log) x.label += ", log scale";
  return report::fit_axis(x, values, 0.04);
}

inline std::string svg_seed_axis(const report::axis& x, double left, double width, double top, double bottom) {
  std::string out;
  for (const double v : report::ticks(x, 7)) {
    const double at = left + x.place(v) * width;
    out += fmt::format("<line class=grid x1={0:.1f} x2={0:.1f} y1={1:.1f} y2={2:.1f} />", at, top, bottom);
    out += fmt::format("<text class=tick x={:.1f} y={:.1f} text-anchor=middle>{}</text>", at, bottom + 18, report::trimmed(v));
  }
  out += fmt::format("<line class=base x1={:.1f} x2={:.1f} y1={:.1f} y2={:.1f} />", left, left + width, bottom, bottom);
  return out +
         fmt::format("<text class=axis x={:.1f} y={:.1f} text-anchor=middle>{}</text>", left + width / 2, bottom + 38, x.label);
}

inline std::string seed_legend(const std::vector<mark>& marks, const std::vector<mark>& drawn) {
  std::string keys;
  for (auto& m : marks) {
    const bool in = std::ranges::any_of(drawn, [&](auto& d) { return d.name == m.name; });
    keys += "<span>";
    if (in) keys += fmt::format("<svg class=key width=22 height=12><line class='{}' x1=0 x2=22 y1=6 y2=6 /></svg>", m.look);
    keys += fmt::format("{} {}{}</span>", m.name, report::loss_text(m.x), in ? "" : ", left of the plot");
  }
  return "<p class=legend>" + keys + "</p>";
}

inline std::string seed_plot(const summary& s) {
  report::axis x{s.by_long_loss ? "loss over long texts, nats per token" : "held-out loss, nats per token"};
  std::size_t widest = 4;
  for (auto& r : s.rows) widest = std::max(widest, report::characters(r.label));
  const auto marks = marks_of(s);
  std::vector<mark> drawn;
  if (!fit_seeds(x, s, marks, drawn)) return "";
  const double left = 24 + 7.4 * static_cast<double>(widest), width = 920 - left - 120, line = 30;
  const double top = 10, bottom = top + line * static_cast<double>(s.rows.size());
  std::string out =
      fmt::format("<svg class=seeds viewBox='0 0 920 {:.0f}' role=img aria-label='The loss of every run'>", bottom + 46);
  out += svg_seed_axis(x, left, width, top, bottom);
  for (auto& m : drawn)
    out += fmt::format("<line class='{0}' x1={1:.1f} x2={1:.1f} y1={2:.1f} y2={3:.1f} />", m.look, left + x.place(m.x) * width,
                       top, bottom);
  double y = top + line / 2;
  for (auto& r : s.rows) out += svg_seeds(s, r, x, left, width, y), y += line;
  return "<figure class=chart><figcaption>Every run</figcaption><p class=said>A dot is a seed, the stroke their mean, the band "
         "one "
         "standard deviation to each side; the lowest first.</p>" +
         seed_legend(marks, drawn) + out + "</svg></figure>";
}

// Means over a row's runs of what each gives at an x; only where all that have data have it.
template <class Points>
report::points mean_curve(const row& r, Points&& of) {
  std::map<double, std::vector<double>> at;
  std::size_t runs = 0;
  for (auto* one : r.runs) {
    const report::points all = of(*one);
    runs += !all.empty();
    for (auto& p : all) at[p.x].push_back(p.y);
  }
  report::points out;
  for (auto& [x, values] : at)
    if (values.size() == runs) out.push_back({x, statistics_of(values).mean});
  return out;
}

// Held-out losses of one run; at equal tokens the latest stands.
inline report::points held_out_points(const run& r) {
  report::points out;
  for (auto& e : r.log.evaluations) {
    if (e.model != "student" || e.phase == "scratch") continue;
    const double x = there(e.tokens) ? e.tokens : 0;
    std::erase_if(out, [&](auto& p) { return p.x == x; });
    out.push_back({x, e.loss});
  }
  return out;
}
// Of the whole model; of its linear branch where that alone was trained.
inline report::points step_points(const run& r) {
  const auto whole = report::of_steps(r.log, "uptrain", &report::step::loss);
  return whole.empty() ? report::of_steps(r.log, "uptrain", &report::step::loss, true) : whole;
}
inline report::points bins_of(const json& found) {
  report::points out;
  if (!found.is_object() || !found.contains("by_position")) return out;
  for (auto& b : found.at("by_position").value("bins", json::array())) {
    const double from = report::number(b, "from"), last = std::max(from, report::number(b, "to") - 1);
    out.push_back({std::sqrt(from * last), report::number(b, "loss")});
  }
  return out;
}
// Accuracy of evaluate --recall against distance or number of pairs.
inline report::points recall_points(const json& found, const char* kind, const char* list, const char* level) {
  report::points out;
  const auto& of_kind = report::object_of(report::object_of(found, "recall"), kind);
  if (const auto it = of_kind.find(list); it != of_kind.end())
    for (auto& p : *it) out.push_back({report::number(p, level), report::number(p, "accuracy")});
  return out;
}
inline report::points position_points(const run& r) { return bins_of(r.by_position); }

}  // namespace supra::program::experiments
