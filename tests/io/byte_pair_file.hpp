// A small tokenizer.json: all bytes, a few merges and two special tokens. Tests change a field of it.
#pragma once

#include <string>

#include "supra/io/byte_alphabet.hpp"
#include "supra/io/json.hpp"

namespace supra_test {

inline supra::io::json byte_pair_file() {
  using supra::io::json;
  json vocabulary = json::object(), merges = json::array();
  for (int b = 0; b < 256; ++b) vocabulary[supra::io::in_byte_alphabet(std::string(1, static_cast<char>(b)))] = b;
  for (std::string pair : {"t h", "th e", "\u0120 the", "i n", "in g"}) {
    const auto space = pair.find(' ');
    merges.push_back(pair);
    const auto id = vocabulary.size();
    vocabulary[pair.substr(0, space) + pair.substr(space + 1)] = id;
  }
  auto special = [](int id, const char* content) {
    return json{{"id", id}, {"content", content}, {"special", true}, {"single_word", false}, {"lstrip", false},
                {"rstrip", false}, {"normalized", false}};
  };
  const json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", {special(261, "<|begin|>"), special(262, "<|endoftext|>")}},
          {"normalizer", nullptr},
          {"pre_tokenizer", bytes},
          {"post_processor", bytes},
          {"decoder", bytes},
          {"model",
           {{"type", "BPE"}, {"dropout", nullptr}, {"unk_token", nullptr}, {"vocab", vocabulary}, {"merges", merges}}}};
}

}  // namespace supra_test
