// --text teacher:SEED: documents that the teacher itself writes, at temperature 1, so that a model is uptrained without any
// corpus. Tokens stay tokens: text made of them need not become the same tokens again.
#pragma once

#include "recall_text.hpp"
#include "weights_on.hpp"

namespace supra::program {

struct sampling {
  std::uint64_t seed = 0;
  std::int64_t length = 0;  // most tokens of a document, besides the one that it begins with
  std::int64_t tokens = 0;  // of all documents, with what each begins with; the last document may exceed it
  std::int64_t batch = 32;  // documents that are written side by side; they do not depend on it
  std::int32_t start = 0;   // every document begins after this token, which is not in it
  std::int64_t vocab = 0;   // tokens from here on only fill the model's matrices up, and are never drawn
};

// Documents first .. first + batch - 1, each drawn for numbers of its own, one a token, where the logits are. A text ends where
// the next would begin.
template <class B>
token_documents sample_some(model::decoder<B, scalar<B>>& weights, const sampling& s, std::int64_t first) {
  const auto count = static_cast<std::size_t>(s.batch);
  model::generation<B, scalar<B>> texts(weights, s.batch);
  std::vector<std::mt19937_64> numbers;
  for (std::size_t i = 0; i < count; ++i) {
    io::fingerprint own;
    own.add(s.seed), own.add(static_cast<std::uint64_t>(first) + i);
    numbers.emplace_back(own.value);
  }
  token_documents docs(count);
  std::vector<std::int32_t> last(count, s.start);
  std::vector<double> next(count);
  std::vector<bool> ended(count);
  for (std::int64_t t = 0; t < s.length && std::ranges::find(ended, false) != ended.end(); ++t) {
    std::ranges::transform(numbers, next.begin(), train::uniform);
    const auto drawn = texts.draw(last, next, s.vocab);
    for (std::size_t i = 0; i < count; ++i) {
      if (ended[i]) continue;
      io::need(drawn[i] >= 0, "the teacher's logits are not finite after ", t + 1,
               " tokens of the text that it writes; are its weights?");
      last[i] = drawn[i];
      ended[i] = last[i] == s.start || model::ends_text(weights.c, last[i]);
      if (!ended[i]) docs[i].push_back(last[i]);
    }
  }
  return docs;
}

// As many documents as have the tokens asked for. Those that end at once are left out; show(tokens so far).
template <class B, class Show>
token_documents sample_documents(model::decoder<B, scalar<B>>& weights, const sampling& s, Show show) {
  constexpr int most_empty = 1000;  // one after another
  token_documents docs;
  std::int64_t tokens = 0;
  int empty = 0;
  auto some = s;
  for (std::int64_t first = 0; tokens < s.tokens; first += some.batch) {
    some.batch = std::min(s.batch, (s.tokens - tokens + s.length) / (s.length + 1));  // that are needed however long they are
    for (auto& d : sample_some<B>(weights, some, first)) {
      empty = d.empty() ? empty + 1 : 0;
      io::need(empty < most_empty, "--text teacher:", s.seed, ": the teacher ended ", most_empty,
               " texts one after another before their first token; give --text files instead");
      if (d.empty()) continue;
      tokens += 1 + static_cast<std::int64_t>(d.size());
      docs.push_back(std::move(d));
    }
    show(std::min(tokens, s.tokens));
  }
  return docs;
}

inline json sampled_line(std::uint64_t seed, std::int64_t tokens, std::size_t documents, double seconds) {
  return {{"event", "sampled"}, {"seed", seed}, {"tokens", tokens}, {"documents", documents}, {"seconds", seconds}};
}

// All of --text for one run of uptrain. What is sampled is written into --out once that is there (save), and a run that is
// resumed, or another that is given the file, reads it.
template <class B>
class teacher_text {
 public:
  using registry = model::attention_registry<B, scalar<B>>;
  teacher_text(B& backend, const registry& r, const uptrain_options& o, const io::loaded<real>& teacher, const io::tokenizer& t)
      : backend(backend), compositions(r), o(o), teacher(teacher), tokenizer(t) {
    bool any = false;
    for (auto& text : o.train.text) any |= made_by("teacher", text).has_value();
    io::need(any || o.sampled == 0, "--sampled ", o.sampled,
             ": counts the tokens of --text teacher:SEED, which is not asked for");
  }

  divided_documents documents(int threads) {  // to encode files on, as encoded.hpp takes them
    auto others = o.train.text;
    std::vector<std::uint64_t> recall;
    std::erase_if(others, [&](auto& text) {
      const auto seed = made_by("recall", text);
      if (seed) recall.push_back(*seed);
      return seed.has_value();
    });
    const auto share = o.train.held_out;
    const auto& c = teacher.config;
    if (others.empty())
      return divided(with_recall({}, tokenizer, c, recall, o.train.seq, wanted()).all, share, o.train.text.front());
    auto docs = training_documents(tokenizer, others, threads, [&](const std::string& text) {
      std::optional<token_documents> some;
      if (const auto seed = made_by("teacher", text)) some = written(*seed, text);
      return some;
    });
    auto all = divided(std::move(docs), share, others.front());
    return recall.empty() ? all : with_recall(std::move(all), tokenizer, c, recall, o.train.seq);
  }
  void save(run_log& log) {
    for (auto& s : sampled_) {
      write_tokens(path(s.seed), s.docs, tokenizer.vocab_size(), s.source);
      log.write(sampled_line(s.seed, tokens_of(s.docs), s.docs.size(), s.seconds));
    }
    sampled_.clear();
  }

 private:
  struct sample {
    std::uint64_t seed;
    token_documents docs;
    double seconds;
    std::string source;
  };
  std::string path(std::uint64_t seed) const { return o.train.out + "/sampled." + std::to_string(seed) + ".safetensors"; }

  token_documents written(std::uint64_t seed, const std::string& text) {
    const auto s = asked_for(seed, text);
    const std::string source = json{
        {"teacher", fingerprint_of(teacher.values)}, {"seed", seed}, {"length", s.length}, {"tokens", s.tokens}}.dump();
    if (o.train.resume) return read_tokens(path(seed), tokenizer.vocab_size(), &source);
    for (auto& before : sampled_)
      if (before.seed == seed) return before.docs;
    const weights_on<B> weights(backend, compositions, teacher.values, teacher.config, "");
    progress bar("sample", static_cast<double>(s.tokens));
    auto docs = sample_documents<B>(*weights.decoder, s, [&](std::int64_t n) { bar.show(static_cast<double>(n), NAN); });
    const double seconds = bar.seconds();
    bar.clear();
    const auto tokens = tokens_of(docs);
    fmt::print("sampled {} documents of the teacher, {} tokens, {:.3g} tokens/s\n", docs.size(), tokens,
               static_cast<double>(tokens) / seconds);
    std::fflush(stdout);
    sampled_.push_back({seed, docs, seconds, source});
    return docs;
  }

  // Tokens where none are asked for: as many as are trained on, at most 2 million, at least 64 sequences' worth, and those held
  // out.
  std::int64_t wanted() const {
    const auto trained = std::max(std::min<std::int64_t>(o.train.tokens, 2000000), 64 * (o.train.seq + 1));
    return static_cast<std::int64_t>(static_cast<double>(trained) / (1 - o.train.held_out));
  }
  sampling asked_for(std::uint64_t seed, const std::string& text) const {
    const auto& c = teacher.config;
    const document_start start(tokenizer, c.bos);
    io::need(start.token.size() == 1, "--text ", text,
             ": the teacher's texts begin with no token (it has no BOS, and its tokenizer no ", separator,
             " and no EOS), so there is none to sample from; give text files");
    sampling s{seed, o.train.seq, o.sampled};
    s.start = start.token.front(), s.vocab = std::min<std::int64_t>(c.vocab, tokenizer.vocab_size());
    if (s.tokens == 0) s.tokens = wanted();
    // keys and values of all are held at once, and twice while they are moved to larger memory
    const std::int64_t memory = std::int64_t{1} << (on_host<B>() ? 30 : 33);
    s.batch = std::clamp<std::int64_t>(memory / cache_bytes(c, s.length), 1, on_host<B>() ? 32 : 256);
    return s;
  }

  B& backend;
  const registry& compositions;
  const uptrain_options& o;
  const io::loaded<real>& teacher;
  const io::tokenizer& tokenizer;
  std::vector<sample> sampled_;
};

}  // namespace supra::program
