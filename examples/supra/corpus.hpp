// Made-up stories whose entropy is known: a small grammar with things to remember, hidden here and asked for later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace supra::program {

// ASCII, 60 to 200 words. nats: -log of the probability with which the grammar tells exactly this text, so that no model that
// reads texts one at a time can have a lower mean. Every text ends in the same kind of sentence, which occurs nowhere else:
// a model that is asked for an end mark too needs no nats for it.
struct story {
  std::string text;
  double nats;
};

// Tells the story that the generator's state leads to, and moves the state on. The same on every platform.
story make_story(std::uint64_t& state);

// Stories until their texts together have at least `bytes` bytes. Other seeds give other stories, for example to hold out.
std::vector<story> corpus(std::uint64_t seed, std::size_t bytes);

// Nats per byte of text, estimated over `stories` stories.
double entropy_per_byte(std::uint64_t seed, std::size_t stories);
// Nats per token of these, each its bytes and BOS.
double entropy_per_token(std::span<const story> stories);

// The same -log probability found from a text alone, summed over all ways to tell it; infinite for a text the grammar never
// tells. Slow: it tries every choice that agrees with the text so far.
double nats_of(std::string_view text);

// The grammar itself: a story is a sequence of choices, each of 0..n-1 with equal probability.
struct choices {
  virtual ~choices() = default;
  virtual std::size_t of(std::size_t n, std::string_view told_so_far) = 0;
};
std::string tell(choices& choose);

}  // namespace supra::program
