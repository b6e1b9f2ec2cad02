// The weights of a folder: model.safetensors, or the shards that model.safetensors.index.json names; or of one file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "supra/io/json.hpp"
#include "supra/io/safetensors.hpp"

namespace supra::io {

class safetensors_folder {
 public:
  explicit safetensors_folder(const std::filesystem::path& folder) : where_(folder.string()) {
    namespace fs = std::filesystem;
    if (fs::exists(folder / "model.safetensors")) add(safetensors_file(folder / "model.safetensors"));
    else if (const auto path = folder / "model.safetensors.index.json"; fs::exists(path))
      add_shards(read_json(path), path.string(), [&](const std::string& file) {
        std::error_code failed;
        need(fs::exists(folder / file, failed), path.string(), ": the file ", in_quotes(file),
             " that it names is missing; fetch every shard of the model");
        return safetensors_file(folder / file);
      });
    else
      fail(where_, ": neither model.safetensors nor model.safetensors.index.json is there",
           fs::exists(folder / "pytorch_model.bin") ? "; pytorch_model.bin is not read, convert it to safetensors first" : "");
  }

  // The shards that an index names, from wherever `open` finds them.
  using opener = std::function<safetensors_file(const std::string& file)>;
  safetensors_folder(const json& index, const std::string& where, const opener& open) : where_(where) {
    add_shards(index, where, open);
  }
  safetensors_folder(const safetensors_file& one) : where_(one.where()) { add(one); }

  const std::string& where() const { return where_; }
  bool has(const std::string& name) const { return place_.count(name) != 0; }
  std::size_t count() const { return place_.size(); }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (auto& [name, file] : place_) all.push_back(name);
    return all;
  }
  const safetensors_file& file_of(const std::string& name) const {
    const auto found = place_.find(name);
    need(found != place_.end(), where_, ": there is no tensor named ", in_quotes(name));
    return files_[found->second];
  }
  const std::vector<std::int64_t>& shape(const std::string& name) const { return file_of(name).shape(name); }
  dtype type(const std::string& name) const { return file_of(name).at(name).type; }
  std::span<const std::byte> bytes(const std::string& name) const { return file_of(name).bytes(name); }
  template <class T>
  void read(const std::string& name, std::span<T> to) const {
    file_of(name).read(name, to);
  }
  template <class T>
  void read_part(const std::string& name, std::int64_t first, std::span<T> to) const {
    file_of(name).read_part(name, first, to);
  }
  std::int64_t elements() const {                    // of all tensors together
    std::int64_t n = 0;
    for (auto& file : files_)
      for (auto& [name, entry] : file.tensors()) n += entry.elements();
    return n;
  }

 private:
  void add(const safetensors_file& file) {
    files_.push_back(file);
    for (auto& [name, entry] : files_.back().tensors())
      need(place_.emplace(name, files_.size() - 1).second, where_, ": tensor ", in_quotes(name), " is in two files");
  }
  void add_shards(const json& index, const std::string& where, const opener& open) {
    const json& map = fields(index, where).object("weight_map").all();
    std::map<std::string, std::string> named;
    for (auto& [tensor, file] : map.items()) {
      need(file.is_string(), where, ": weight_map must name a file for ", in_quotes(tensor));
      named[tensor] = file.get<std::string>();
    }
    std::map<std::string, std::size_t> opened;
    for (auto& [tensor, file] : named) {
      if (opened.count(file)) continue;
      const bool plain = !file.empty() && file[0] != '.' && file.find('/') == file.npos && file.find('\0') == file.npos;
      need(plain, where, ": ", in_quotes(file), " is not the name of a file in this folder");
      opened[file] = files_.size();
      add(open(file));
    }
    for (auto& [tensor, file] : named)
      need(has(tensor) && place_.at(tensor) == opened.at(file), where, ": tensor ", in_quotes(tensor), " is not in ",
           in_quotes(file));
    for (auto& [tensor, file] : place_)
      need(named.count(tensor), where, ": tensor ", in_quotes(tensor), " of ", files_[file].where(),
           " is not in the weight_map");
  }

  std::string where_;
  std::vector<safetensors_file> files_;
  std::map<std::string, std::size_t> place_;
};

}  // namespace supra::io
