// How a text is cut into the words whose tokens are found one by one: the "pre_tokenizer" of a tokenizer.json.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "supra/io/text_split.hpp"
#include "supra/io/tokenizer_fields.hpp"

namespace supra::io {

// GPT-2's own, which ByteLevel stands for.
inline constexpr std::string_view gpt2_words = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

class pre_tokenizer {
 public:
  pre_tokenizer() = default;
  explicit pre_tokenizer(const fields& part) {
    each_part(part, "pretokenizers", [&](const fields& p) {
      need(!byte_level_, p.where(), ": nothing is supported after a ByteLevel");
      add(p);
    });
  }
  bool byte_level() const { return byte_level_; }  // words are bytes, else characters

  // Calls word(text) for each; `first` says whether `text` begins what is tokenized.
  template <class Word>
  void operator()(std::string_view text, bool first, Word&& word) const {
    run(0, text, first, word);
  }

 private:
  struct mark_spaces {  // Metaspace, before it cuts
    std::string mark;
    enum { always, first, never } prepend = always;
  };
  struct space_before {};  // ByteLevel's add_prefix_space
  using step = std::variant<text_split, mark_spaces, space_before>;

  template <class Word>
  void run(std::size_t i, std::string_view text, bool first, Word& word) const {
    if (text.empty()) return;
    if (i == steps_.size()) return word(text);
    if (const auto* split = std::get_if<text_split>(&steps_[i])) {
      (*split)(text, [&](std::size_t start, std::size_t end) {
        run(i + 1, text.substr(start, end - start), first && start == 0, word);
      });
    } else if (const auto* spaces = std::get_if<mark_spaces>(&steps_[i])) {
      const bool before = spaces->prepend == mark_spaces::always || (spaces->prepend == mark_spaces::first && first);
      run(i + 1, marked(text, spaces->mark, before), first, word);
    } else if (text.starts_with(' ')) {
      run(i + 1, text, first, word);
    } else {
      run(i + 1, " " + std::string(text), first, word);
    }
  }
  static std::string marked(std::string_view text, const std::string& mark, bool before) {
    std::string out;
    for (char c : text) c == ' ' ? out += mark : out += c;
    return before && !out.starts_with(mark) ? mark + out : out;
  }

  void add(const fields& p) {
    const std::string type = p.text("type", "");
    if (type == "Split") {
      only(p, {"type", "pattern", "behavior", "invert"});
      steps_.push_back(
          text_split{pattern_of(p), split_behavior_named(p.text("behavior", ""), p.where()), p.flag("invert", false)});
    } else if (type == "Digits") {
      only(p, {"type", "individual_digits"});
      steps_.push_back(text_split{regex_parser(R"(\p{N})", p.where()).parse(),
                                  p.flag("individual_digits", false) ? split_behavior::isolated : split_behavior::contiguous});
    } else if (type == "ByteLevel") {
      only(p, {"type", "add_prefix_space", "trim_offsets", "use_regex"});
      if (p.flag("add_prefix_space", true)) steps_.push_back(space_before{});
      if (p.flag("use_regex", true)) steps_.push_back(text_split{regex_parser(gpt2_words, p.where()).parse()});
      byte_level_ = true;
    } else if (type == "Metaspace") {
      add_metaspace(p);
    } else {
      unsupported(p);
    }
  }
  void add_metaspace(const fields& p) {
    only(p, {"type", "replacement", "str_rep", "add_prefix_space", "prepend_scheme", "split"});
    mark_spaces spaces{character_of(p, "replacement")};
    const std::string scheme = p.text("prepend_scheme", p.flag("add_prefix_space", true) ? "always" : "never");
    need(scheme == "always" || scheme == "first" || scheme == "never", p.where(), ": the \"prepend_scheme\" ",
         in_quotes(scheme), " is not supported");
    spaces.prepend = scheme == "always" ? mark_spaces::always : scheme == "first" ? mark_spaces::first : mark_spaces::never;
    const auto mark = literal_pattern(spaces.mark);
    steps_.push_back(std::move(spaces));
    if (p.flag("split", true)) steps_.push_back(text_split{mark, split_behavior::merged_with_next});
  }

  std::vector<step> steps_;
  bool byte_level_ = false;
};

}  // namespace supra::io
