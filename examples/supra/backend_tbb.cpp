// The program's commands on the oneTBB backend.
#include "commands_on.hpp"
#include "supra/tbb/backend.hpp"

#ifndef SUPRA_VARIANTS_TBB
SUPRA_NO_VARIANTS(supra::tbb_backend)
#endif

namespace supra::program {
std::unique_ptr<commands> tbb_commands(int threads) {
  const int most = tbb::info::default_concurrency();
  io::need(threads <= most, "--threads ", threads, ": this process may use ", most,
           " processors; give at most as many, or leave --threads out");
  return std::make_unique<commands_on<tbb_backend>>(threads);
}
}  // namespace supra::program
