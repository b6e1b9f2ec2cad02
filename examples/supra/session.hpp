// What the commands share: a model and its tokenizer ready on a backend, output folders, documents in batches.
#pragma once

#include <filesystem>
#include <memory>

#include "attention.hpp"
#include "commands.hpp"
#include "log.hpp"
#include "supra/io/load_tokenizer.hpp"
#include "supra/io/model_file.hpp"
#include "supra/model/generator.hpp"
#include "supra/model/linearize.hpp"
#include "supra/model/packed_decoder.hpp"
#include "supra/train/sample.hpp"
#include "supra/train/trainer.hpp"
#include "text.hpp"

namespace supra::program {

// Throws unless --out is not there yet, or is an empty folder.
inline void check_output(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code failed;
  io::need(!path.empty(), "--out is empty; name a folder for what is made");
  io::need(!fs::exists(path, failed) || (fs::is_directory(path, failed) && fs::is_empty(path, failed) && !failed), path,
           ": exists already and is not an empty folder; name another --out, or remove it");
}
// Called only when all input has been read and checked, so that a mistake leaves no folder behind.
inline void make_output(const std::string& path) {
  namespace fs = std::filesystem;
  check_output(path);
  std::error_code failed;
  fs::create_directories(path, failed);
  io::need(!failed, path, ": cannot be made: ", failed.message(), "; name another --out");
}

// Throws, before long work, where the file of `flag` could not be written after it.
inline void check_writable(const std::string& path, const char* flag) {
  namespace fs = std::filesystem;
  if (path.empty() || path == "-") return;
  std::error_code failed;
  const fs::path folder = fs::absolute(path, failed).parent_path();
  io::need(fs::is_directory(folder, failed) && ::access(folder.c_str(), W_OK) == 0, flag, " ", path, ": there is no folder ",
           folder.string(), " that can be written to; make it, or name another file");
  io::need(!fs::is_directory(path, failed), flag, " ", path, ": is a folder; name a file");
  io::need(!fs::exists(path, failed) || fs::is_regular_file(path, failed), flag, " ", path,
           ": is a device or a pipe, not a file; name a file, or - for standard output where JSON is written");
}

// Whether a model is a folder with a tokenizer of its own, or a .gguf file that has the keys of one.
inline bool carries_tokenizer(const std::string& model) {
  std::error_code failed;
  if (std::filesystem::path(model).extension() == ".gguf") return io::gguf_file(model).metadata().has("tokenizer.ggml.model");
  return std::ranges::any_of(io::tokenizer_files,
                             [&](auto name) { return std::filesystem::exists(std::filesystem::path(model) / name, failed); });
}

inline std::unique_ptr<io::tokenizer> tokenizer_for(const std::string& given, const std::string& model,
                                                    const model::config& c) {
  io::need(!given.empty() || std::filesystem::is_directory(model) || carries_tokenizer(model), model,
           ": is a file, which holds no tokenizer; give --tokenizer");
  auto t = io::load_tokenizer(given.empty() ? model : given);
  io::check_fits(*t, c);
  return t;
}

// hugging_face/modeling_supra.py, whole.
extern const std::string_view modeling_supra;

inline io::python_module folder_code() { return {"modeling_supra", std::string(modeling_supra)}; }

// A model's folder, which transformers opens too: an RNN brings the Python for it.
inline void save_folder(const std::string& path, const model::config& c, const std::vector<real>& values,
                        const io::tokenizer& tokenizer) {
  io::save_model<real>(path, c, values, io::dtype::f32, io::existing::overwrite, folder_code());
  io::save_tokenizer(tokenizer, path, io::existing::overwrite);
}

// float32 bytes that one text's memory takes: a student's states and what its window, if it has one, holds of keys and values;
// a teacher's keys and values of so many tokens.
inline std::int64_t state_bytes(const model::config& c) {
  const std::int64_t f = model::feature_width(c.attention.feature, model::mapped_width(c)),
                     e = c.head_dim + (c.attention.normalizer == "sum" ? 1 : 0);
  return 4 * c.layers * (c.heads * f * e + 2 * c.kv_heads * c.head_dim * c.attention.window);
}
inline std::int64_t cache_bytes(const model::config& c, std::int64_t tokens) {
  const std::int64_t kept = c.sliding_window > 0 ? std::min(tokens, c.sliding_window) : tokens;
  return 4 * 2 * c.layers * c.kv_heads * c.head_dim * kept;
}
// The stages by name, and what stands around them.
inline std::string attention_in_words(const model::config& c) {
  if (!c.linear) return "softmax";
  return model::stages_name(c.attention) + (c.attention.output_gate ? ", output gate" : "") +
         (c.attention.window > 0 ? fmt::format(", window {}", c.attention.window) : "");
}
inline json about(const std::string& model, const model::config& c) {
  return {{"model", model},
          {"attention", attention_in_words(c)},
          {"parameters", model::parameter_layout(c).count()},
          {"max_length", c.max_length}};
}
// The two at lengths of 1K, 16K and 128K tokens.
inline void add_memory(json& to, const model::config& c) {
  if (c.linear) to["state_bytes"] = state_bytes(c);
  for (std::int64_t k : {1, 16, 128}) to[fmt::format("softmax_cache_bytes_at_{}k", k)] = cache_bytes(c, k * 1024);
}

// Lines for people, and JSON into a file; with - as the file, JSON alone on standard output.
inline void print_result(const json& result, const std::string& path) {
  if (path == "-") return fmt::print("{}\n", result.dump(2));
  for (auto& [key, value] : result.items())
    fmt::print("{}: {}\n", key, value.is_string() ? value.template get<std::string>() : value.dump());
  if (!path.empty()) io::write_file(path, result.dump(2) + "\n", io::existing::overwrite);
}

// Losses as generation computes them, for what asks a model for losses.
template <class B>
struct scored {
  model::decoder<B, scalar<B>>& weights;
  std::vector<std::int32_t> ids;
  std::int64_t count = 0, length = 0;
  void forward(const std::vector<std::int32_t>& x, std::int64_t n, std::int64_t tokens) { ids = x, count = n, length = tokens; }
  double loss(const std::vector<std::int32_t>& targets) {
    return model::generation<B, scalar<B>>(weights, count).score(ids, targets, length);
  }
};

// Each document alone: BOS, where texts begin with it, and its tokens, cut at the model's length; every token after the first
// is predicted. Batches are padded with tokens that predict nothing (later tokens change nothing before them).
struct document_batches {
  std::vector<std::vector<std::int32_t>> docs;
  document_batches(const io::tokenizer& t, const std::vector<std::string>& texts, std::int64_t bos, std::int64_t longest) {
    for (auto& d : texts) {
      auto ids = stream(t, {d}, bos);
      if (static_cast<std::int64_t>(ids.size()) > longest) ids.resize(static_cast<std::size_t>(longest));
      if (ids.size() > 1) docs.push_back(std::move(ids));
    }
  }
  std::int64_t tokens() const {  // to predict
    std::int64_t n = 0;
    for (auto& d : docs) n += static_cast<std::int64_t>(d.size()) - 1;
    return n;
  }
  template <class Model, class Progress>
  std::pair<double, std::int64_t> loss(Model& m, Progress&& show) const {
    double sum = 0;
    std::int64_t predictions = 0;
    constexpr std::size_t at_once = 8;
    for (std::size_t i = 0; i < docs.size(); i += at_once) {
      const std::size_t n = std::min(at_once, docs.size() - i);
      std::size_t longest = 0;
      for (std::size_t j = 0; j < n; ++j) longest = std::max(longest, docs[i + j].size() - 1);
      longest = (longest + 63) / 64 * 64;  // few shapes
      std::vector<std::int32_t> ids(n * longest, 0), targets(n * longest, -1);
      for (std::size_t j = 0; j < n; ++j) {
        const auto& d = docs[i + j];
        std::copy(d.begin(), d.end() - 1, ids.begin() + static_cast<std::ptrdiff_t>(j * longest));
        std::copy(d.begin() + 1, d.end(), targets.begin() + static_cast<std::ptrdiff_t>(j * longest));
        predictions += static_cast<std::int64_t>(d.size()) - 1;
      }
      m.forward(ids, static_cast<std::int64_t>(n), static_cast<std::int64_t>(longest));
      sum += m.loss(targets);
      show(predictions, sum / static_cast<double>(predictions));
    }
    return {sum, predictions};
  }
};

}  // namespace supra::program
