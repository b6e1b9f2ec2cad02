// Log -> run (what the page needs of it) -> sections -> page.
#include "report.hpp"

#include <filesystem>

#include "report/evaluation.hpp"
#include "report/page.hpp"
#include "report/sections.hpp"
#include "supra/io/file_out.hpp"

namespace supra::program::report {

static std::string about(const run& r) {
  std::vector<std::string> parts;
  if (const auto s = text(r.start, "teacher"); !s.empty()) parts.push_back("teacher " + s);
  if (const auto s = text(r.start, "attention"); !s.empty()) parts.push_back("attention " + s);
  if (const auto s = text(r.start, "recipe"); !s.empty()) parts.push_back("recipe " + s);
  if (const double n = number(r.start, "parameters"), added = number(r.start, "added_parameters"); there(n))
    parts.push_back(count_text(n) + " parameters" + (there(added) ? ", " + count_text(added) + " of them added" : ""));
  std::string s;
  for (const auto& p : parts) s += (s.empty() ? "" : " · ") + p;
  return s;
}

static std::string page(const run& r, const std::string& log_name) {
  std::string title = text(r.start, "title");
  if (title.empty()) title = "A transformer turned into an RNN";
  std::string s = header(title, headline(r), {scratch_sentence(r), about(r)}, cards(r));
  s += section("Loss", losses(r)) + section("What they write", samples(r));
  s += section("Memory and time as a text grows", growths(r)) + section("How the training went", training_details(r));
  s += section("Settings and numbers", settings(r));
  s += "<footer>Made by supra from " + escape(log_name) + ".";
  if (r.broken) s += fmt::format(" {} of its lines could not be read.", r.broken);
  return document(title, s + "</footer>");
}

static std::string evaluation_page(const record& result) {
  const auto models = evaluated(result);
  const std::string title = models.size() == 1 ? "What " + models[0].name + " can do" : "Models side by side";
  std::string s = header(title, evaluation_headline(models), {evaluation_lead(models)}, evaluation_cards(models));
  s += section("Tasks", task_table(models)) + section("Beside the paper", paper_table(models));
  s += section("Loss by position", position_chart(models)) + section("Recall from the context", recall_charts(models));
  s += section("Memory that a text takes", memory_chart(models));
  s += section("Models", model_table(models));
  return document(title, s + "<footer>Made by supra evaluate.</footer>");
}

}  // namespace supra::program::report

namespace supra::program {

void write_report(const std::string& log_path, const std::string& html_path) {
  const std::string name = std::filesystem::path(log_path).filename().string();
  io::write_file(html_path, report::page(report::read_log(log_path), name), io::existing::overwrite);
}

void write_evaluation(const nlohmann::ordered_json& result, const std::string& html_path) {
  io::write_file(html_path, report::evaluation_page(result), io::existing::overwrite);
}

}  // namespace supra::program
