// Writes sentencepiece's .model of byte-pair encoding out of pieces: protocol buffers' wire format, the fields and numbers of
// sentencepiece_model.proto.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace supra::io {

// GGUF's token types are numbered like these.
enum class piece_type { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

struct sentencepiece_piece {
  std::string text;
  float score = 0;
  piece_type type = piece_type::normal;
};

struct sentencepiece_model {
  std::vector<sentencepiece_piece> pieces;
  std::string unknown = "<unk>", bos = "<s>", eos = "</s>";  // names of pieces
  bool space_before = true, collapse_spaces = false;         // before the text; of several, one
};

class protocol_buffer {
 public:
  protocol_buffer& number(int field, std::uint64_t x) {
    return varint(static_cast<std::uint64_t>(field) << 3), varint(x), *this;
  }
  protocol_buffer& number(int field, float x) {
    varint(static_cast<std::uint64_t>(field) << 3 | 5);
    char raw[sizeof x];
    std::memcpy(raw, &x, sizeof x);  // little-endian, as the processor
    bytes_.append(raw, sizeof x);
    return *this;
  }
  protocol_buffer& text(int field, std::string_view x) {
    varint(static_cast<std::uint64_t>(field) << 3 | 2), varint(x.size());
    bytes_.append(x);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t x) {
    for (; x >= 128; x >>= 7) bytes_ += static_cast<char>((x & 127) | 128);
    bytes_ += static_cast<char>(x);
  }
  std::string bytes_;
};

inline std::string sentencepiece_bytes(const sentencepiece_model& m) {
  protocol_buffer file;
  bool falls_back = false;
  for (auto& p : m.pieces) {
    falls_back |= p.type == piece_type::byte;
    const auto type = static_cast<std::uint64_t>(p.type);
    file.text(1, protocol_buffer().text(1, p.text).number(2, p.score).number(3, type).bytes());
  }
  constexpr std::uint64_t byte_pairs = 2;  // TrainerSpec.ModelType.BPE
  file.text(2, protocol_buffer()
                   .number(3, byte_pairs)
                   .number(4, m.pieces.size())
                   .number(35, std::uint64_t{falls_back})
                   .text(45, m.unknown)
                   .text(46, m.bos)
                   .text(47, m.eos)
                   .bytes());
  file.text(3, protocol_buffer()
                   .text(1, "identity")
                   .number(3, std::uint64_t{m.space_before})
                   .number(4, std::uint64_t{m.collapse_spaces})
                   .number(5, std::uint64_t{1})
                   .bytes());
  return file.bytes();
}

}  // namespace supra::io
