// Documents to train on, as tokens: of text files, of a file of tokens, or made by the command that asks for them.
#pragma once

#include <optional>

#include "supra/io/safetensors.hpp"
#include "supra/io/safetensors_out.hpp"
#include "encoded.hpp"

namespace supra::program {

using token_documents = std::vector<std::vector<std::int32_t>>;  // tokens of each, without what stands before it

// Of all documents, with what each begins with.
inline std::int64_t tokens_of(const token_documents& docs) {
  std::int64_t n = 0;
  for (auto& d : docs) n += 1 + static_cast<std::int64_t>(d.size());
  return n;
}
inline void append(token_documents& to, token_documents docs) { std::move(docs.begin(), docs.end(), std::back_inserter(to)); }

struct divided_documents {
  token_documents all;
  std::size_t held_out = 0;  // how many, the last ones, are never trained on
  bool cut = false;          // there was one document, whose last tokens are what is held out
};
// where: whence they come. A single document is cut in two, at a token.
inline divided_documents divided(token_documents docs, double share, const std::string& where) {
  if (const auto n = docs.size(); n > 1) return {std::move(docs), held_out_of(n, share)};
  auto& one = docs.front();
  io::need(one.size() > 1, where, ": has one document, of one token, so there is none to hold out; give more text");
  const auto from = one.end() - static_cast<std::ptrdiff_t>(held_out_of(one.size(), share));
  std::vector<std::int32_t> held(from, one.end());
  one.erase(from, one.end());
  docs.push_back(std::move(held));
  return {std::move(docs), 1, true};
}

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
inline void write_tokens(const std::filesystem::path& path, const token_documents& docs, std::int64_t vocab,
                         const std::string& source) {
  std::vector<std::int32_t> ids;
  std::vector<std::int64_t> lengths;
  for (auto& d : docs) ids.insert(ids.end(), d.begin(), d.end()), lengths.push_back(static_cast<std::int64_t>(d.size()));
  io::write_safetensors(path,
                        {{"lengths", io::dtype::i64, {std::ssize(lengths)}, std::as_bytes(std::span(lengths))},
                         {"ids", io::dtype::i32, {std::ssize(ids)}, std::as_bytes(std::span(ids))}},
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
  io::need(at == ids.size(), path, ": has ", ids.size() - at,
           " tokens after its last document; the file is damaged, make it again");
  return docs;
}

inline token_documents encoded_file(const io::tokenizer& t, const std::string& path, int threads) {
  const std::string text = read_text({path});
  return encoded(t, document_views(text), path, threads);
}

// All documents of --text, in its order. make(text) gives those of a text that is no file, or none. threads: to encode on.
template <class Make>
token_documents training_documents(const io::tokenizer& t, const std::vector<std::string>& texts, int threads, Make&& make) {
  token_documents all;
  for (auto& text : texts) {
    if (auto made = make(text)) append(all, std::move(*made));
    else if (holds_tokens(text)) append(all, read_tokens(text, t.vocab_size()));
    else append(all, encoded_file(t, text, threads));
  }
  check_not_empty(all, texts);
  return all;
}
inline token_documents training_documents(const io::tokenizer& t, const std::vector<std::string>& texts, int threads = 0) {
  return training_documents(t, texts, threads, [](auto&) { return std::optional<token_documents>(); });
}

}  // namespace supra::program
