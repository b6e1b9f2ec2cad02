// A place in a GGUF file's header, which moves forward only and never past the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "supra/io/error.hpp"

namespace supra::io {

class gguf_cursor {
 public:
  // `where` names the file in errors.
  gguf_cursor(std::span<const std::byte> bytes, std::string_view where) : bytes_(bytes), where_(where) {}

  std::size_t at() const { return at_; }  // bytes from the start
  std::span<const std::byte> from(std::size_t start) const { return bytes_.subspan(start, at_ - start); }

  // The next `n` bytes; `what` names them in errors.
  std::span<const std::byte> take(std::uint64_t n, const char* what) {
    const std::size_t left = bytes_.size() - at_;
    need(n <= left, where_, ": at byte ", at_, " ", what, " of ", n, " bytes was expected, and the file has ", left, " more");
    at_ += static_cast<std::size_t>(n);
    return bytes_.subspan(at_ - static_cast<std::size_t>(n), static_cast<std::size_t>(n));
  }
  template <class N>
  N number(const char* what) {
    N x;
    std::memcpy(&x, take(sizeof x, what).data(), sizeof x);
    return x;
  }
  // A length in 8 bytes, then so many characters: they stay in the file.
  std::string_view text(const char* what) {
    const auto length = number<std::uint64_t>(what);
    return {reinterpret_cast<const char*>(take(length, what).data()), static_cast<std::size_t>(length)};
  }

 private:
  std::span<const std::byte> bytes_;
  std::string_view where_;
  std::size_t at_ = 0;
};

}  // namespace supra::io
