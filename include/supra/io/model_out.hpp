// A model written as a folder, in Hugging Face's layout or in that of the SUPRA paper's code, from memory or from other files.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "supra/io/hugging_face_config.hpp"
#include "supra/io/model_files.hpp"
#include "supra/io/paper_config.hpp"
#include "supra/io/paper_names.hpp"
#include "supra/io/safetensors_out.hpp"

namespace supra::io {

enum class model_format { hugging_face, paper };

// Python with classes for transformers, which a folder of an RNN carries; config.json then names them.
struct python_module {
  std::string name, text;  // the file is name.py
};

struct folder_settings {
  std::optional<dtype> type = {};  // none: as stored
  existing mode = existing::refuse;
  model_format format = model_format::hugging_face;
  python_module code = {};
};

namespace detail {

// A tensor of the file, and the parameters that it is made of, one after another.
struct tensor_parts {
  tensor_announcement tensor;
  std::vector<std::size_t> parameters;
};

// The narrower type that holds both.
inline dtype wider(dtype a, dtype b) {
  if (a == b) return a;
  return a == dtype::f64 || b == dtype::f64 ? dtype::f64 : dtype::f32;
}

inline std::vector<tensor_parts> tensors_of(const model_source& m, const folder_settings& s) {
  std::vector<tensor_parts> all;
  const auto& parameters = m.layout.tensors();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& t = parameters[i];
    const dtype type = s.type.value_or(m.stored(i));
    tensor_announcement tensor{t.name, type, t.shape};
    if (s.format == model_format::paper) {
      const paper_place p = paper_place_of(m.config, t.name);
      tensor.name = "model." + p.name, tensor.shape[0] = p.of;
    }
    if (!all.empty() && all.back().tensor.name == tensor.name)
      all.back().parameters.push_back(i), all.back().tensor.type = wider(all.back().tensor.type, type);
    else
      all.push_back({std::move(tensor), {i}});
  }
  return all;
}

inline json folder_config(const model_source& m, const folder_settings& s) {
  if (s.format == model_format::paper) return config_to_paper_folder(m.config);
  json j = config_to_hugging_face(m.config, s.type.value_or(m.stored(0)));
  if (m.config.linear && !s.code.name.empty())
    j["auto_map"] = {{"AutoConfig", s.code.name + ".SupraConfig"}, {"AutoModelForCausalLM", s.code.name + ".SupraForCausalLM"}};
  return j;
}

}  // namespace detail

// Writes config.json, model.safetensors and an RNN's Python into `folder`, which is made where it is not there. All numbers are
// looked at before the first is written; memory is needed for a piece of a tensor.
inline void save_model(const std::filesystem::path& folder, const model_source& m, const folder_settings& s) {
  model::check(m.config);
  const json config = detail::folder_config(m, s);
  const auto tensors = detail::tensors_of(m, s);
  for (auto name : {"config.json", "model.safetensors"})
    need(s.mode == existing::overwrite || !std::filesystem::exists(folder / name), (folder / name).string(),
         " exists already; name another output, remove it, or ask to overwrite it");
  check_finite(m);
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  need(!failed && std::filesystem::is_directory(folder), "cannot make the folder ", folder.string(), ": ", failed.message());
  std::vector<tensor_announcement> announced;
  for (auto& t : tensors) announced.push_back(t.tensor);
  safetensors_writer out(folder / "model.safetensors", announced, {{"format", "pt"}}, s.mode);
  std::vector<double> room(static_cast<std::size_t>(piece_elements));
  for (auto& t : tensors)
    for (auto i : t.parameters)
      in_pieces(m.layout.tensors()[i].size, [&](std::int64_t first, std::int64_t count) {
        const auto values = std::span(room).first(static_cast<std::size_t>(count));
        m.read(i, first, values);
        out.append(std::span<const double>(values));
      });
  out.commit();
  if (config.contains("auto_map")) write_file(folder / (s.code.name + ".py"), s.code.text, s.mode);
  write_file(folder / "config.json", config.dump(2) + "\n", s.mode);
}

template <class T>
void save_model(const std::filesystem::path& folder, const model::config& c, std::span<const T> values, dtype type = dtype::f32,
                existing mode = existing::refuse, const python_module& code = {}) {
  model::check(c);
  const model::parameter_layout layout(c);
  need(static_cast<std::int64_t>(values.size()) == layout.size(), folder.string(), ": the model has ", layout.size(),
       " values (with padding), ", values.size(), " were given");
  const auto read = [&](std::size_t i, std::int64_t first, std::span<double> to) {
    std::copy_n(values.begin() + layout.tensors()[i].offset + first, to.size(), to.begin());
  };
  save_model(folder, {c, "", folder.string() + " (not written)", layout, read, [=](std::size_t) { return type; }},
             {type, mode, model_format::hugging_face, code});
}
template <class T>
void save_model(const std::filesystem::path& folder, const model::config& c, const std::vector<T>& values,
                dtype type = dtype::f32, existing mode = existing::refuse, const python_module& code = {}) {
  save_model(folder, c, std::span<const T>(values), type, mode, code);
}

}  // namespace supra::io
