// The page's parts, each from the run's data; empty where there is none.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "charts.hpp"

namespace supra::program::report {

inline std::string section(const std::string& heading, const std::string& body) {
  return body.empty() ? "" : "<section><h2>" + escape(heading) + "</h2>" + body + "</section>\n";
}

inline std::string tokens_sentence(const run& r) {
  const double used = number(r.result, "student_tokens"), teacher = number(r.result, "teacher_tokens");
  if (!there(used)) return "";
  std::string s = " It was uptrained on " + count_text(used) + " tokens";
  if (there(teacher) && teacher > 0)
    s += ", " + percent_text(used / teacher) + " of the teacher’s " + count_text(teacher);
  else
    s += "; how many the teacher was trained on is not known";
  return s + ".";
}

inline std::string lost_sentence(double teacher, double student) {
  const double lost = student - teacher;
  if (lost > 0.0005)
    return fmt::format("{:.3f} nats were lost, a perplexity {} higher.", lost,
                       lost < 3 ? percent_text(std::exp(lost) - 1) : "many times");
  if (lost > -0.0005) return "nothing was lost.";
  return fmt::format("{:.3f} nats lower, which further training on this text can explain as well as the new attention.", -lost);
}

inline std::string headline(const run& r) {
  const double teacher = r.teacher(), student = r.student();
  if (r.result.is_object() && !there(student)) return "The run ended without a finite loss for the RNN: its training diverged.";
  if (!there(student)) return r.result.is_object() ? "" : "This run has not ended, and the RNN has not been evaluated yet.";
  std::string s = r.result.is_object() ? "" : "This run has not ended. ";
  s += "The RNN’s held-out loss is " + loss_text(student);
  s += there(teacher) ? " beside the teacher’s " + loss_text(teacher) + " nats per token: " + lost_sentence(teacher, student)
                      : " nats per token; the teacher’s was not measured.";
  return s + (r.result.is_object() ? tokens_sentence(r) : "");
}

inline std::string scratch_sentence(const run& r) {
  const double scratch = r.scratch(), recovered = r.recovered();
  if (!there(scratch) || !there(r.student())) return "";
  std::string s = "The same RNN trained from scratch on as many tokens reaches " + loss_text(scratch) + ": ";
  if (!there(recovered)) return s + "the teacher is not ahead of it, so there was nothing to recover.";
  if (recovered < 0) return s + "here starting from the teacher did worse than starting from nothing.";
  return s + "starting from the teacher recovers " + percent_text(recovered) + " of what the teacher has ahead of it.";
}

inline std::string card(const std::string& name, const std::string& look, const std::string& value, const std::string& below) {
  return fmt::format("<div class='card {}'><h3>{}</h3><b>{}</b><p>{}</p></div>", look, escape(name), value, below);
}
inline std::string loss_card(const run& r, const std::string& name, const std::string& look, double loss) {
  if (!there(loss)) return "";
  std::string below = "perplexity " + perplexity_text(loss);
  const double teacher = r.teacher();
  if (look != "teacher" && there(teacher)) below += fmt::format("<br>{:+.3f} to the teacher", loss - teacher);
  return card(name, look, loss_text(loss), below);
}
inline std::string cards(const run& r) {
  std::string s = loss_card(r, "Teacher", "teacher", r.teacher());
  s += loss_card(r, "At the swap", "student", r.loss("swap_loss", "student", "swap"));
  s += loss_card(r, "After the fit", "student", r.loss("fit_loss", "student", "fit"));
  s += loss_card(r, "After the transfer", "student", r.loss("transfer_loss", "student", "transfer"));
  s += loss_card(r, r.result.is_object() ? "After uptraining" : "Uptraining, so far", "student", r.student());
  s += loss_card(r, "Its linear branch alone", "student", r.linear_branch());
  s += loss_card(r, "Its window alone", "student", r.window_branch());
  s += loss_card(r, "From scratch", "scratch", r.scratch());
  if (const double recovered = r.recovered(); there(recovered))
    s += card("Recovered", "share", percent_text(recovered), "of the way from scratch to the teacher");
  return s.empty() ? "" : "<div class=cards>" + s + "</div><p class=said>Held-out loss in nats per token; lower is better.</p>";
}

inline series held_out(const run& r, const std::string& phase, const std::string& model, const std::string& name) {
  series s{name, "held " + model, {}, true};
  for (const auto& e : r.evaluations) {
    const bool before = phase == "uptrain" && e.phase == "transfer";
    if (e.model != model || (e.phase != phase && !e.phase.empty() && !before)) continue;
    s.at.push_back({there(e.tokens) ? e.tokens : 0, e.loss});
    const bool told = e.tag == "swap" || e.tag == "fit" || e.tag == "transfer";
    s.labels.push_back(told ? (e.tag == "swap" ? "at the " : "after the ") + e.tag + ", " + loss_text(e.loss) : "");
  }
  return s;
}

inline void add_training(chart& c, const run& r, const std::string& phase, const std::string& model, const std::string& name,
                         bool linear_alone = false) {
  const points all = of_steps(r, phase, &step::loss, linear_alone);
  if (all.size() > 20) c.lines.push_back({name + ", each step", "raw " + model, thinned(all, 350)});
  c.lines.push_back({name + (all.size() > 20 ? ", smoothed" : ""), "line " + model, all.size() > 20 ? smoothed(all) : all});
}

// Where the losses before any training (held out: dots) lie far above all others, the chart ends below them; a logarithmic loss
// axis where the first losses would still press the rest flat.
inline void choose_scale(chart& c) {
  const auto each_loss = [&](auto f) {
    for (const auto& s : c.lines)
      for (const auto& p : s.at)
        if (there(p.y)) f(p.y, s.dots && p.x <= 0);
  };
  double trained = 0, largest = 0, fits = 0;
  each_loss([&](double y, bool before) { trained = std::max(trained, before ? 0 : y), largest = std::max(largest, y); });
  each_loss([&](double y, bool) { fits = std::max(fits, y <= 1.5 * trained ? y : 0); });
  if (trained > 0 && largest > fits) c.most = 1.1 * fits;
  double low = 1e300, high = 0;
  each_loss([&](double y, bool) { low = std::min(low, y), high = std::max(high, std::min(y, c.most)); });
  for (const auto& l : c.levels)
    if (there(l.y)) low = std::min(low, l.y);
  c.y.log = low > 0 && high > 3 * low;
  if (c.y.log) c.y.label += ", log scale";
}

inline chart loss_chart(const run& r, const std::string& title, const std::string& tokens) {
  chart c{title, "", {tokens, false, count_text, "count"}, {"loss, nats per token", false, trimmed, "loss"}, {}};
  if (there(r.entropy)) c.levels.push_back({"entropy of the text", "level floor", r.entropy});
  return c;
}

inline std::string losses(const run& r) {
  chart up = loss_chart(r, "Uptraining", "tokens seen in uptraining");
  add_training(up, r, "uptrain", "student", "RNN, training");
  add_training(up, r, "uptrain", "linear", "its linear branch alone, training", true);
  up.lines.push_back(held_out(r, "uptrain", "student", "RNN, held out"));
  add_training(up, r, "scratch", "scratch", "from scratch, training");
  up.lines.push_back(held_out(r, "scratch", "scratch", "from scratch, held out"));
  if (there(r.teacher())) up.levels.push_back({"teacher, held out", "level teacher", r.teacher()});
  choose_scale(up);
  chart pre = loss_chart(r, "The teacher’s own training", "tokens seen in pre-training");
  add_training(pre, r, "pretrain", "teacher", "teacher, training");
  const bool pretrained = !of_steps(r, "pretrain", &step::loss).empty();
  if (pretrained) pre.lines.push_back(held_out(r, "pretrain", "teacher", "teacher, held out"));
  choose_scale(pre);
  pre.height = 260;
  return draw(std::move(up)) + draw(std::move(pre));
}

struct told_phase {
  const char *phase, *model, *name;
};
inline std::string small_chart(const run& r, const std::string& title, const std::string& unit, double step::*what,
                               std::string (*write)(double), bool smooth, const std::vector<told_phase>& phases) {
  chart c{title, "", {"tokens", false, count_text, "count"}, {unit, false, write, "plain"}, {}, {}, 340, 190, true};
  bool linear = false;
  const auto add = [&](const points& all, const std::string& model, const std::string& name) {
    const bool both = smooth && all.size() > 20;
    if (both) c.lines.push_back({name + ", each step", "raw " + model, thinned(all, 150)});
    if (!all.empty()) c.lines.push_back({name, "line " + model, both ? smoothed(all) : thinned(all, 200)});
  };
  for (const auto& [phase, model, name] : phases) {
    const points whole = of_steps(r, phase, what), alone = of_steps(r, phase, what, true);
    add(whole, model, name);
    if (alone.empty() || (!smooth && !whole.empty())) continue;  // what is set for all steps needs no curve of its own
    add(alone, "linear", std::string(name) + ", linear branch alone"), linear = true;
  }
  return draw(std::move(c), linear || r.steps.contains("scratch"));
}

inline std::string training_details(const run& r) {
  const told_phase transfer{"transfer", "student", "transfer"}, uptrain{"uptrain", "student", "uptrained"};
  std::vector<told_phase> phases = {{"scratch", "scratch", "from scratch"}, transfer, uptrain};
  if (std::ranges::none_of(phases, [&](const auto& p) { return r.steps.contains(p.phase); }))
    phases = {{"pretrain", "teacher", "teacher"}};
  const std::string all =
      small_chart(r, "Layers beside the teacher’s, in the transfer", "squared error over size", &step::loss, trimmed, true,
                  {transfer}) +
      small_chart(r, "Divergence from the teacher", "KL, nats per token", &step::kl, trimmed, true, {uptrain}) +
      small_chart(r, "Learning rate", "per step", &step::lr, trimmed, false, phases) +
      small_chart(r, "Gradient norm, before clipping", "norm", &step::grad_norm, trimmed, true, phases) +
      small_chart(r, "Speed", "tokens per second", &step::speed, count_text, true, phases);
  return all.empty() ? "" : "<div class=three>" + all + "</div>";
}

inline std::string sample_name(const std::string& model) {
  if (model == "teacher") return "Teacher";
  if (model == "swap") return "Right after the swap";
  if (model == "fit" || model == "transfer") return "After the " + model;
  return model == "student" ? "RNN, uptrained" : model;
}

inline std::string samples(const run& r) {
  std::string s;
  for (const auto& [prompt, group] : r.samples) {
    s += "<p class=prompt><span>Prompt</span>" + escape(prompt) + "</p><div class=samples>";
    auto ordered = group;
    const std::vector<std::string> order = {"teacher", "swap", "fit", "transfer", "student"};
    const auto rank = [&](const sample& one) { return std::find(order.begin(), order.end(), one.model) - order.begin(); };
    std::stable_sort(ordered.begin(), ordered.end(), [&](const sample& a, const sample& b) { return rank(a) < rank(b); });
    for (const auto& one : ordered) {
      std::string_view told = one.text;
      if (told.starts_with(prompt)) told.remove_prefix(prompt.size());
      told.remove_prefix(std::min(told.find_first_not_of(" \t\r\n"), told.size()));
      told = told.substr(0, told.find_last_not_of(" \t\r\n") + 1);  // a model just swapped may end in empty lines
      s += fmt::format("<div class='sample {}'><h3>{}</h3><p>{}</p></div>", one.model == "teacher" ? "teacher" : "student",
                       escape(sample_name(one.model)), escape(told));
    }
    s += "</div>";
  }
  return s;
}

inline points pairs(const std::vector<double>& x, const std::vector<double>& y) {
  points out;
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) out.push_back({x[i], y[i]});
  return out;
}

// Both models at the longest text that both were measured at.
inline std::string growth_sentence(const points& teacher, const points& student, std::string (*write)(double),
                                   const char* what) {
  for (auto t = teacher.rbegin(); t != teacher.rend(); ++t)
    for (const auto& s : student)
      if (s.x == t->x && there(s.y) && there(t->y) && s.y > 0 && t->y > 0)
        return fmt::format("At {} tokens the teacher {} {}, the RNN {}: {} times {}.", count_text(t->x), what, write(t->y),
                           write(s.y), scaled(std::max(t->y / s.y, s.y / t->y), 1e9, {""}), t->y >= s.y ? "less" : "more");
  return "";
}

inline std::string growth_chart(const run& r, const std::string& title, std::vector<double> growth::*what, const axis& y,
                                const char* verb) {
  chart c{title, "", {"length of the text, tokens", true, count_text, "count"}, y, {}, {}, 500, 300};
  points of[2];
  const char *models[] = {"teacher", "student"}, *names[] = {"teacher", "RNN"};
  for (int m = 0; m < 2; ++m) {
    const auto it = r.growths.find(models[m]);
    if (it == r.growths.end()) continue;
    of[m] = pairs(it->second.tokens, it->second.*what);
    c.lines.push_back({names[m], std::string("line held ") + models[m], of[m], true});
  }
  c.note = growth_sentence(of[0], of[1], y.text, verb);
  return draw(std::move(c));
}

inline std::string growths(const run& r) {
  const axis bytes{"bytes, log scale", true, bytes_text, "bytes"};
  const axis seconds{"time per token, log scale", true, short_time_text, "seconds"};
  const std::string both = growth_chart(r, "Memory that a text takes", &growth::bytes, bytes, "keeps") +
                           growth_chart(r, "Time for the next token", &growth::seconds, seconds, "takes");
  return both.empty() ? "" : "<div class=two>" + both + "</div>";
}

inline std::string row(const std::string& name, const std::string& value) {
  return "<tr><th scope=row>" + escape(name) + "</th><td>" + escape(value) + "</td></tr>";
}

inline std::string value_text(const record& v) {
  if (v.is_string()) return v.get<std::string>();
  if (v.is_boolean()) return v.get<bool>() ? "yes" : "no";
  if (v.is_null()) return "–";
  if (v.is_number_float()) return fmt::format("{:.6g}", v.get<double>());
  std::string s = v.dump(-1, ' ', false, record::error_handler_t::replace);
  if (v.is_number_integer() && s.size() > 4)  // 1234567 -> 1,234,567
    for (std::size_t i = s.size(); i > (s[0] == '-' ? 4u : 3u);) s.insert(i -= 3, ",");
  return s;
}

inline std::string rows_of(const record& object, const std::vector<std::string>& without, const std::string& before = "") {
  std::string s;
  if (!object.is_object()) return s;
  for (const auto& [key, value] : object.items()) {
    if (std::find(without.begin(), without.end(), key) != without.end()) continue;
    std::string name = before + key;
    std::replace(name.begin(), name.end(), '_', ' ');
    s += value.is_object() ? rows_of(value, {}, key == "settings" ? "" : name + ": ") : row(name, value_text(value));
  }
  return s;
}

inline std::string phase_rows(const run& r) {
  std::string s;
  const std::pair<const char*, const char*> phases[] = {
      {"pretrain", "pre-training"}, {"transfer", "transfer"}, {"uptrain", "uptraining"}, {"scratch", "from scratch"}};
  for (const auto& [phase, name] : phases) {
    const auto it = r.steps.find(phase);
    if (it == r.steps.end() || it->second.empty()) continue;
    double speed = 0, n = 0;
    for (const auto& one : it->second)
      if (there(one.speed)) speed += one.speed, ++n;
    s += row(std::string(name) + ", tokens seen", count_text(it->second.back().tokens));
    if (n > 0) s += row(std::string(name) + ", mean speed", count_text(speed / n) + " tokens per second");
  }
  if (const double t = number(r.result, "seconds"); there(t)) s += row("time, whole run", time_text(t));
  return s;
}

inline std::string evaluation_table(const run& r) {
  if (r.evaluations.empty()) return "";
  const bool hybrid = std::ranges::any_of(r.evaluations, [](auto& e) { return there(e.linear_branch); });
  std::vector<std::string> names = {"model", "phase", "when", "tokens", "loss", "perplexity"};
  if (hybrid) names.insert(names.end(), {"linear branch alone", "window alone"});
  std::string s = "<table><thead><tr>";
  for (auto& name : names) s += "<th>" + name + "</th>";
  s += "</tr></thead>";
  const auto loss = [](double x) { return "<td class=n>" + (there(x) ? fmt::format("{:.4f}", x) : "–"); };
  for (const auto& e : r.evaluations) {
    s += "<tr><td>" + escape(e.model) + "</td><td>" + escape(e.phase) + "</td><td>" + escape(e.tag) + "</td>";
    s += "<td class=n>" + count_text(e.tokens) + "</td>" + loss(e.loss);
    s += "</td><td class=n>" + (there(e.loss) ? perplexity_text(e.loss) : "–") + "</td>";
    if (hybrid) s += loss(e.linear_branch) + "</td>" + loss(e.window_branch) + "</td>";
    s += "</tr>";
  }
  return s + "</table>";
}

inline std::string settings(const run& r) {
  const std::vector<std::string> told = {"event", "title"};
  const std::vector<std::string> known = {"event",         "teacher_loss",       "swap_loss",      "fit_loss",
                                          "student_loss",  "scratch_loss",       "recovered",      "teacher_tokens",
                                          "transfer_loss", "linear_branch_loss", "student_tokens", "seconds",
                                          "window_branch_loss"};
  const std::string all = rows_of(r.start, told) + rows_of(r.result, known), speed = phase_rows(r);
  std::string s;
  if (!all.empty()) s += "<div><h3>Settings</h3><table>" + all + "</table></div>";
  const std::string evaluations = evaluation_table(r);
  if (!speed.empty() || !evaluations.empty()) s += "<div>";
  if (!speed.empty()) s += "<h3>Work and speed</h3><table>" + speed + "</table>";
  if (!evaluations.empty()) s += "<h3>Every evaluation</h3>" + evaluations;
  if (!speed.empty() || !evaluations.empty()) s += "</div>";
  return s.empty() ? "" : "<div class=two>" + s + "</div>";
}

}  // namespace supra::program::report
