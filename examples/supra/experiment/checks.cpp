// Teachers, variants and texts, checked.
#include "checks.hpp"

#include <bit>
#include <cstring>

#include "../attention_named.hpp"
#include "../recipe.hpp"
#include "../training.hpp"
#include "../training_text.hpp"

namespace supra::program::experiments {
namespace {

std::string told(const io::fingerprint& h) { return fmt::format("{:016x}", h.value); }

void add(io::fingerprint& h, std::string_view bytes) {
  h.add(bytes.size());
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, std::min(sizeof word, bytes.size() - at));
    h.add(word);
  }
}

std::string fingerprint_of(const io::model_source& m) {
  io::fingerprint h;
  std::vector<double> room(static_cast<std::size_t>(io::piece_elements));
  for (std::size_t i = 0; i < m.layout.tensors().size(); ++i)
    io::in_pieces(m.layout.tensors()[i].size, [&](std::int64_t first, std::int64_t count) {
      const auto values = std::span(room).first(static_cast<std::size_t>(count));
      m.read(i, first, values);
      for (double x : values) h.add(std::bit_cast<std::uint64_t>(x));
    });
  return told(h);
}

// A single document is cut at a token: what is held out of it is one text only where all teachers make the same tokens of it.
void check_cut(const experiment& e) {
  if (e.teachers.size() < 2 || e.made_up()) return;
  const auto docs = documents(read_text(e.text));
  if (docs.size() != 1) return;
  std::vector<std::int32_t> ids;
  for (auto& t : e.teachers) {
    auto its = tokenizer_for(t.tokenizer, t.path, io::open_model(t.path).config)->encode(docs.front());
    io::need(&t == &e.teachers.front() || its == ids, "--text ", e.text.front(),
             ": is one document, which is cut at a token, and ", e.teachers.front().path, " and ", t.path,
             " make other tokens of it, so what they hold out would be different texts; give a text of several documents, or ",
             "teachers with the same tokenizer");
    ids = std::move(its);
  }
}

}  // namespace

bool is_made(const std::string& text) { return made_by("teacher", text) || made_by("recall", text); }

std::string fingerprint_of_weights(const std::string& model) { return fingerprint_of(io::open_model(model)); }

opened_teacher opened(const teacher& t) {
  const auto usual = [](std::int64_t longest) {
    training_options o;
    return set_batch(o, longest), o.seq;
  };
  if (t.path.empty()) {
    training_options pretraining;
    pretraining.seq = t.made.seq, pretraining.batch = t.made.batch;
    return check_step(pretraining), opened_teacher{t.made.seq, usual(t.made.seq), t.made.heads, t.made.kv_heads, ""};
  }
  const auto model = io::open_model(t.path);
  io::need(!model.config.linear, t.path, ": is linear already; a teacher is a softmax transformer");
  tokenizer_for(t.tokenizer, t.path, model.config);
  const auto& c = model.config;
  return {c.max_length, usual(c.max_length), c.heads, c.kv_heads, fingerprint_of(model)};
}

void check_variant(const variant& v, const opened_teacher& t) {
  try {
    auto u = uptrain_of(v.settings, "settings");
    attention_named(u.attention), recipe_of(u), set_batch(u.train, t.longest);
    if (u.kv_heads > 0) model::check_key_heads(t.heads, t.kv_heads, u.kv_heads);
  } catch (const std::exception& wrong) { io::fail("the variant ", v.name, ": ", wrong.what()); }
}

std::string check_texts(const experiment& e) {
  io::fingerprint h;
  const bool measured = e.measures("by_position") || e.measures("recall");
  const auto first = uptrain_of(e.variants.front().settings, e.variants.front().name);
  for (auto& text : e.text) {
    const bool made = is_made(text);
    io::need(!measured || (!made && !holds_tokens(text)), "--text ", text, ": the experiment measures ",
             e.measures("recall") ? "recall" : "the loss by position",
             ", which needs the text itself, not tokens; give text files");
    for (auto& v : e.variants) {
      const auto u = uptrain_of(v.settings, v.name);
      io::need(!made || (u.train.tokens == first.train.tokens && u.train.seq == first.train.seq && u.sampled == first.sampled),
               "--text ", text, ": follows tokens, seq and sampled, so the variants ", e.variants.front().name, " and ", v.name,
               ", which differ in them, would be held against different texts; give text files");
    }
    add(h, made ? text : read_text({text}));
  }
  if (measured) check_cut(e);
  return told(h);
}

}  // namespace supra::program::experiments
