// How tokens become text again: the "decoder" of a tokenizer.json. Each token alone, then what stands at the text's start.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supra/io/byte_alphabet.hpp"
#include "supra/io/tokenizer_fields.hpp"

namespace supra::io {

class token_decoder {
 public:
  token_decoder() = default;
  explicit token_decoder(const fields& part) {
    bool fused = false;
    each_part(part, "decoders", [&](const fields& p) { add(p, fused); });
  }
  // The bytes of a token; `first` says that the text begins with it. Bytes stay bytes: only whole texts are UTF-8.
  std::string operator()(std::string token, bool first) const {
    for (auto& apply : steps_) apply(token, first);
    return token;
  }

 private:
  using step = std::function<void(std::string&, bool)>;

  void add(const fields& p, bool& fused) {
    const std::string type = p.text("type", "");
    need(!fused || type == "Strip", p.where(), ": nothing but a Strip is supported after a Fuse, found ", in_quotes(type));
    if (type == "ByteLevel") {
      only(p, {"type", "add_prefix_space", "trim_offsets", "use_regex"});
      steps_.emplace_back([](std::string& token, bool) {
        if (auto bytes = bytes_of_alphabet(token)) token = std::move(*bytes);
      });
    } else if (type == "ByteFallback") {
      only(p, {"type"});
      steps_.emplace_back([](std::string& token, bool) {
        if (const int b = byte_of_token(token); b >= 0) token.assign(1, static_cast<char>(b));
      });
    } else if (type == "Fuse") {
      only(p, {"type"});
      fused = true;
    } else if (type == "Replace") {
      add_replace(p);
    } else if (type == "Metaspace") {
      add_metaspace(p);
    } else if (type == "Strip") {
      add_strip(p, fused);
    } else {
      unsupported(p);
    }
  }
  void add_replace(const fields& p) {
    only(p, {"type", "pattern", "content"});
    steps_.emplace_back([pattern = pattern_of(p), content = p.text("content", "")](std::string& token, bool) {
      token = replace_matches(pattern, token, content);
    });
  }
  void add_metaspace(const fields& p) {
    only(p, {"type", "replacement", "str_rep", "add_prefix_space", "prepend_scheme", "split"});
    const bool drops = p.text("prepend_scheme", p.flag("add_prefix_space", true) ? "always" : "never") != "never";
    steps_.emplace_back([mark = character_of(p, "replacement"), drops](std::string& token, bool first) {
      for (std::size_t at = 0; (at = token.find(mark, at)) != token.npos;) {
        const std::string_view space = first && drops ? "" : " ";
        token.replace(at, mark.size(), space);
        at += space.size();
      }
    });
  }
  void add_strip(const fields& p, bool fused) {
    only(p, {"type", "content", "start", "stop"});
    const auto start = p.integer("start", 0), stop = p.integer("stop", 0);
    need(fused && stop == 0 && (start == 0 || start == 1), p.where(),
         ": only a Strip of one character at the text's start, after a Fuse, is supported");
    steps_.emplace_back([c = character_of(p, "content"), start](std::string& token, bool first) {
      if (first && start == 1 && token.starts_with(c)) token.erase(0, c.size());
    });
  }
  std::vector<step> steps_;
};

}  // namespace supra::io
