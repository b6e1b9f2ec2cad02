// The files that outputs are written to before they get their names: PATH.part-PROCESS-NUMBER. A writer holds a lock on its
// own, which ends with the process, so what a killed one left is told from what another is writing. Locks may be unknown to the
// file system, or to other machines that write there too: what was written to a short while ago stays in any case.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>

namespace supra::io {

// Creates one for `path` and says its name; -1, with errno, where none can be made.
inline int open_aside(const std::string& path, std::string& name) {
  std::random_device random;
  for (int attempt = 0; attempt < 100; ++attempt) {
    name = path + ".part-" + std::to_string(::getpid()) + "-" + std::to_string(random());
    const int file = ::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0 && errno == EEXIST) continue;
    if (file < 0) return -1;
    // Before it was locked another process may have taken it for left over. A file system without locks has none to lose.
    const bool taken = ::flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    struct stat now {};
    if (!taken && ::fstat(file, &now) == 0 && now.st_nlink > 0) return file;
    ::close(file);
  }
  errno = EEXIST;
  return -1;
}

// Whether `name` is one of those of `of`, both without their folder.
inline bool is_aside(std::string_view name, const std::string& of) {
  if (!name.starts_with(of + ".part-")) return false;
  name.remove_prefix(of.size() + 6);
  const auto between = name.find('-');
  const auto number = [](std::string_view s) {
    return !s.empty() && std::ranges::all_of(s, [](char c) { return c >= '0' && c <= '9'; });
  };
  return between != name.npos && number(name.substr(0, between)) && number(name.substr(between + 1));
}

// Longer than any writer pauses, and than clocks of machines differ.
inline constexpr std::chrono::seconds left_over_age = std::chrono::hours(24);

// Removes those of `path` that were last written to `age` ago or earlier and whose lock nobody holds. What cannot be locked, a
// live writer's or on a file system without locks, stays.
inline void remove_left_over(const std::filesystem::path& path, std::chrono::seconds age = left_over_age) {
  namespace fs = std::filesystem;
  const std::string of = path.filename().string();
  std::error_code failed;
  for (fs::directory_iterator at(path.has_parent_path() ? path.parent_path() : ".", failed), end; !failed && at != end;
       at.increment(failed)) {
    if (!is_aside(at->path().filename().string(), of)) continue;
    const int file = ::open(at->path().c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) continue;
    struct stat info {};
    // Once it is locked it has no writer, or has its name by now and is not removed by this one.
    if (::fstat(file, &info) == 0 && S_ISREG(info.st_mode) && std::time(nullptr) - info.st_mtime >= age.count() &&
        ::flock(file, LOCK_EX | LOCK_NB) == 0)
      ::unlink(at->path().c_str());
    ::close(file);
  }
}

}  // namespace supra::io
