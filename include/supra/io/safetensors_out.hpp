// Writing safetensors, atomically: the header first, then each tensor's values in the order announced.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "supra/io/dtype.hpp"
#include "supra/io/file_out.hpp"

namespace supra::io {

struct tensor_announcement {
  std::string name;
  dtype type = dtype::f32;
  std::vector<std::int64_t> shape;
  std::uint64_t bytes() const {
    std::uint64_t n = static_cast<std::uint64_t>(info(type).bytes);
    for (auto s : shape) n *= static_cast<std::uint64_t>(s);
    return n;
  }
};

// For tensors too large to hold twice: values are converted piece by piece on their way to the file.
class safetensors_writer {
 public:
  safetensors_writer(const std::filesystem::path& path, std::vector<tensor_announcement> tensors,
                     const std::map<std::string, std::string>& metadata = {}, existing mode = existing::refuse)
      : where_(path.string()), tensors_(std::move(tensors)), out_(path, mode) {
    std::string text = header(metadata);
    text.resize((text.size() + 7) / 8 * 8, ' ');     // so that the data starts at a multiple of 8
    const std::uint64_t length = text.size();
    need(length <= 100'000'000, where_, ": a header of ", length, " bytes is more than a safetensors file can have");
    out_.write(std::as_bytes(std::span(&length, 1)));
    out_.write(text);
  }

  // The next tensor's bytes, as its type has them.
  void write_bytes(std::span<const std::byte> bytes) {
    need(written_ < tensors_.size() && given_ == 0, where_, ": more tensors written than the ", tensors_.size(), " announced");
    const auto& t = tensors_[written_++];
    need(bytes.size() == t.bytes(), where_, ": tensor ", in_quotes(t.name), " was announced with ", t.bytes(), " bytes, given ",
         bytes.size());
    out_.write(bytes);
  }
  // The next tensor's values, converted to its type (F64, F32, F16, BF16).
  template <class T>
  void write(std::span<const T> values) {
    need(written_ == tensors_.size() || values.size() == elements(), where_, ": tensor ",
         in_quotes(tensors_[std::min(written_, tensors_.size() - 1)].name), " was announced with ", elements(),
         " elements, given ", values.size());
    append(values);
  }
  // A piece of the next tensor's values; with its last the tensor is written.
  template <class T>
  void append(std::span<const T> values) {
    need(written_ < tensors_.size(), where_, ": more tensors written than the ", tensors_.size(), " announced");
    const auto& t = tensors_[written_];
    need(given_ + values.size() <= elements(), where_, ": tensor ", in_quotes(t.name), " was announced with ", elements(),
         " elements, given more");
    std::vector<std::byte> piece;
    for (std::size_t i = 0; i < values.size(); i += 1 << 16) {
      const auto part = values.subspan(i, std::min<std::size_t>(1 << 16, values.size() - i));
      piece.resize(part.size() * static_cast<std::size_t>(info(t.type).bytes));
      to_bytes(t.type, part, piece.data());
      out_.write(piece);
    }
    given_ += values.size();
    if (given_ == elements()) given_ = 0, ++written_;
  }
  void commit() {
    need(written_ == tensors_.size(), where_, ": ", tensors_.size(), " tensors were announced, ", written_, " written");
    out_.commit();
  }

 private:
  std::size_t elements() const {                     // of the next tensor
    if (written_ == tensors_.size()) return 0;
    const auto& t = tensors_[written_];
    return static_cast<std::size_t>(t.bytes()) / static_cast<std::size_t>(info(t.type).bytes);
  }
  std::string header(const std::map<std::string, std::string>& metadata) const {
    auto all = nlohmann::ordered_json::object();
    if (!metadata.empty()) all["__metadata__"] = metadata;
    std::uint64_t at = 0;
    for (auto& t : tensors_) {
      need(t.name != "__metadata__" && !all.contains(t.name), where_, ": two tensors cannot have the name ", in_quotes(t.name));
      all[t.name] = {{"dtype", info(t.type).name}, {"shape", t.shape}, {"data_offsets", {at, at + t.bytes()}}};
      at += t.bytes();
    }
    return all.dump();
  }

  std::string where_;
  std::vector<tensor_announcement> tensors_;
  file_out out_;
  std::size_t written_ = 0, given_ = 0;                // tensors; elements of the next one
};

struct tensor_out {
  std::string name;
  dtype type = dtype::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

// All at once; the widest types come first, so that every tensor is aligned for its type.
inline void write_safetensors(const std::filesystem::path& path, std::vector<tensor_out> tensors,
                              const std::map<std::string, std::string>& metadata = {}, existing mode = existing::refuse) {
  std::stable_sort(tensors.begin(), tensors.end(), [](auto& a, auto& b) { return info(a.type).bytes > info(b.type).bytes; });
  std::vector<tensor_announcement> announced;
  for (auto& t : tensors) announced.push_back({t.name, t.type, t.shape});
  safetensors_writer out(path, announced, metadata, mode);
  for (auto& t : tensors) out.write_bytes(t.bytes);
  out.commit();
}

}  // namespace supra::io
