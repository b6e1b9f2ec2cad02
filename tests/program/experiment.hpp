// Files of small experiments.
#pragma once

#include <string>

namespace supra_test {

inline std::string file_with(const std::string& variants, const std::string& more = "") {
  return R"({"name": "tiny", "title": "A title <b>", "question": "Which one?", "variants": [)" + variants + "]" + more + "}";
}
inline const std::string two = R"({"name": "supra"}, {"name": "faded", "attention": "supra-retnet"})";
inline const std::string small =
    R"(, "settings": {"tokens": 1024, "seq": 32, "batch": 4, "fit_tokens": 512, "evaluate_windows": 8, "lr": 1e-3})";

}  // namespace supra_test
