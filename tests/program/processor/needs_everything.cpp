// As if compiled for instructions that no processor has all of: a static object ends it by a signal, were it ever made.
#include "processor/instructions.hpp"

namespace supra::program {
constexpr instruction_sets compiled_for = ~instruction_sets{0};
}
namespace {
struct fatal {
  fatal() { __builtin_trap(); }
} first;
}  // namespace
int main() {}
