// expect: no match for 'operator[]'
// A stage without random access that counts features itself: it would not run where lanes own registers.
#include "supra/feature/softmax.hpp"
#include "supra/testing/check_stage.hpp"

struct shifted : supra::softmax {
#ifndef SUPRA_MENDED
  void forward(auto lanes, const auto&, auto x, auto y) const {
    lanes.each(x.size(), [&](auto i) { y[i] = x[x.size() - 1 - int(i)]; });
  }
#endif
};

supra::testing::stage_report report = supra::testing::check_stage<shifted>();
