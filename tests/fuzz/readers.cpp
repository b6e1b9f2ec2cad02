// Feeds mutated safetensors, Hugging Face configurations and indices of shards, GGUF files, llama2.c models and tokenizers of
// all kinds to the readers: each must be read or refused by an exception, and ask for memory of a small multiple of the file's
// size only. Usage: fuzz_readers [RUNS [SEED [READER]]], READER the number of the only one to feed. With -DSUPRA_LIBFUZZER and
// clang's -fsanitize=fuzzer the fuzzer calls the same entry.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <new>
#include <random>
#include <string>

#include "readers/readers.hpp"

namespace {

// Bytes alive and their highest number since the last input started; every new and delete counts, through its own 16 bytes
// in front.
std::size_t alive = 0, peak = 0;
constexpr std::size_t front = 16;

// What one input may ask for. Most take below 12 times their size; a llama2.c model of many layers with a width of 2 takes
// the most, as each of its tensors of a few bytes has a name and a place.
std::size_t allowed(std::size_t size) { return 64 * size + 65536; }

}  // namespace

void* operator new(std::size_t n) {
  auto* p = static_cast<char*>(std::malloc(n + front));
  if (!p) throw std::bad_alloc();
  std::memcpy(p, &n, sizeof n);
  alive += n;
  if (alive > peak) peak = alive;
  return p + front;
}
void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
  try {
    return operator new(n);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* p) noexcept {
  if (!p) return;
  std::size_t n;
  std::memcpy(&n, static_cast<char*>(p) - front, sizeof n);
  alive -= n;
  std::free(static_cast<char*>(p) - front);
}
void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

namespace {

using namespace supra_fuzz;

// What is refused is refused by one of these.
void read_one(std::span<const std::uint8_t> input) {
  if (input.empty()) return;
  try {
    read_file(input[0] % readers, input.subspan(1));
  } catch (const supra::io::error&) {
  } catch (const std::invalid_argument&) {  // model::check
  }
}

[[noreturn]] void found(const char* what, std::size_t size) {
  std::fprintf(stderr, "%s: an input of %zu bytes had %zu bytes alive\n", what, size, peak);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool ready = [] {                     // what is made once is made before anything is counted
    for (auto& f : valid_files()) read_one(f);
    return true;
  }();
  (void)ready;
  const std::size_t before = alive;
  peak = alive;
  read_one({data, size});
  if (peak - before > allowed(size)) found("too much memory", size);
  if (alive != before) {                             // a library may keep something from its first use on, not twice
    const std::size_t once = alive;
    read_one({data, size});
    if (alive != once) found("memory kept", size);
  }
  return 0;
}

#ifndef SUPRA_LIBFUZZER
namespace {

// A few changes of the kinds that break readers, three of four in the header.
void mutate(bytes& b, std::mt19937_64& random) {
  auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  static const char* const words[] = {"\"",
                                      "{",
                                      "}",
                                      "[",
                                      "]",
                                      ",",
                                      ":",
                                      "0",
                                      "-1",
                                      "18446744073709551615",
                                      "9223372036854775807",
                                      "4294967296",
                                      "1e999",
                                      "null",
                                      "true",
                                      "\"a\":",
                                      "\"dtype\":\"F64\",",
                                      "\"shape\":[],",
                                      "\"data_offsets\":[0,0],",
                                      "\\u0000",
                                      "(",
                                      "|",
                                      "+",
                                      "{1,9}",
                                      "(?!",
                                      "[^",
                                      "\\\\p{L}",
                                      "\xff"};
  static const std::uint64_t numbers[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
    0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 100'000'000, 0x7f800000, 0x7fc00000};
  for (std::size_t k = 1 + below(4); k > 0; --k) {
    const std::size_t range = below(4) ? std::min<std::size_t>(b.size() - 1, 64 + below(600)) : b.size() - 1;
    const std::size_t at = 1 + below(std::max<std::size_t>(1, range));         // the first byte names the reader
    if (at >= b.size()) return;
    const auto place = b.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(8)) {
      case 0: *place ^= static_cast<std::uint8_t>(1u << below(8)); break;
      case 1: *place = static_cast<std::uint8_t>(random()); break;
      case 2: b.resize(at); break;
      case 3: b.insert(b.end(), below(9), static_cast<std::uint8_t>(random())); break;
      case 4: b.erase(place, place + static_cast<std::ptrdiff_t>(std::min(b.size() - at, 1 + below(16)))); break;
      case 5: {
        const std::string_view w = words[below(std::size(words))];
        b.insert(place, w.begin(), w.end());
        break;
      }
      case 6: {                                      // digits change where text is, words of 4 or 8 bytes elsewhere
        const std::size_t width = below(2) ? 4 : 8, start = 1 + (at - 1) / 4 * 4;
        const std::uint64_t n = numbers[below(std::size(numbers))];
        if (start + width <= b.size()) std::memcpy(b.data() + start, &n, width);
        break;
      }
      default: {                                     // a piece once more
        const std::size_t length = std::min(b.size() - at, 1 + below(64));
        const bytes piece(place, place + static_cast<std::ptrdiff_t>(length));
        b.insert(place, piece.begin(), piece.end());
      }
    }
  }
}

// A header's length that fits its header again, half the time: else nearly nothing would reach the parser.
void mend(bytes& b, std::mt19937_64& random, std::size_t data) {
  if (b[0] % readers != 0 || b.size() < 9 + data || random() % 4 == 0) return;
  const std::uint64_t length = b.size() - 9 - data;
  std::memcpy(b.data() + 1, &length, 8);
}

}  // namespace

int main(int count, char** words) {
  const std::uint64_t runs = count > 1 ? std::strtoull(words[1], nullptr, 10) : 20'000;
  const std::uint64_t seed = count > 2 ? std::strtoull(words[2], nullptr, 10) : 1;
  auto files = valid_files();
  for (auto& f : files) {                            // each must be readable to begin with
    LLVMFuzzerTestOneInput(f.data(), f.size());
    try {
      read_file(f[0], std::span(f).subspan(1));
    } catch (const supra::io::error& e) {            // tensors of each type are no model, and nothing else is wrong with them
      if (f[0] != 4 || !std::strstr(e.what(), "there is no tensor named \"token_embd.weight\"")) throw;
    }
  }
  if (count > 3) std::erase_if(files, [&](const bytes& f) { return f[0] != std::strtoul(words[3], nullptr, 10); });
  std::mt19937_64 random(seed);
  for (std::uint64_t i = 0; i < runs; ++i) {
    const bytes& valid = files[random() % files.size()];
    bytes input = valid;
    mutate(input, random);
    if (valid[0] == 0) {
      std::uint64_t header;
      std::memcpy(&header, valid.data() + 1, 8);
      mend(input, random, valid.size() - 9 - header);
    }
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::cout << runs << " mutated files, seed " << seed << ": each was read or refused\n";
}
#endif
