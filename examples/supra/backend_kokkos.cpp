// The program's commands on the Kokkos backend, in Kokkos' default execution space.
#include <cstdlib>
#include <thread>

#include "commands_on.hpp"
#include "supra/kokkos/backend.hpp"

#ifndef SUPRA_VARIANTS_KOKKOS
SUPRA_NO_VARIANTS(supra::kokkos_backend<>)
#endif

namespace supra::program {
namespace {
// Kokkos is there before the backend and gone after it.
struct session {
  explicit session(int threads) : guard(settings(threads)) {}
  static Kokkos::InitializationSettings settings(int threads) {
    Kokkos::InitializationSettings s;
    if (threads > 0) s.set_num_threads(threads);
    return s;
  }
  Kokkos::ScopeGuard guard;
};
class kokkos_commands_on final : session, public commands_on<kokkos_backend<>> {
 public:
  explicit kokkos_commands_on(int threads) : session(threads) {}
};
}  // namespace
std::unique_ptr<commands> kokkos_commands(int threads) {
  setenv("OMP_PROC_BIND", "false", 0);  // else Kokkos asks for a choice; this one shares the machine
  const int most = static_cast<int>(std::thread::hardware_concurrency());
  io::need(threads <= most, "--threads ", threads, ": this machine has ", most,
           " processors; give at most as many, or leave --threads out");
  return std::make_unique<kokkos_commands_on>(threads);
}
}  // namespace supra::program
