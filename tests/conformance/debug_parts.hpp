// Plain lanes that claim more teams than there are heads and want parts of three chunks, and that fetch rows ahead: what a row
// is loaded from is what was announced for it, or the test fails.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <map>
#include <utility>

#include "supra/core/serial.hpp"

namespace supra_test {

struct staging_lanes : supra::serial_lanes {
  std::map<std::pair<int, int>, const void*>* announced;  // (slot, row): where its next row lies
  template <class Held, class S>
  void fetch(Held& row, int slot, int r, bool fetched, const S* next) const {
    auto& mine = (*announced)[{slot, r}];
    if (fetched && mine != static_cast<const void*>(row.row.data)) {
      std::fprintf(stderr, "slot %d, row %d: loaded from another place than was announced\n", slot, r);
      std::abort();
    }
    row.load(), mine = next;
  }
};

class staging_team : public supra::thread_team<supra::plain_tiles> {
 public:
  using supra::thread_team<supra::plain_tiles>::thread_team;
  template <class F>
  void rows(int n, F f) {
    for (int r = 0; r < n; ++r) f(staging_lanes{{}, &announced_}, r);
  }

 private:
  std::map<std::pair<int, int>, const void*> announced_;
};

class debug_parts : public supra::one_thread<supra::plain_tiles, staging_team> {
 public:
  template <class... Args>
  void gemm(Args... args) {
    serial_.gemm(args...);
  }
  std::int64_t teams() const { return 64; }
  std::int64_t part_length(std::int64_t, std::int64_t, int) const { return 48; }

 private:
  supra::serial_backend serial_;
};

}  // namespace supra_test
