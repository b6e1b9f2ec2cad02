// What is done to a text before it is cut into words: the "normalizer" of a tokenizer.json.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supra/io/nfc.hpp"
#include "supra/io/tokenizer_fields.hpp"

namespace supra::io {

class text_normalizer {
 public:
  text_normalizer() = default;
  explicit text_normalizer(const fields& part) {
    each_part(part, "normalizers", [&](const fields& p) { add(p); });
  }
  std::string operator()(std::string text) const {
    for (auto& step : steps_) step(text);
    return text;
  }
  bool empty() const { return steps_.empty(); }

 private:
  void add(const fields& p) {
    const std::string type = p.text("type", "");
    if (type == "NFC") {
      only(p, {"type"});
      steps_.emplace_back([](std::string& text) { text = nfc(text); });
    } else if (type == "Prepend") {
      only(p, {"type", "prepend"});
      steps_.emplace_back([before = p.text("prepend", "")](std::string& text) {
        if (!text.empty()) text.insert(0, before);
      });
    } else if (type == "Replace") {
      only(p, {"type", "pattern", "content"});
      steps_.emplace_back([pattern = pattern_of(p), content = p.text("content", "")](std::string& text) {
        text = replace_matches(pattern, text, content);
      });
    } else if (type == "Strip") {
      only(p, {"type", "strip_left", "strip_right"});
      steps_.emplace_back([left = p.flag("strip_left", false), right = p.flag("strip_right", false)](std::string& text) {
        strip(text, left, right);
      });
    } else {
      unsupported(p);
    }
  }
  static void strip(std::string& text, bool left, bool right) {
    std::size_t start = 0, end = text.size();
    while (left && start < end && is_white_space(utf8_at(text, start).code)) start += utf8_at(text, start).bytes;
    while (right && end > start && is_white_space(utf8_before(text, end).code)) end -= utf8_before(text, end).bytes;
    text = text.substr(start, end - start);
  }
  std::vector<std::function<void(std::string&)>> steps_;
};

}  // namespace supra::io
