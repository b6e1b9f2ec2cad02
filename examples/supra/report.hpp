// A run's log as one page that people read: HTML with inline SVG, which needs nothing else to be shown, mailed or printed.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace supra::program {

// Reads the JSON lines of a run, finished or not, and writes the page aside, then renames it over html_path. Unknown events,
// broken lines (a cut-off last one) and missing or null numbers are passed over; a section without data is left out.
void write_report(const std::string& log_path, const std::string& html_path);

// What evaluate found, of a model and those beside it, as a page of its own.
void write_evaluation(const nlohmann::ordered_json& result, const std::string& html_path);

}  // namespace supra::program
