// expect: supra: a feature map needs static int out_dim(int d), the width of a mapped row
#include "supra/feature/softmax.hpp"

struct softmax_copy {
#ifdef SUPRA_MENDED
  SUPRA_FN static constexpr int out_dim(int d) { return d; }
#endif
  void forward(auto lanes, const auto& at, auto x, auto y) const { supra::softmax{}.forward(lanes, at, x, y); }
  void vjp(auto lanes, const auto& at, auto x, auto dy, auto dx) const { supra::softmax{}.vjp(lanes, at, x, dy, dx); }
};

static_assert(supra::explain_feature_map<softmax_copy>());
