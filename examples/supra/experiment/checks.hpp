// What is known to fit together before an experiment writes anything, and what tells its teachers and texts from others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "file.hpp"

namespace supra::program::experiments {

// A teacher, opened with its tokenizer; a made-up one need not have been made yet.
struct opened_teacher {
  std::int64_t longest = 0, usual = 0;  // tokens of a sequence: at most, and where no seq is given
  std::int64_t heads = 0, kv_heads = 0;
  std::string weights;                  // a fingerprint of their values; empty until a made-up one is there
};
opened_teacher opened(const teacher&);
std::string fingerprint_of_weights(const std::string& model);

// Throws a sentence, with the variant's name, for what uptrain would refuse: the attention, the key heads, the recipe,
// the size of a step.
void check_variant(const variant&, const opened_teacher&);

// Texts are there, the measures can read them, and all variants and teachers are held against the same held-out text. A
// fingerprint of what the files hold.
std::string check_texts(const experiment&);

// Text that uptrain makes, teacher:SEED or recall:SEED, and no file.
bool is_made(const std::string& text);

}  // namespace supra::program::experiments
