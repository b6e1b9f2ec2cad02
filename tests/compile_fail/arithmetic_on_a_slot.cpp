// expect: no match for 'operator+'
// The next feature belongs to another lane.
#include "supra/feature/softmax.hpp"
#include "supra/testing/check_stage.hpp"

struct neighbours : supra::softmax {
  static constexpr bool random_access = true;
  void forward(auto lanes, const auto&, auto x, auto y) const {
    lanes.sync();
#ifdef SUPRA_MENDED
    lanes.each(x.size(), [&](auto i) { y[i] = x[(int(i) + 1) % x.size()]; });
#else
    lanes.each(x.size(), [&](auto i) { y[i] = x[(i + 1) % x.size()]; });
#endif
  }
};

supra::testing::stage_report report = supra::testing::check_stage<neighbours>();
