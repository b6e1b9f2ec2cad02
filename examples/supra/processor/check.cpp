// Before any other code of the program runs, static objects included: where it is compiled for more than the processor has, it
// ends with a sentence; where it is compiled for the baseline and one for more lies beside it, that one takes over. Compiled
// for the baseline itself, and shares no function with other translation units (sentence.hpp says why).
#include <unistd.h>

#include "sentence.hpp"

namespace supra::program {
namespace {
#define SUPRA_ASK(macro, name) bits |= __builtin_cpu_supports(name) ? bit : 0, bit <<= 1;
instruction_sets available() {
  [[maybe_unused]] instruction_sets bits = 0, bit = 1;
  SUPRA_INSTRUCTIONS(SUPRA_ASK)
  return bits;
}
// supra-x86-64-v3 for supra; returns if there is none.
[[maybe_unused]] void become(const char* level, char** argv) {
  char path[4096];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 32);
  if (n <= 0) return;
  *put(put(path + n, path + sizeof path - 1, "-"), path + sizeof path - 1, level) = 0;
  execv(path, argv);
}
// 101: the first that a program may have; objects without a number come later.
[[gnu::constructor(101)]] void check(int, [[maybe_unused]] char** argv, char**) {
#ifdef SUPRA_HAS_INSTRUCTIONS
  __builtin_cpu_init();
#endif
  char text[1000];
  const int n = missing_sentence(compiled_for, available(), text, sizeof text);
  if (n > 0) {
    [[maybe_unused]] const auto told = write(STDERR_FILENO, text, static_cast<size_t>(n));
    _exit(1);
  }
#define SUPRA_BECOME(level) \
  if (compiled_for == 0 && __builtin_cpu_supports(level)) become(level, argv);
  SUPRA_LEVELS(SUPRA_BECOME)
}
}  // namespace
}  // namespace supra::program
