// The parts of a page about what evaluate found: tasks side by side, loss by position, memory.
#pragma once

#include <filesystem>

#include "sections.hpp"

namespace supra::program::report {

struct evaluated_model {
  record found;
  std::string name, look;  // look: teacher (softmax) or student; others after the first of a kind
  bool linear = false;
};

inline std::vector<evaluated_model> evaluated(const record& result) {
  std::vector<evaluated_model> all;
  const auto add = [&](const record& one) {
    namespace fs = std::filesystem;
    fs::path path = text(one, "model");
    if (!path.has_filename()) path = path.parent_path();
    const std::string branch = text(one, "branch"), alone = branch.empty() ? "" : ", " + branch + " branch alone";
    evaluated_model m{one, path.filename().string() + alone, "", text(one, "attention") != "softmax"};
    for (const char* look : {m.linear ? "student" : "teacher", "scratch", "floor"})
      if (m.look.empty() && std::ranges::none_of(all, [&](auto& o) { return o.look == look; })) m.look = look;
    if (m.look.empty()) m.look = "scratch";
    if (std::ranges::any_of(all, [&](auto& o) { return o.name == m.name; })) m.name = path.string() + alone;
    all.push_back(std::move(m));
  };
  add(result);
  if (const auto it = result.find("beside"); it != result.end())
    for (const auto& one : *it) add(one);
  return all;
}

inline const record& object_of(const record& r, const std::string& key) {
  static const record none = record::object();
  const auto it = r.find(key);
  return it != r.end() && it->is_object() ? *it : none;
}
// The number that the paper takes: normalised by length for PIQA, HellaSwag and ARC-C.
inline const char* chosen_metric(const std::string& task) {
  return task == "piqa" || task == "hellaswag" || task == "arc_challenge" ? "acc_norm" : "acc";
}
inline double chosen(const evaluated_model& m, const std::string& task) {
  return number(object_of(object_of(m.found, "tasks"), task), chosen_metric(task));
}
inline std::vector<std::string> tasks_of(const std::vector<evaluated_model>& models) {
  std::vector<std::string> names;
  for (const auto& [name, r] : object_of(models.front().found, "tasks").items()) names.push_back(name);
  return names;
}
// Mean over tasks where one chooses; missing if there is none, or one is not known.
inline double mean_score(const evaluated_model& m, const std::vector<std::string>& tasks) {
  double sum = 0, n = 0;
  for (const auto& t : tasks)
    if (t != "lambada_openai") sum += chosen(m, t), ++n;
  return n > 0 ? sum / n : missing;
}
inline const std::vector<std::string> paper_tasks = {"hellaswag", "piqa", "winogrande", "arc_easy", "arc_challenge", "mmlu"};

inline const evaluated_model* first_of(const std::vector<evaluated_model>& models, bool linear) {
  for (const auto& m : models)
    if (m.linear == linear) return &m;
  return nullptr;
}
inline std::string evaluation_headline(const std::vector<evaluated_model>& models) {
  const auto tasks = tasks_of(models);
  const auto *student = first_of(models, true), *teacher = first_of(models, false);
  const auto choices = tasks.size() - static_cast<std::size_t>(std::ranges::count(tasks, "lambada_openai"));
  if (choices > 0) {
    const std::string over =
        choices == 1 ? "on its task of choices" : fmt::format("on average over {} tasks of choices", choices);
    if (!student || !teacher)
      return fmt::format("{} scores {} {}.", models[0].name, percent_text(mean_score(models[0], tasks)), over);
    const double s = mean_score(*student, tasks), t = mean_score(*teacher, tasks);
    return fmt::format(
        "The RNN scores {} {} beside the transformer’s {}: {}.", percent_text(s), over, percent_text(t),
        s < t ? fmt::format("{:.1f} points less", 100 * (t - s)) : fmt::format("{:.1f} points more", 100 * (s - t)));
  }
  const double loss = number(models[0].found, "loss_nats_per_token");
  if (student && teacher)
    if (const double s = number(student->found, "loss_nats_per_token"), t = number(teacher->found, "loss_nats_per_token");
        there(s) && there(t))
      return "The RNN’s loss is " + loss_text(s) + " beside the transformer’s " + loss_text(t) + " nats per token.";
  return models[0].name + (there(loss) ? " has a loss of " + loss_text(loss) + " nats per token." : ".");
}
inline std::string evaluation_lead(const std::vector<evaluated_model>& models) {
  if (tasks_of(models).empty()) return "";
  return "Scored by lm-evaluation-harness’ rules, without examples but for MMLU’s five. A mean takes accuracy normalised by "
         "length "
         "for PIQA, HellaSwag and ARC-C and plain accuracy for the rest, as the paper does.";
}
inline std::string evaluation_cards(const std::vector<evaluated_model>& models) {
  std::string s;
  const auto tasks = tasks_of(models);
  for (const auto& m : models) {
    if (const double mean = mean_score(m, tasks); there(mean))
      s += card(m.name, m.look, percent_text(mean), m.linear ? "mean score, an RNN" : "mean score, a transformer");
    if (const double loss = number(m.found, "loss_nats_per_token"); there(loss))
      s += card(m.name, m.look, loss_text(loss), "nats per token<br>perplexity " + perplexity_text(loss));
  }
  return s.empty() ? "" : "<div class=cards>" + s + "</div>";
}

// A score as a bar from nothing to all, with its standard error and the mark of chance.
inline std::string score_cell(const evaluated_model& m, const record& task, const std::string& metric) {
  const double x = number(task, metric.c_str()), error = number(task, (metric + "_stderr").c_str()),
               chance = number(task, "chance");
  if (!there(x)) return "<td class=score>–</td>";
  if (metric == "perplexity")
    return fmt::format("<td class=score><b>{}</b> <span>± {}</span></td>", trimmed(x), there(error) ? trimmed(error) : "–");
  const auto at = [](double share) { return 160 * std::clamp(share, 0.0, 1.0); };
  std::string s = fmt::format("<td class=score><b>{:.1f}</b> <span>± {:.1f}</span>", 100 * x, 100 * error);
  s += "<svg width=160 height=9><rect class=track x=0 y=2 width=160 height=5 />";
  s += fmt::format("<rect class='bar {}' x=0 y=2 width={:.1f} height=5 />", m.look, at(x));
  s += fmt::format("<line class=whisker x1={:.1f} x2={:.1f} y1=4.5 y2=4.5 />", at(x - error), at(x + error));
  if (chance > 0) s += fmt::format("<line class=chance x1={0:.1f} x2={0:.1f} y1=0 y2=9 />", at(chance));
  return s + "</svg></td>";
}
inline std::string task_table(const std::vector<evaluated_model>& models) {
  const auto tasks = tasks_of(models);
  if (tasks.empty()) return "";
  std::string s = "<table><thead><tr><th>task</th><th>examples</th><th>metric</th>";
  for (const auto& m : models) s += "<th>" + escape(m.name) + "</th>";
  s += (models.size() == 2 ? "<th>difference</th>" : "") + std::string("</tr></thead>");
  for (const auto& t : tasks)
    for (const char* metric : {"acc", "acc_norm", "perplexity"}) {
      const auto of = [&](const evaluated_model& m) -> const record& { return object_of(object_of(m.found, "tasks"), t); };
      if (!there(number(of(models[0]), metric))) continue;
      const std::string names[] = {"accuracy", "accuracy by length", "perplexity"};
      const bool first = metric == std::string_view("acc"), main = metric == std::string_view(chosen_metric(t));
      s +=
          std::string("<tr") + (main ? "" : " class=less") + "><th scope=row>" + (first ? escape(t) : "") + "</th><td class=n>";
      s += first ? value_text(of(models[0]).at("n")) : "";
      s += "</td><td>" + names[first ? 0 : metric[3] == '_' ? 1 : 2] + "</td>";
      for (const auto& m : models) s += score_cell(m, of(m), metric);
      if (models.size() == 2) {
        const double d = number(of(models[0]), metric) - number(of(models[1]), metric);
        const bool share = metric != std::string_view("perplexity");
        s += "<td class=n>" + (there(d) ? fmt::format(fmt::runtime(share ? "{:+.1f}" : "{:+.3g}"), share ? 100 * d : d) : "–") +
             "</td>";
      }
      s += "</tr>";
    }
  return s +
         "</table><p class=said>Percent, ± standard error. The upright mark is what guessing scores. Rows in grey are not in "
         "the "
         "mean.</p>";
}

// Figures of the paper (arXiv 2405.06640): means over HellaSwag, PIQA, WinoGrande, ARC-E, ARC-C and MMLU, and MMLU alone.
inline std::string paper_table(const std::vector<evaluated_model>& models) {
  if (tasks_of(models).empty()) return "";
  struct figure {
    const char *name, *tokens;
    double mean, of, mmlu;
  };
  const figure figures[] = {{"Llama2 7B, softmax", "", 65.4, missing, missing},
                            {"Llama2 7B, SUPRA", "+20B", 58.6, 65.4, missing},
                            {"Mistral 7B, softmax", "", 72.4, missing, 62.4},
                            {"Mistral 7B, SUPRA", "+20B", 61.2, 72.4, 28.0},
                            {"Mistral 7B, SUPRA", "+100B", 64.0, 72.4, 34.2}};
  std::string s =
      "<table><thead><tr><th>model</th><th>tokens of uptraining</th><th>mean of the six tasks</th>"
      "<th>of its teacher’s</th><th>MMLU</th></tr></thead>";
  const auto line = [&](const std::string& name, const std::string& tokens, double mean, double of, double mmlu) {
    const auto cell = [](const std::string& x) { return "<td class=n>" + x + "</td>"; };
    s += "<tr><td>" + escape(name) + "</td>" + cell(tokens) + cell(there(mean) ? fmt::format("{:.1f}", mean) : "–") +
         cell(there(of) ? percent_text(mean / of) : "–") + cell(there(mmlu) ? fmt::format("{:.1f}", mmlu) : "–") + "</tr>";
  };
  for (const auto& f : figures) line(f.name, f.tokens, f.mean, f.of, f.mmlu);
  const auto* teacher = first_of(models, false);
  bool all = true;
  for (const auto& m : models) {
    const double mean = 100 * mean_score(m, paper_tasks);
    all &= there(mean);
    line(m.name + ", here", "", mean, m.linear && teacher ? 100 * mean_score(*teacher, paper_tasks) : missing,
         100 * chosen(m, "mmlu"));
  }
  return s +
         "</table><p class=said>7B figures from the paper, arXiv 2405.06640: HellaSwag, PIQA, WinoGrande, ARC-E, ARC-C, MMLU." +
         (all ? "" : " Not all six were measured here, so there is no mean of them.") + "</p>";
}

inline std::string position_chart(const std::vector<evaluated_model>& models) {
  chart c{"Mean loss by how many tokens came before",
          "A model that uses a longer past goes on falling; one that cannot rises beyond the length it was made for.",
          {"position, tokens", true, count_text, "count"},
          {"loss, nats per token", false, trimmed, "loss"},
          {}};
  double low = 1e300, high = -1e300, length = missing;
  for (const auto& m : models) {
    series line{m.name, "line held " + m.look, {}, true, {}};
    const auto& found = object_of(m.found, "by_position");
    if (const auto it = found.find("bins"); it != found.end())
      for (const auto& b : *it) {
        const double x = std::sqrt(number(b, "from") * std::max(number(b, "from"), number(b, "to") - 1)), y = number(b, "loss");
        line.at.push_back({x, y});
        if (there(y)) low = std::min(low, y), high = std::max(high, y);
      }
    if (line.at.empty()) continue;
    if (m.linear && !there(length) && line.at.back().x > number(m.found, "max_length")) length = number(m.found, "max_length");
    c.lines.push_back(std::move(line));
  }
  if (there(length)) c.lines.push_back({"length it was made for", "level scratch", {{length, low}, {length, high}}});
  return draw(std::move(c));
}

// Recall (evaluate's --recall) against distance or number of pairs, models side by side.
inline std::string recall_chart(const std::vector<evaluated_model>& models, chart c, const char* kind, const char* list, const char* level) {
  c.y = {"accuracy", false, percent_text, "share"}, c.from_zero = true;
  for (const auto& m : models) {
    series line{m.name, "line held " + m.look, {}, true, {}};
    const auto& found = object_of(object_of(m.found, "recall"), kind);
    if (const auto it = found.find(list); it != found.end())
      for (const auto& p : *it) line.at.push_back({number(p, level), number(p, "accuracy")});
    if (!line.at.empty()) c.lines.push_back(std::move(line));
  }
  return draw(std::move(c));
}
inline std::string recall_charts(const std::vector<evaluated_model>& models) {
  chart copies{"Passages repeated, by how far back they are", "", {"distance, tokens", true, count_text, "count"}, {}, {}},
      pairs{"Values of keys, by how many pairs came before", "", {"pairs", true, count_text, "plain"}, {}, {}};
  copies.note = "Share of a passage’s tokens that are the likeliest the second time; its first token is not asked for.";
  copies.height = pairs.height = 260;
  std::string s = recall_chart(models, std::move(copies), "copies", "by_distance", "distance") +
                  recall_chart(models, std::move(pairs), "pairs", "by_number", "pairs");
  if (s.empty()) return s;
  std::string told;
  for (const auto& m : models) {
    const auto &r = object_of(m.found, "recall"), &c = object_of(r, "copies");
    const double copied = number(c, "accuracy"), gain = number(c, "gain_of_unseen"), values = number(object_of(r, "pairs"), "accuracy");
    if (there(copied) && there(gain) && there(values))
      told += fmt::format("<p class=said>{} repeats {} of a passage’s tokens, {:.1f} points more than of one that was never there, and {} of "
                          "the values.</p>",
                          escape(m.name), percent_text(copied), 100 * gain, percent_text(values));
  }
  return s + told + (told.empty() ? "" : "<p class=said>Means over what fits the length that each was made for.</p>");
}

inline std::string memory_chart(const std::vector<evaluated_model>& models) {
  chart c{"float32 bytes of one text",
          "",
          {"length of the text, tokens", true, count_text, "count"},
          {"bytes, log scale", true, bytes_text, "bytes"},
          {}};
  c.height = 260;
  const auto cache = [](const evaluated_model& m) {
    points at;
    for (const int k : {1, 16, 128})
      at.push_back({1024.0 * k, number(m.found, fmt::format("softmax_cache_bytes_at_{}k", k).c_str())});
    return at;
  };
  for (const auto& m : models) {
    if (!m.linear) c.lines.push_back({m.name, "line held " + m.look, cache(m), true, {}});
    const double state = number(m.found, "state_bytes");
    if (!m.linear || !there(state)) continue;
    c.lines.push_back({m.name, "line held " + m.look, {{1024, state}, {16384, state}, {131072, state}}, true, {}});
    if (!first_of(models, false)) c.lines.push_back({"the same with softmax", "line held teacher", cache(m), true, {}});
    const double then = cache(m).back().y;
    if (c.note.empty() && state > 0 && there(then))
      c.note = fmt::format(
          "{} keeps {} of a text of any length; a softmax cache of its shape takes {} at 128K tokens, {} times "
          "as much.",
          m.name, bytes_text(state), bytes_text(then), count_text(then / state));
  }
  return draw(std::move(c));
}

inline std::string model_table(const std::vector<evaluated_model>& models) {
  std::string s;
  for (const auto& m : models)
    s +=
        "<div><h3>" + escape(m.name) + "</h3><table>" + rows_of(m.found, {"tasks", "beside", "by_position", "recall"}) + "</table></div>";
  return "<div class=two>" + s + "</div>";
}

}  // namespace supra::program::report
