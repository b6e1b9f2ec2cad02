// The made-up teacher and its stories.
#include "made_up.hpp"

#include "../corpus.hpp"
#include "../text.hpp"
#include "run.hpp"
#include "supra/io/file_out.hpp"

namespace supra::program::experiments {
namespace {

constexpr std::size_t story_bytes = 2000000;
constexpr std::uint64_t story_seed = 1;

std::vector<story> stories() { return corpus(story_seed, story_bytes); }

std::string file_of(const std::vector<story>& all) {
  std::string text;
  for (auto& s : all) text += (text.empty() ? "" : std::string(separator)) + s.text;
  return text;
}

pretrain_options pretraining(const made_up_teacher& m, const std::string& out, const std::string& text) {
  pretrain_options o;
  o.shape = {m.dim, m.layers, m.heads, m.kv_heads, m.hidden, m.seq};
  o.train.text = {text}, o.train.tokenizer = "bytes", o.train.out = out;
  o.train.tokens = m.tokens, o.train.seq = m.seq, o.train.batch = m.batch, o.train.lr = m.lr, o.train.held_out = m.held_out;
  o.train.checkpoint_every = 50;
  return o;
}

}  // namespace

json told(const made_up_teacher& m) {
  return {{"dim", m.dim},       {"layers", m.layers}, {"heads", m.heads},   {"kv_heads", m.kv_heads}, {"hidden", m.hidden},
          {"seq", m.seq},       {"tokens", m.tokens}, {"batch", m.batch},   {"lr", m.lr},
          {"held_out", m.held_out}};
}

std::string made_up_name(const made_up_teacher& m) {
  const json usual = told(made_up_teacher{}), its = told(m);
  std::string name = "teacher";
  for (auto& [key, value] : its.items())
    if (value != usual.at(key)) name += "-" + key + value.dump();
  return name;
}

made_up make_stories(const std::string& folder, double held_out) {
  const auto all = stories();
  const std::string path = folder + "/stories.txt", text = file_of(all);
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  io::need(!failed, folder, ": cannot be made: ", failed.message(), "; name another --out");
  if (!std::filesystem::exists(path, failed)) io::write_file(path, text);
  io::need(io::mapped_file(path).text() == text, path, ": is not the text that this program makes up; remove ", folder,
           ", or name an --out in another folder");
  return {path, entropy_per_token(std::span(all).last(held_out_of(all.size(), held_out)))};
}

std::string make_teacher(commands& on, const made_up_teacher& m, const std::string& folder, const std::string& text) {
  const std::string path = folder + "/" + made_up_name(m);
  if (ended(path)) return path;
  auto o = pretraining(m, path, text);
  o.train.resume = begun(path);
  if (!o.train.resume) clear_unbegun(path);
  on.pretrain(o);
  return path;
}

}  // namespace supra::program::experiments
