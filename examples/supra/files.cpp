// convert and info: commands that compute nothing.
#include <cctype>
#include <set>

#include "session.hpp"

namespace supra::program {

namespace {

// An empty folder that is filled with some of `files`: if that fails they are removed, so that the command can run again.
class unfinished_folder {
 public:
  unfinished_folder(const std::string& path, std::vector<std::string> files)
      : path_((check_output(path), path)), made_(!std::filesystem::exists(path)), files_(std::move(files)) {}
  unfinished_folder(const unfinished_folder&) = delete;
  unfinished_folder& operator=(const unfinished_folder&) = delete;
  ~unfinished_folder() {
    std::error_code failed;
    for (auto& name : files_) std::filesystem::remove(path_ / name, failed);
    if (made_) std::filesystem::remove(path_, failed);  // unless something is in it
  }
  void keep() { files_.clear(), made_ = false; }

 private:
  std::filesystem::path path_;
  bool made_;
  std::vector<std::string> files_;
};

// The types of a folder's tensors, as --dtype names them.
std::string types_in(const std::string& folder) {
  const io::safetensors_folder files(folder);
  std::set<std::string> types;
  for (auto& name : files.names()) types.insert(io::info(files.type(name)).name);
  std::string all;
  for (auto& type : types) all += (all.empty() ? "" : ", ") + type;
  std::ranges::transform(all, all.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return all;
}

}  // namespace

void convert(const convert_options& o) {
  check_output(o.out);
  const auto m = io::open_model(o.model);
  std::unique_ptr<io::tokenizer> tokenizer;
  if (!o.tokenizer.empty() || carries_tokenizer(o.model)) tokenizer = tokenizer_for(o.tokenizer, o.model, m.config);
  io::folder_settings s{{}, io::existing::overwrite, io::model_format::hugging_face, folder_code()};
  if (!o.dtype.empty()) s.type = o.dtype == "bf16" ? io::dtype::bf16 : io::dtype::f32;
  if (o.format == "paper") s.format = io::model_format::paper;
  std::vector<std::string> files = {"model.safetensors", "config.json", s.code.name + ".py"};
  if (tokenizer) files.insert(files.end(), {tokenizer->file_name(), io::tokenizer_config});
  unfinished_folder folder(o.out, std::move(files));
  make_output(o.out);
  io::save_model(o.out, m, s);
  if (tokenizer) io::save_tokenizer(*tokenizer, o.out, io::existing::overwrite);
  folder.keep();
  if (!m.config.linear && m.config.norm == model::norm_kind::layer_gain && s.format == io::model_format::hugging_face)
    fmt::print(stderr, "{}: transformers has no class for softmax attention with the paper's layer norm: only supra opens it\n",
               o.out);
  print_result({{"model", o.out}, {"from", m.kind}, {"dtype", types_in(o.out)}, {"format", o.format}}, "");
}

void info(const info_options& o) {
  check_writable(o.json, "--json");
  const auto m = io::open_model(o.model);
  io::check_finite(m);
  const auto& c = m.config;
  json r{{"model", o.model},
         {"source", m.kind},
         {"attention", attention_in_words(c)},
         {"parameters", m.layout.count()},
         {"vocab", c.vocab},
         {"dim", c.dim},
         {"layers", c.layers},
         {"heads", c.heads},
         {"kv_heads", c.kv_heads},
         {"head_dim", c.head_dim},
         {"hidden", c.hidden},
         {"max_length", c.max_length}};
  if (c.linear) r["map"] = io::name_of(c.attention.map), r["map_depth"] = c.attention.map_depth,
                r["map_width"] = c.attention.map_width;
  if (model::is_hybrid(c)) r["window"] = c.attention.window;
  add_memory(r, c);
  print_result(r, o.json);
}

}  // namespace supra::program
