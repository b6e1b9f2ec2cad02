// A run's folder, read.
#include "run.hpp"

#include <algorithm>

#include "supra/io/mapped_file.hpp"

namespace supra::program::experiments {
namespace fs = std::filesystem;

namespace {

bool has_part(const fs::path& path, const std::string& part) {
  return path.filename().string().find(part) != std::string::npos;
}

}  // namespace

json json_in(const fs::path& path) {
  std::error_code failed;
  if (!fs::exists(path, failed)) return {};
  const io::mapped_file file(path);
  const json parsed = json::parse(file.text(), nullptr, false);
  return parsed.is_discarded() ? json() : parsed;
}

bool ended(const std::string& folder) {
  std::error_code failed;
  const fs::path log = fs::path(folder) / "log.jsonl";
  return fs::exists(log, failed) && fs::file_size(log, failed) > 0 && report::read_log(log.string()).result.is_object();
}

bool begun(const std::string& folder) {
  std::error_code failed;
  for (auto& file : fs::directory_iterator(folder, failed))
    if (has_part(file.path(), "checkpoint.") && file.path().extension() == ".safetensors") return true;
  return false;
}

void clear_unbegun(const std::string& folder) {
  std::error_code failed;
  std::vector<fs::path> left;
  for (auto& file : fs::directory_iterator(folder, failed))
    if (file.path().filename() == "log.jsonl" || has_part(file.path(), ".part-")) left.push_back(file.path());
  for (auto& path : left) fs::remove(path, failed);
}

std::optional<std::pair<std::string, std::int64_t>> run::last_step() const {
  for (auto phase : {"scratch", "uptrain", "transfer"})  // the last first
    if (const auto it = log.steps.find(phase); it != log.steps.end() && !it->second.empty())
      return std::pair(std::string(phase), static_cast<std::int64_t>(it->second.back().number));
  return {};
}

double run::speed() const {
  const auto it = log.steps.find("uptrain");
  return it == log.steps.end() || it->second.empty() ? report::missing : it->second.back().speed;
}

double run::next_token() const {
  const auto it = log.growths.find("student");
  return it == log.growths.end() || it->second.seconds.empty() ? report::missing : it->second.seconds.back();
}

void read(run& r) {
  std::error_code failed;
  const fs::path folder(r.folder), log = folder / "log.jsonl";
  if (fs::exists(log, failed) && fs::file_size(log, failed) > 0) r.log = report::read_log(log.string());
  r.by_position = json_in(folder / "by_position.json"), r.recall = json_in(folder / "recall.json");
}

}  // namespace supra::program::experiments
