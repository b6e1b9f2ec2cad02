// Documents to train on, as tokens: of text files, of a file of tokens, or made by the command that asks for them.
#pragma once

#include <optional>

#include "supra/io/safetensors.hpp"
#include "supra/io/safetensors_out.hpp"
#include "text.hpp"

namespace supra::program {

using token_documents = std::vector<std::vector<std::int32_t>>;  // tokens of each, without what stands before it

// The seed in `teacher:7` for "teacher"; none where the text is another. Throws unless a whole number stands there.
inline std::optional<std::uint64_t> made_by(std::string_view maker, const std::string& text) {
  if (!text.starts_with(maker) || text.substr(maker.size(), 1) != ":") return {};
  const std::string seed = text.substr(maker.size() + 1);
  io::need(!seed.empty() && seed.size() < 20 && seed.find_first_not_of("0123456789") == seed.npos, "--text ", text, ": after ",
           maker, ": stands the seed, a whole number from 0, found ", io::in_quotes(seed), "; or ./", text, " for a file");
  return std::stoull(seed);
}

// A file of tokens: `ids` of all documents (I32), `lengths` of each (I64), and in its metadata the vocabulary they are of and
// whence they come.
inline bool holds_tokens(const std::string& path) { return path.ends_with(".safetensors"); }

inline void write_tokens(const std::filesystem::path& path, const token_documents& docs, std::int64_t vocab,
                         const std::string& source) {
  std::vector<std::int32_t> ids;
  std::vector<std::int64_t> lengths;
  for (auto& d : docs) ids.insert(ids.end(), d.begin(), d.end()), lengths.push_back(static_cast<std::int64_t>(d.size()));
  io::write_safetensors(path,
                        {{"lengths", io::dtype::i64, {static_cast<std::int64_t>(lengths.size())}, std::as_bytes(std::span(lengths))},
                         {"ids", io::dtype::i32, {static_cast<std::int64_t>(ids.size())}, std::as_bytes(std::span(ids))}},
                        {{"vocab", std::to_string(vocab)}, {"source", source}});
}
// `source`, where given: what the file must be made from.
inline token_documents read_tokens(const std::string& path, std::int64_t vocab, const std::string* source = nullptr) {
  const io::safetensors_file f(path);
  const auto said = [&](const char* key) {
    const auto it = f.metadata().find(key);
    return it == f.metadata().end() ? std::string() : it->second;
  };
  io::need(f.has("ids") && f.has("lengths") && !said("vocab").empty(), path,
           ": is no file of tokens, such as uptrain --text teacher:SEED leaves in its --out; give text files");
  io::need(said("vocab") == std::to_string(vocab), path, ": holds tokens of a vocabulary of ", said("vocab"),
           ", the model's has ", vocab, "; give text files, or tokens of this model's teacher");
  io::need(!source || said("source") == *source, path, ": was made with other settings: ", said("source"), " then, ",
           source ? *source : "", " now; give the same ones, or another --out");
  const auto ids = f.read<std::int64_t>("ids"), lengths = f.read<std::int64_t>("lengths");
  for (auto id : ids)
    io::need(id >= 0 && id < vocab, path, ": holds the token ", id, ", outside the vocabulary of ", vocab);
  token_documents docs;
  std::size_t at = 0;
  for (auto n : lengths) {
    io::need(n > 0 && static_cast<std::uint64_t>(n) <= ids.size() - at, path, ": a document of ", n, " tokens with ",
             ids.size() - at, " left; the file is damaged, make it again");
    const auto from = ids.begin() + static_cast<std::ptrdiff_t>(at);
    docs.emplace_back(from, from + n), at += static_cast<std::size_t>(n);
  }
  io::need(at == ids.size(), path, ": has ", ids.size() - at, " tokens after its last document; the file is damaged, make it again");
  return docs;
}

// All documents of --text, in its order. make(text) gives those of a text that is no file, or none.
template <class Make>
token_documents training_documents(const io::tokenizer& t, const std::vector<std::string>& texts, Make&& make) {
  token_documents all;
  const auto add = [&](token_documents some) { std::move(some.begin(), some.end(), std::back_inserter(all)); };
  for (auto& text : texts) {
    if (auto made = make(text)) add(std::move(*made));
    else if (holds_tokens(text)) add(read_tokens(text, t.vocab_size()));
    else add(encoded(t, documents(read_text({text}))));
  }
  check_not_empty(all, texts);
  return all;
}
inline token_documents training_documents(const io::tokenizer& t, const std::vector<std::string>& texts) {
  return training_documents(t, texts, [](auto&) { return std::optional<token_documents>(); });
}

}  // namespace supra::program
