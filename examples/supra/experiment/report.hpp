// An experiment as one page that needs nothing else: what was asked, what was found, every seed, curves, settings.
#pragma once

#include <string>
#include <vector>

#include "summary.hpp"

namespace supra::program::experiments {

// told: experiment.json. The page is written aside and renamed; parts without data are left out.
void write_page(const summary&, const std::vector<run>&, const json& told, const std::string& html_path);

}  // namespace supra::program::experiments
