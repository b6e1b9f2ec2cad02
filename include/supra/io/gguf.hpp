// Reading GGUF, versions 2 and 3 (ggml's format): the header is checked strictly, the rest stays in the mapped file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "supra/io/gguf_metadata.hpp"
#include "supra/io/gguf_tensors.hpp"
#include "supra/io/mapped_file.hpp"

namespace supra::io {

class gguf_file {
 public:
  explicit gguf_file(const std::filesystem::path& path) : file_(std::make_shared<const mapped_file>(path)) {
    parse(file_->bytes(), file_->path());
  }
  // Bytes that the caller keeps; `where` names them in errors.
  gguf_file(std::span<const std::byte> bytes, const std::string& where) { parse(bytes, where); }

  const std::string& where() const { return metadata_.where(); }
  const gguf_metadata& metadata() const { return metadata_; }
  const gguf_tensors& tensors() const { return tensors_; }
  bool has(std::string_view name) const { return tensors_.count(name) != 0; }
  const gguf_tensor& at(std::string_view name) const {
    const auto found = tensors_.find(name);
    need(found != tensors_.end(), where(), ": there is no tensor named ", in_quotes(name));
    return found->second;
  }
  const std::byte* row(const gguf_tensor& t, std::int64_t r) const { return data_.data() + t.begin + r * t.row_bytes(); }

 private:
  void parse(std::span<const std::byte> bytes, const std::string& where) {
    gguf_cursor from(bytes, where);
    need(from.number<std::uint32_t>("the word GGUF") == 0x46554747, where,
         ": a GGUF file starts with the letters GGUF, this one does not");
    const auto version = from.number<std::uint32_t>("the version");
    need((version & 0xffff) != 0, where, ": the numbers are big-endian, which is not supported");
    need(version == 2 || version == 3, where, ": GGUF version ", version, " is not supported, 2 and 3 are");
    const auto tensors = from.number<std::uint64_t>("the count of tensors"),
               keys = from.number<std::uint64_t>("the count of keys");
    metadata_ = gguf_metadata(from, keys, where);
    const std::int64_t alignment = metadata_.integer("general.alignment", 32);
    need(alignment >= 8 && alignment <= (1 << 30) && (alignment & (alignment - 1)) == 0, where,
         ": general.alignment must be a power of two from 8 on, found ", alignment);
    for (std::uint64_t i = 0; i < tensors; ++i) {
      const std::string_view name = from.text("a tensor's name");
      const auto [at, fresh] = tensors_.emplace(name, gguf_tensor{});
      need(fresh, where, ": tensor ", in_quotes(name), " is there twice");
      at->second = detail::read_gguf_tensor(from, static_cast<std::uint64_t>(alignment), where + ": tensor " + in_quotes(name));
    }
    const std::size_t step = static_cast<std::size_t>(alignment), padded = (from.at() + step - 1) / step * step;
    data_ = bytes.subspan(std::min(padded, bytes.size()));
    detail::check_gguf_places(tensors_, data_.size(), static_cast<std::uint64_t>(alignment), where);
  }

  std::shared_ptr<const mapped_file> file_;  // empty where the caller keeps the bytes
  gguf_metadata metadata_;
  gguf_tensors tensors_;
  std::span<const std::byte> data_;
};

}  // namespace supra::io
