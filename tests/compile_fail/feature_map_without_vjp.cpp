// expect: supra: a feature map needs void vjp(auto lanes, auto at, auto x, auto dy, auto dx) const, its gradient
#include "supra/core/linear_attention.hpp"
#include "supra/decay/none.hpp"
#include "supra/normalizer/none.hpp"
#include "supra/position/none.hpp"

struct square {
  SUPRA_FN static constexpr int out_dim(int d) { return d; }
  void forward(auto lanes, const auto&, auto x, auto y) const {
    lanes.each(x.size(), [&](auto i) { y[i] = x[i] * x[i]; });
  }
#ifdef SUPRA_MENDED
  void vjp(auto lanes, const auto&, auto x, auto dy, auto dx) const {
    lanes.each(x.size(), [&](auto i) { dx[i] = 2 * x[i] * dy[i]; });
  }
#endif
};

supra::linear_attention<square, supra::no_position, supra::no_decay, supra::no_norm> stages;
