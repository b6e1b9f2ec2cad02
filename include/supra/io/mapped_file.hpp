// A whole file mapped read-only. Pages come from the file when touched, so a model larger than memory can be opened.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include "supra/io/error.hpp"

namespace supra::io {

class mapped_file {
 public:
  mapped_file() = default;
  explicit mapped_file(const std::filesystem::path& path) : path_(path.string()) {
    // Not blocking: a pipe named by mistake must be refused below, not waited for.
    const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) fail("cannot open ", path_, ": ", std::strerror(errno));
    struct stat info {};
    const bool known = ::fstat(file, &info) == 0;
    if (!known || !S_ISREG(info.st_mode)) {
      ::close(file);
      fail(path_, " must be a file, and is ", known && S_ISDIR(info.st_mode) ? "a folder" : "something else");
    }
    size_ = static_cast<std::size_t>(info.st_size);
    if (size_ > 0) data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
    const int reason = errno;
    ::close(file);
    if (data_ == MAP_FAILED) {
      data_ = nullptr;
      fail("cannot map ", path_, " (", size_, " bytes) into memory: ", std::strerror(reason));
    }
  }
  mapped_file(mapped_file&& other) noexcept { swap(other); }
  mapped_file& operator=(mapped_file&& other) noexcept {
    mapped_file gone(std::move(other));
    swap(gone);
    return *this;
  }
  ~mapped_file() {
    if (data_) ::munmap(data_, size_);
  }

  const std::string& path() const { return path_; }
  std::size_t size() const { return size_; }
  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }
  std::string_view text() const { return {static_cast<const char*>(data_), size_}; }

 private:
  void swap(mapped_file& other) noexcept {
    std::swap(path_, other.path_), std::swap(data_, other.data_), std::swap(size_, other.size_);
  }
  std::string path_;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace supra::io
