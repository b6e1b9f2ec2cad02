// What a processor lacks, in words. Plain C, static and without the standard library: a function that other translation units
// have too could be taken from one that is compiled for more than the processor has.
#pragma once

#include "instructions.hpp"

namespace supra::program {

#define SUPRA_NAME(macro, name) name,
static const char* const instruction_names[] = {SUPRA_INSTRUCTIONS(SUPRA_NAME) nullptr};

static char* put(char* to, const char* end, const char* text) {
  while (*text && to < end) *to++ = *text++;
  return to;
}
// Writes the sentence to `to`, at most n characters, and returns how many; 0 where nothing is missing.
static int missing_sentence(instruction_sets required, instruction_sets available, char* to, int n) {
  const instruction_sets missing = required & ~available;
  if (missing == 0) return 0;
  const char* const end = to + n;
  char* p = put(to, end, "supra: this program is compiled for a processor with");
  for (int i = 0; instruction_names[i]; ++i)
    if (missing >> i & 1) p = put(put(p, end, " "), end, instruction_names[i]);
  p = put(p, end,
          ", which this one lacks; build it on this machine, or for any machine with the preset portable (cmake --preset "
          "portable && cmake --build --preset portable)\n");
  return static_cast<int>(p - to);
}

}  // namespace supra::program
