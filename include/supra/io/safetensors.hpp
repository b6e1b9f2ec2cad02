// Reading safetensors: a strict parse of the header, the data left in the mapped file. Everything that the format allows is
// read; overlaps, holes, sizes that are not the shape's, doubled keys and trailing bytes are refused.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "supra/io/dtype.hpp"
#include "supra/io/error.hpp"
#include "supra/io/mapped_file.hpp"
#include "supra/io/safetensors_header.hpp"

namespace supra::io {

class safetensors_file {
 public:
  explicit safetensors_file(const std::filesystem::path& path)
      : file_(std::make_shared<const mapped_file>(path)), header_(parse_safetensors(file_->bytes(), file_->path())) {}
  // Bytes that the caller keeps; `where` names them in errors.
  safetensors_file(std::span<const std::byte> bytes, const std::string& where) : header_(parse_safetensors(bytes, where)) {}

  const std::string& where() const { return header_.where; }
  const std::map<std::string, tensor_entry>& tensors() const { return header_.tensors; }
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  bool has(const std::string& name) const { return header_.tensors.count(name) != 0; }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (auto& [name, entry] : header_.tensors) all.push_back(name);
    return all;
  }

  const tensor_entry& at(const std::string& name) const {
    const auto found = header_.tensors.find(name);
    need(found != header_.tensors.end(), where(), ": there is no tensor named ", in_quotes(name));
    return found->second;
  }
  const std::vector<std::int64_t>& shape(const std::string& name) const { return at(name).shape; }
  std::span<const std::byte> bytes(const std::string& name) const {
    const tensor_entry& t = at(name);
    return header_.data.subspan(t.begin, t.end - t.begin);
  }

  // F64, F32, F16 and BF16 into float or double, integers and booleans into std::int64_t; `to` has the tensor's elements.
  template <class T>
  void read(const std::string& name, std::span<T> to) const {
    read_elements(name, 0, at(name).elements(), to, true);
  }
  // The same for `to.size()` elements from the given one on: rows of a packed matrix.
  template <class T>
  void read_part(const std::string& name, std::int64_t first, std::span<T> to) const {
    read_elements(name, first, static_cast<std::int64_t>(to.size()), to, false);
  }
  template <class T>
  std::vector<T> read(const std::string& name) const {
    std::vector<T> values(static_cast<std::size_t>(at(name).elements()));
    read(name, std::span<T>(values));
    return values;
  }

 private:
  template <class T>
  void read_elements(const std::string& name, std::int64_t first, std::int64_t count, std::span<T> to, bool whole) const {
    const tensor_entry& t = at(name);
    const auto size = static_cast<std::int64_t>(to.size());
    need(count == size, where(), ": tensor ", in_quotes(name), " has ", t.elements(), " elements, room was given for ", size);
    need(first >= 0 && first <= t.elements() && count <= t.elements() - first, where(), ": tensor ", in_quotes(name), " has ",
         t.elements(), " elements, ", count, whole ? "" : " of them", " from ", first, " on were asked for");
    const std::byte* from = bytes(name).data() + first * info(t.type).bytes;
    bool read = false;
    try {
      read = from_bytes(t.type, from, to);
    } catch (const error& e) {
      fail(where(), ": tensor ", in_quotes(name), ": ", e.what());
    }
    need(read, where(), ": tensor ", in_quotes(name), " is ", info(t.type).name, ", and ",
         std::is_floating_point_v<T> ? "F64, F32, F16 or BF16 was expected" : "an integer type was expected");
  }

  std::shared_ptr<const mapped_file> file_;          // empty where the caller keeps the bytes
  safetensors_header header_;
};

}  // namespace supra::io
