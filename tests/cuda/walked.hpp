// Compositions checked on the CUDA backend, which must walk their heads on tensor cores.
#pragma once

#include <cstdlib>
#include <vector>

#include "gpu.hpp"
#include "supra/supra.hpp"
#include "supra/testing/check_composition.hpp"

namespace supra_test {

// SUPRA_FEW_HEADS in the environment: four heads that share keys, walked whole, and parts of sequences of two, for
// compute-sanitizer is slow.
inline bool few_heads() { return std::getenv("SUPRA_FEW_HEADS") != nullptr; }

// The backend, which counts what it could not walk so. Few heads are enough for it then.
struct watched : supra::cuda_backend {
  int walked = 0, refused = 0;
  std::int64_t teams() const { return few_heads() ? 2 : cuda_backend::teams(); }
  template <class K>
  bool launch_walk(std::int64_t n, const K& kernel) {
    return count(cuda_backend::launch_walk(n, kernel));
  }
  template <class K, class L>
  bool launch_walk_pair(std::int64_t n, const K& one, const L& other) {
    return count(cuda_backend::launch_walk_pair(n, one, other));
  }
  bool count(bool taken) {
    ++(taken ? walked : refused);
    return taken;
  }
};

struct head_widths {
  int d, e;
};
// Of heads, each of these with a last chunk of few tokens: whole sequences where there are `many` heads, and parts of them.
template <class Composition>
void walks(const std::vector<head_widths>& widths, int many = 16) {
  watched b;
  std::vector<supra::testing::attention_case> cases;
  for (auto [d, e] : widths) {
    if (few_heads())
      cases.push_back({4, 2, d, e, 64, 1, 150, 1});
    else
      cases.push_back({many, many / 2, d, e, 64, 17, 75, 1});
    cases.push_back({2, 2, d, e, 64, 1, 150, 2});
    if (d == 64 && e == 64 && !few_heads())
      cases.push_back({9, 3, d, e, 64, 30, 75, 3}), cases.push_back({9, 3, d, e, 64, 1, 150, 4});
  }
  for (const auto& c : cases) {
    const auto report = supra::testing::check_composition<Composition, watched, supra::bf16>(b, c);
    for (const auto& f : report.failures) BOOST_ERROR("d " << c.d << ", e " << c.e << ", T " << c.length << ": " << f);
  }
  BOOST_TEST(b.walked > 0);
#ifdef SUPRA_CUDA_HOPPER
  BOOST_TEST(b.refused == 0);
#endif
}

}  // namespace supra_test
