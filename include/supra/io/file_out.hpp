// A file that appears whole or not at all: written aside in the same folder, synced, then renamed. What a process that was
// killed a day ago or earlier left aside of it goes first.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supra/io/error.hpp"
#include "supra/io/file_aside.hpp"

namespace supra::io {

enum class existing { refuse, overwrite };           // what to do with an output that is already there

// Why a write of `path` failed, errno's `reason` in words a user can act on.
inline std::string write_failure(const std::string& path, int reason) {
  if (reason == ENOSPC || reason == EDQUOT)
    return sentence("cannot write ", path, ": the disk is full (or its quota is used up); free some space and run again, the ",
                    "unfinished file has been removed");
  return sentence("cannot write ", path, ": ", std::strerror(reason), "; the unfinished file has been removed");
}

class file_out {
 public:
  explicit file_out(const std::filesystem::path& path, existing mode = existing::refuse) : path_(path.string()), mode_(mode) {
    namespace fs = std::filesystem;
    if (mode_ == existing::refuse && fs::exists(fs::symlink_status(path))) refuse();
    need(!fs::is_directory(path), path_, " is a folder, a file was to be written there");
    if (fs::exists(path)) {
      need(fs::is_regular_file(path), path_, " is a device or a pipe, not a file; name a file");
      path_ = fs::canonical(path).string();  // what a link leads to is replaced, not the link
    }
    remove_left_over(path_);
    file_ = open_aside(path_, aside_);
    if (file_ < 0) fail_to_open(errno);
    buffer_.reserve(1 << 16);
  }
  file_out(const file_out&) = delete;
  file_out& operator=(const file_out&) = delete;
  ~file_out() { drop(); }

  void write(std::span<const std::byte> bytes) {
    if (buffer_.size() + bytes.size() > buffer_.capacity()) flush();
    if (bytes.size() >= buffer_.capacity()) write_out(bytes);
    else buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

  // Makes the file appear under its name; without this call the destructor removes what was written.
  void commit() {
    flush();
    if (::fsync(file_) != 0) give_up(errno);
    const int locked = ::fcntl(file_, F_DUPFD_CLOEXEC, 0);  // until it has its name
    if (::close(std::exchange(file_, locked)) != 0) give_up(errno);
    rename_to_name();
    aside_.clear(), drop();
    sync_folder();
  }

 private:
  [[noreturn]] void refuse() const { fail(path_, " exists already; name another output, remove it, or ask to overwrite it"); }

  [[noreturn]] void fail_to_open(int reason) const {
    fail("cannot create a file beside ", path_, ": ", std::strerror(reason));
  }

  void flush() {
    write_out(buffer_);
    buffer_.clear();
  }
  void write_out(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(file_, bytes.data(), std::min<std::size_t>(bytes.size(), std::size_t{1} << 30));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) give_up(n == 0 ? ENOSPC : errno);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }

  void rename_to_name() {
    if (mode_ == existing::refuse) {
#ifdef RENAME_NOREPLACE                              // the kernel refuses, should the file have appeared meanwhile
      if (::renameat2(AT_FDCWD, aside_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0) return;
      if (errno == EEXIST) refuse();
      if (errno != EINVAL && errno != ENOSYS) give_up(errno);
#endif
      if (std::filesystem::exists(std::filesystem::symlink_status(path_))) refuse();
    }
    if (::rename(aside_.c_str(), path_.c_str()) != 0) give_up(errno);
  }

  // The new name must survive a power cut too; a file system that cannot sync folders is left alone.
  void sync_folder() const {
    const auto parent = std::filesystem::path(path_).parent_path();
    const int folder = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    (void)::fsync(folder);
    ::close(folder);
  }

  [[noreturn]] void give_up(int reason) {
    drop();
    throw error(write_failure(path_, reason));
  }
  void drop() noexcept {
    if (file_ >= 0) ::close(file_);
    if (!aside_.empty()) ::unlink(aside_.c_str());
    file_ = -1;
    aside_.clear();
  }

  std::string path_, aside_;
  existing mode_;
  int file_ = -1;
  std::vector<std::byte> buffer_;
};

// Writes a whole text at once.
inline void write_file(const std::filesystem::path& path, std::string_view text, existing mode = existing::refuse) {
  file_out out(path, mode);
  out.write(text);
  out.commit();
}

}  // namespace supra::io
