// The readers that are fuzzed, and files that each of them reads. The first byte of an input names its reader; the rest is the
// file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "supra/io/json.hpp"
#include "supra/model/config.hpp"

namespace supra_fuzz {

using bytes = std::vector<std::uint8_t>;

inline std::span<const std::byte> raw(std::span<const std::uint8_t> b) { return std::as_bytes(b); }
inline std::string_view text(std::span<const std::uint8_t> b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

constexpr int readers = 10;
void read_file(int reader, std::span<const std::uint8_t> file);  // throws what the reader throws

// A model of two shards: what is fuzzed is the index that names them, or the configuration that says what they hold.
const supra::model::config& sharded_model();
supra::io::json shard_index();

// The tokenizer in a GGUF file's keys, as the file that other programs read.
std::string tokenizer_file(std::span<const std::uint8_t> gguf);

std::vector<bytes> valid_files();

}  // namespace supra_fuzz
