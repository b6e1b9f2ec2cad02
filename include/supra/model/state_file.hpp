// A generation's state in a file, so that a long text need not be read again. The file carries the model's fingerprint: the
// state of another model, or of the same one with other weights, is refused.
#pragma once

#include <filesystem>
#include <map>

#include "supra/io/safetensors.hpp"
#include "supra/io/safetensors_out.hpp"
#include "supra/model/fingerprint.hpp"
#include "supra/model/state.hpp"

namespace supra::model {

template <class T> constexpr io::dtype storage() { return sizeof(T) == 8 ? io::dtype::f64 : io::dtype::f32; }

// `more`: further entries of the metadata, which load_state gives back.
template <class B, class T>
void save_state(const std::filesystem::path& path, generation<B, T>& g, io::existing mode = io::existing::refuse,
                std::map<std::string, std::string> more = {}) {
  using A = typename generation<B, T>::A;
  const auto s = g.snapshot();
  const auto size = static_cast<std::int64_t>(s.numbers.size()), rest = static_cast<std::int64_t>(g.logits().size());
  more.merge(std::map<std::string, std::string>{{"format", "supra state 1"},
                                                {"model", fingerprint(g.weights())},
                                                {"count", std::to_string(s.count)},
                                                {"position", std::to_string(s.position)},
                                                {"filled", std::to_string(s.filled)}});
  io::write_safetensors(path,
                        {{"state", storage<A>(), {size}, std::as_bytes(std::span(s.numbers))},
                         {"logits", storage<A>(), {rest}, std::as_bytes(std::span(g.logits()))}},
                        more, mode);
}

inline std::int64_t state_number(const std::filesystem::path& path, const char* key, const std::string& text) {
  io::need(!text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == text.npos, path.string(), ": ",
           io::in_quotes(key), " must be a count below 10^9, found ", io::in_quotes(text));
  return std::stoll(text);
}

// Gives the file's metadata. Nothing changes in `g` unless the whole file is right.
template <class B, class T>
std::map<std::string, std::string> load_state(const std::filesystem::path& path, generation<B, T>& g) {
  using A = typename generation<B, T>::A;
  const io::safetensors_file file(path);
  auto entry = [&](const char* key) {
    const auto i = file.metadata().find(key);
    io::need(i != file.metadata().end(), path.string(), ": this is no state of a generation: the metadata has no ",
             io::in_quotes(key), "; it comes from generate --save-state");
    return i->second;
  };
  auto number = [&](const char* key) { return state_number(path, key, entry(key)); };
  io::need(entry("format") == "supra state 1", path.string(), ": the format ", io::in_quotes(entry("format")),
           " is not known; \"supra state 1\" is");
  const std::string own = fingerprint(g.weights());
  io::need(entry("model") == own, path.string(),
           ": this is the state of another model, or of this one with other weights (fingerprint ",
           io::in_quotes(entry("model")), ", the model's is ", own,
           "); generate with the model that wrote it, or start without it");
  io::need(file.at("state").type == storage<A>(), path.string(), ": the state was written in another precision, ",
           io::info(file.at("state").type).name);
  state_snapshot<A> s{number("count"), number("position"), number("filled"), file.read<A>("state")};
  io::need(s.count == g.count(), path.string(), ": the state is of ", s.count, " sequences, this run has ", g.count());
  const auto logits = file.read<A>("logits");
  io::need(logits.empty() || static_cast<std::int64_t>(logits.size()) == g.count() * g.model().vocab, path.string(), ": there are ",
           logits.size(), " logits for ", g.count(), " sequences and a vocabulary of ", g.model().vocab);
  io::need(s.filled <= s.position, path.string(), ": the state says ", s.filled, " remembered tokens out of ", s.position);
  for (auto x : s.numbers) io::need(std::isfinite(x), path.string(), ": the state holds a number that is not finite");
  try {
    g.restore(s, logits);
  } catch (const std::invalid_argument& e) {
    io::fail(path.string(), ": ", e.what());
  }
  return file.metadata();
}

}  // namespace supra::model
