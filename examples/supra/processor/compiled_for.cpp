// Compiled with the flags of the program's other translation units: data alone, no code that could use what they ask for.
#include "instructions.hpp"

namespace supra::program {
namespace {
#define SUPRA_TEXT(x) #x
#define SUPRA_ADD(macro, name) bits |= SUPRA_TEXT(macro)[0] == '1' ? bit : 0, bit <<= 1;
constexpr instruction_sets these_flags() {
  [[maybe_unused]] instruction_sets bits = 0, bit = 1;
  SUPRA_INSTRUCTIONS(SUPRA_ADD)
  return bits;
}
}  // namespace
constexpr instruction_sets compiled_for = these_flags();
}  // namespace supra::program
