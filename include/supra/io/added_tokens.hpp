// Tokens that are found in a text as they are written, before it is cut into words: the "added_tokens" of a tokenizer.json.
// Those that are special are control tokens, which plain text does not hold.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "supra/io/text_normalizer.hpp"
#include "supra/io/tokenizer_fields.hpp"

namespace supra::io {

struct added_token {
  std::int32_t id = 0;
  std::string content;
  bool special = false, single_word = false, lstrip = false, rstrip = false, normalized = false;

  explicit added_token(const fields& f) {
    only(f, {"id", "content", "special", "single_word", "lstrip", "rstrip", "normalized"});
    const std::int64_t number = f.integer("id");
    need(number >= 0 && number < 1 << 24, f.where(), ": the id ", number, " is not supported, from 0 to 16,777,215 are");
    id = static_cast<std::int32_t>(number), content = f.text("content", "");
    need(!content.empty(), f.where(), ": an added token must have a \"content\"");
    special = f.flag("special", false), single_word = f.flag("single_word", false);
    lstrip = f.flag("lstrip", false), rstrip = f.flag("rstrip", false);
    normalized = f.flag("normalized", !special);
  }
};

// Some of the tokens, and the texts they are found as.
class token_finder {
 public:
  void add(const added_token& token, std::string as) {
    if (as.empty()) return;
    auto& list = by_byte_[static_cast<unsigned char>(as[0])];
    list.push_back({std::move(as), token});
  }
  // To be called after the last is added.
  void sort() {
    for (auto& list : by_byte_) std::ranges::stable_sort(list, {}, &entry::as);  // the first of equals stays in front
  }
  // Calls text(start, end) and found(token) for the pieces of `whole` in their order. Of tokens that begin at the same byte
  // the longest is meant. With `plain`, special ones are text.
  template <class Text, class Found>
  void operator()(std::string_view whole, bool plain, Text&& text, Found&& found) const {
    std::size_t done = 0;
    for (std::size_t at = 0; at < whole.size();) {
      const entry* e = entry_at(whole, at);
      if (!e) {
        ++at;
        continue;
      }
      std::size_t start = at, end = at + e->as.size();
      at = end;
      if ((plain && e->token.special) || (e->token.single_word && in_word(whole, start, end))) continue;
      while (e->token.lstrip && start > done && is_white_space(utf8_before(whole, start).code))
        start -= utf8_before(whole, start).bytes;
      while (e->token.rstrip && end < whole.size() && is_white_space(utf8_at(whole, end).code))
        end += utf8_at(whole, end).bytes;
      start = std::max(start, done);
      if (start > done) text(done, start);
      found(e->token);
      done = end;
      at = std::max(at, done);
    }
    if (done < whole.size()) text(done, whole.size());
  }

 private:
  struct entry {
    std::string as;
    added_token token;
  };

  const entry* entry_at(std::string_view whole, std::size_t at) const {
    std::span<const entry> left = by_byte_[static_cast<unsigned char>(whole[at])];  // those whose first n bytes stand there
    const entry* longest = nullptr;
    for (std::size_t n = 1; !left.empty(); ++n) {
      if (left.front().as.size() == n) longest = &left.front();
      if (at + n == whole.size()) break;
      const auto byte = [n](const entry& e) { return n < e.as.size() ? static_cast<unsigned char>(e.as[n]) : -1; };
      const auto next = std::ranges::equal_range(left, static_cast<unsigned char>(whole[at + n]), {}, byte);
      left = {next.begin(), next.end()};
    }
    return longest;
  }
  static bool in_word(std::string_view whole, std::size_t start, std::size_t end) {
    return (start > 0 && is_word(utf8_before(whole, start).code)) || (end < whole.size() && is_word(utf8_at(whole, end).code));
  }
  std::array<std::vector<entry>, 256> by_byte_;  // in the order of their texts
};

// Tokens that are found in the text as it is, then, between them, those that are found in the normalized text.
class added_tokens {
 public:
  added_tokens() = default;
  added_tokens(const std::vector<added_token>& tokens, const text_normalizer& normalize) {
    for (auto& t : tokens)
      if (t.normalized)
        in_normalized_.add(t, normalize(t.content));
      else
        in_raw_.add(t, t.content);
    in_raw_.sort(), in_normalized_.sort();
  }
  // Calls text(piece, first), where `first` says that it begins the whole, and found(id).
  template <class Text, class Found>
  void operator()(std::string_view whole, bool plain, const text_normalizer& normalize, Text&& text, Found&& found) const {
    auto id = [&](const added_token& t) { found(t.id); };
    in_raw_(
        whole, plain,
        [&](std::size_t start, std::size_t end) {
          const std::string piece = normalize(std::string(whole.substr(start, end - start)));
          in_normalized_(
              piece, plain,
              [&](std::size_t from, std::size_t to) {
                text(std::string_view(piece).substr(from, to - from), start == 0 && from == 0);
              },
              id);
        },
        id);
  }

 private:
  token_finder in_raw_, in_normalized_;
};

}  // namespace supra::io
