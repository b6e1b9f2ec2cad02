// SmolLM2-135M-Instruct, a real transformer: its GGUF file, and the folder of golden numbers that lies beside the large test
// data.
#pragma once

#include <filesystem>

#include "test.hpp"

namespace supra_test {

// Where SUPRA_SMOLLM2 says, or where scripts/get-smollm2 puts it.
inline std::filesystem::path smollm2_file() {
  if (const char* named = std::getenv("SUPRA_SMOLLM2"); named && *named) return named;
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home ? home : "") / ".cache/supra/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";
}
inline std::filesystem::path smollm2_goldens() { return std::filesystem::path(data_dir()) / "../smollm2"; }

inline bool smollm2_left_out(const std::string& what) {
  const bool model = std::filesystem::exists(smollm2_file()),
             goldens = !data_dir().empty() && std::filesystem::exists(smollm2_goldens() / "smollm2.json");
  if (model && goldens) return false;
  std::cout << "left out ("
            << (model ? "SUPRA_DATA_DIR names no folder beside which smollm2/smollm2.json lies"
                      : "scripts/get-smollm2 fetches the model")
            << "): " << what << "\n";
  return true;
}

}  // namespace supra_test
